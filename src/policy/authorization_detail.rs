use super::detail_test::DetailTest;
use super::requirement::Requirement;
use super::term::Term;

/// Requires that an object of this `type` is among the token's `authorization_details` (RFC 9396 §9), of which more may be
/// required: all of it of the same object, and never one part of one and the rest of another.
///
/// ```
/// use portcullis::{Claims, Decision, Policy as _, PolicyInput, ValidatedToken, authorization_detail};
///
/// let pay = authorization_detail("payment").with_action("initiate").granted();
/// assert_eq!(pay.to_string(), "authorization detail `payment` with action `initiate`");
///
/// let request = http::Request::post("/payments").body(())?;
/// let allows = |details: &str| {
///     let claims = Claims::from_json(format!(r#"{{"authorization_details":{details}}}"#)).unwrap();
///     let token = ValidatedToken::assertion(claims);
///     pay.decide(&PolicyInput::of(Some(&token), &request)) == Decision::Allow
/// };
/// assert!(allows(r#"[{"type":"payment","actions":["initiate","cancel"]}]"#));
/// // Neither of these grants both.
/// assert!(!allows(r#"[{"type":"payment","actions":["cancel"]},{"type":"account","actions":["initiate"]}]"#));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If `detail_type` is empty.
#[track_caller]
pub fn authorization_detail(detail_type: &str) -> AuthorizationDetail {
    assert!(!detail_type.is_empty(), "an authorization detail has a type");
    AuthorizationDetail(DetailTest::of_type(detail_type))
}

/// An authorization detail in the making. Made by [`authorization_detail`]; [`granted`](Self::granted) makes a requirement of it.
///
/// Names are compared as they stand, octet by octet (RFC 9396 §12). What is ill-formed (no array, an object without `type`,
/// a list that is none) grants nothing, and does not show that nothing is granted.
///
/// *Not* checked: members of a type's own, such as amounts. Ask for those with a
/// [`predicate`](crate::predicate), or in the handler.
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthorizationDetail(DetailTest);

impl AuthorizationDetail {
    /// Requires this among its `locations`.
    ///
    /// A detail that has locations is for these alone (RFC 9396 §2.2). It does not meet a requirement that names none, since
    /// nobody has said that it is for this API.
    pub fn at_location(mut self, location: &str) -> Self {
        self.0.locations.push(location.into());
        self
    }

    /// Requires this among its `actions`. Without one, its actions do not matter.
    pub fn with_action(mut self, action: &str) -> Self {
        self.0.actions.push(action.into());
        self
    }

    /// Requires this among its `datatypes`. Without one, its datatypes do not matter.
    pub fn with_datatype(mut self, datatype: &str) -> Self {
        self.0.datatypes.push(datatype.into());
        self
    }

    /// Requires this among its `privileges`. Without one, its privileges do not matter.
    pub fn with_privilege(mut self, privilege: &str) -> Self {
        self.0.privileges.push(privilege.into());
        self
    }

    /// Requires this `identifier`. Without it, its identifier does not matter: a detail for one account is taken for
    /// any.
    pub fn with_identifier(mut self, identifier: &str) -> Self {
        self.0.identifier = Some(identifier.into());
        self
    }

    /// Requires that the token has such a detail. A client is not told which: the answer is 403 without `scope`.
    #[must_use]
    pub fn granted(self) -> Requirement {
        Requirement(Term::AuthorizationDetail(Box::new(self.0)))
    }
}
