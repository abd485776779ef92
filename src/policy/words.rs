use std::time::Duration;

use super::claim_test::{ClaimIs, ClaimTest, ClaimValue};
use super::input::PolicyInput;
use super::predicate::Predicate;
use super::requirement::Requirement;
use super::term::{Grant, Scope, Term};
use crate::bearer::ScopeName;
use crate::claims::ClaimPath;

/// Takes requests without a credential too: authentication is optional.
///
/// A credential that is there must be valid all the same: an expired token is 401 and never becomes anonymous. In Axum,
/// handlers take `Option<ValidatedToken>`; elsewhere [`ValidatedToken::of`](crate::ValidatedToken::of) is `None` for a request without a token.
#[must_use]
pub fn anyone() -> Requirement {
    Requirement(Term::Anyone)
}

/// Requires a token that speaks for a user, and not for a client on its own behalf (RFC 9700 §4.15, RFC 9068 §5).
///
/// Such a token has a subject, and names a client (`client_id`, or `azp` where that is missing) that is not the subject.
/// One that lacks either shows no user and is refused. Not checked: an issuer that gives its clients subjects of their
/// own makes their tokens look like a user's. The preset of a provider looks at what that provider's tokens say instead.
#[must_use]
pub fn user() -> Requirement {
    Requirement(Term::User)
}

/// Requires a valid token, whatever it grants.
#[must_use]
pub fn authenticated() -> Requirement {
    Requirement(Term::Authenticated)
}

/// Requires this scope (RFC 6749 §3.3: the whole scope-token, case-sensitive), or one that implies it where a
/// [`Vocabulary`](crate::Vocabulary) says so.
///
/// # Panics
///
/// If `scope` is not one scope-token: empty, with a space, a quote, a backslash, or outside printable ASCII.
#[must_use]
#[track_caller]
pub fn scope(scope: &str) -> Requirement {
    all_scopes([scope])
}

/// Requires every one of these scopes.
///
/// # Panics
///
/// If the list is empty (write [`authenticated`] if no scope is needed), or if one is not a scope-token.
#[must_use]
#[track_caller]
pub fn all_scopes<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Requirement {
    Requirement(Term::AllScopes(scope_list(scopes)))
}

/// Requires at least one of these scopes. A challenge names the first of them.
///
/// # Panics
///
/// If the list is empty (nothing could satisfy it), or if one is not a scope-token.
#[must_use]
#[track_caller]
pub fn any_scope<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Requirement {
    Requirement(Term::AnyScope(scope_list(scopes)))
}

/// Requires this role, by its whole name, in the claim that holds roles (`roles`, or where
/// [`roles_at`](crate::TrustedIssuer::roles_at) says), or one that includes it where a [`Vocabulary`](crate::Vocabulary)
/// says so.
///
/// Roles of another place are another thing, whatever their names: ask for them with [`claim`], or have a vocabulary
/// say which role they [show](crate::VocabularyBuilder::role_shown_by).
///
/// # Panics
///
/// If `role` is empty.
#[must_use]
#[track_caller]
pub fn role(role: &str) -> Requirement {
    assert!(!role.is_empty(), "a role has a name");
    Requirement(Term::Role(Grant::role(role)))
}

/// Requires a permission. Which roles have it, and which claims show it, a [`Vocabulary`](crate::Vocabulary) says; where none
/// is applied, nobody has it.
///
/// # Panics
///
/// If `permission` is empty.
#[must_use]
#[track_caller]
pub fn permission(permission: &str) -> Requirement {
    assert!(!permission.is_empty(), "a permission has a name");
    Requirement(Term::Permission(Grant::permission(permission)))
}

/// Requires something of one claim: `claim("tenant").equals("acme")`. The path is a name or a JSON Pointer, as for
/// [`roles_at`](crate::TrustedIssuer::roles_at).
///
/// ```
/// use portcullis::{Claims, Decision, Policy as _, PolicyInput, ValidatedToken, claim};
///
/// let claims = r#"{"tenant":"acme","groups":["staff"],"resource_access":{"shop":{"roles":["clerk"]}}}"#;
/// let token = ValidatedToken::assertion(Claims::from_json(claims)?);
/// let request = http::Request::get("/").body(())?;
/// let allows = |requirement: portcullis::Requirement| {
///     requirement.decide(&PolicyInput::of(Some(&token), &request)) == Decision::Allow
/// };
/// assert!(allows(claim("tenant").is_any_of(["acme", "globex"])));
/// assert!(allows(claim("groups").contains("staff")));
/// assert!(allows(claim("/resource_access/shop/roles").contains("clerk")));
/// assert!(!allows(claim("tenant").equals("ACME")));
/// assert!(!allows(claim("tenant").contains("acme")));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If the path is none, or could be a name as well as a path (`realm_access.roles`).
#[track_caller]
#[expect(clippy::panic, reason = "a mistake in the program's text, found when it starts; documented")]
pub fn claim(path: &str) -> ClaimAt {
    match ClaimPath::parse(path) {
        Ok(path) => ClaimAt(path),
        Err(problem) => panic!("{problem}"),
    }
}

/// A claim of which something is to be required. Made by [`claim`].
///
/// A claim that is not there, or is `null`, is not what is asked for. One that is there in another shape cannot be told:
/// neither the requirement nor its opposite admits.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClaimAt(ClaimPath);

impl ClaimAt {
    /// Requires that the claim is there.
    #[must_use]
    pub fn exists(self) -> Requirement {
        self.is(ClaimIs::Present)
    }

    /// Requires this value, of this type.
    #[must_use]
    pub fn equals(self, value: impl Into<ClaimValue>) -> Requirement {
        self.is(ClaimIs::OneOf([value.into()].into()))
    }

    /// Requires one of these values.
    ///
    /// # Panics
    ///
    /// If there are none.
    #[must_use]
    #[track_caller]
    pub fn is_any_of<V: Into<ClaimValue>>(self, values: impl IntoIterator<Item = V>) -> Requirement {
        let values: Box<[_]> = values.into_iter().map(Into::into).collect();
        assert!(!values.is_empty(), "a list of values has at least one");
        self.is(ClaimIs::OneOf(values))
    }

    /// Requires an array that has this text among its entries, or an object whose `value` it is (RFC 7643 §4.1.2).
    #[must_use]
    pub fn contains(self, entry: &str) -> Requirement {
        self.is(ClaimIs::Containing(entry.into()))
    }

    /// Requires a text that has this word among those with spaces between them.
    #[must_use]
    pub fn has_word(self, word: &str) -> Requirement {
        self.is(ClaimIs::WithWord(word.into()))
    }

    /// Requires an object with a member of this name whose value is an object or `true`.
    #[must_use]
    pub fn has_member(self, name: &str) -> Requirement {
        self.is(ClaimIs::WithMember(name.into()))
    }

    /// Requires the text that stands in the path where the rule's template has `{name}`: `claim("tenant")` of a rule for
    /// `/tenants/{tenant}/orders`, say. Outside a table of rules it is never met.
    #[must_use]
    pub fn equals_path_parameter(self, name: &str) -> Requirement {
        self.is(ClaimIs::PathParameter(name.into()))
    }

    fn is(self, is: ClaimIs) -> Requirement {
        Requirement(Term::Claim(ClaimTest { path: self.0, is }))
    }
}

/// Requires that the token was issued to this client ([`ValidatedToken::client_id`](crate::ValidatedToken::client_id)).
#[must_use]
pub fn client(client_id: &str) -> Requirement {
    Requirement(Term::Client(client_id.into()))
}

/// Requires that the token is of this issuer ([`ValidatedToken::issuer`](crate::ValidatedToken::issuer)).
#[must_use]
pub fn issuer(issuer: &str) -> Requirement {
    Requirement(Term::Issuer(issuer.into()))
}

/// Requires that the token speaks for this subject of this issuer. A subject alone is no identity: two issuers may give
/// the same one to two people.
#[must_use]
pub fn subject(issuer: &str, subject: &str) -> Requirement {
    Requirement(Term::Subject { issuer: issuer.into(), subject: subject.into() })
}

/// Requires that the end user was authenticated in this class (`acr`; RFC 9470). It is compared as it stands: no class is
/// higher than another unless [`any_acr`] lists both.
///
/// Where it is not met, and would be enough, the answer is 401 `insufficient_user_authentication` with `acr_values`.
///
/// # Panics
///
/// If the class cannot stand in a challenge: empty, with a space, a quote, a backslash, or outside printable ASCII.
#[must_use]
#[track_caller]
pub fn acr(class: &str) -> Requirement {
    any_acr([class])
}

/// Requires that the end user was authenticated in one of these classes. A challenge names them in this order.
///
/// # Panics
///
/// If the list is empty, or if one cannot stand in a challenge.
#[must_use]
#[track_caller]
pub fn any_acr<'a>(classes: impl IntoIterator<Item = &'a str>) -> Requirement {
    Requirement(Term::Acr(names(classes).into()))
}

/// Requires that the end user authenticated by this method, too (`amr`, RFC 8176), such as `mfa`, `otp` or `hwk`.
///
/// A client cannot be told to ask for a method (RFC 9470 §3 has no parameter for it), so the answer is 403. Where issuers name
/// a class for it, [`acr`] is the better question.
#[must_use]
pub fn amr(method: &str) -> Requirement {
    Requirement(Term::Amr(method.into()))
}

/// Requires that the end user authenticated (`auth_time`) at most so long ago, give or take the server's leeway. Fractions of a
/// second are cut off.
///
/// Where it is not met, and would be enough, the answer is 401 `insufficient_user_authentication` with `max_age` (RFC 9470).
/// An `auth_time` that is missing, no date, or further in the future than the leeway does not meet it.
#[must_use]
pub fn max_age(age: Duration) -> Requirement {
    Requirement(Term::MaxAge(Duration::from_secs(age.as_secs())))
}

/// Requires what a closure of your own asks. It has a name, for reasons and explanations. It must answer at once, and the
/// same for the same input; a panic in it unwinds through the layer, and admits nothing.
///
/// It is asked about requests without a token only beside [`anyone`].
///
/// ```
/// use portcullis::{predicate, scope};
///
/// let requirement = scope("orders:write").and(predicate("safe method", |input| input.method().is_safe()));
/// assert_eq!(requirement.to_string(), "scope `orders:write` and predicate `safe method`");
/// ```
///
/// # Panics
///
/// If `name` is empty.
#[must_use]
#[track_caller]
pub fn predicate(name: &str, test: impl Fn(&PolicyInput<'_>) -> bool + Send + Sync + 'static) -> Requirement {
    assert!(!name.is_empty(), "a predicate has a name");
    Requirement(Term::Predicate(Predicate::new(name, test)))
}

/// Requires all of these.
///
/// # Panics
///
/// If there are none: write [`authenticated`] if nothing is required.
#[must_use]
#[track_caller]
pub fn all_of(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    Requirement(Term::all_of(parts(requirements)))
}

/// Requires at least one of these.
///
/// # Panics
///
/// If there are none: nothing could satisfy it.
#[must_use]
#[track_caller]
pub fn any_of(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    Requirement(Term::any_of(parts(requirements)))
}

/// Requires that `requirement` is *not* met, by a request that has a valid token all the same.
#[must_use]
pub fn not(requirement: Requirement) -> Requirement {
    Requirement(Term::Not(Box::new(requirement.0)))
}

#[track_caller]
fn parts(requirements: impl IntoIterator<Item = Requirement>) -> Vec<Term> {
    let parts: Vec<_> = requirements.into_iter().map(|requirement| requirement.0).collect();
    assert!(!parts.is_empty(), "a list of requirements has at least one");
    parts
}

#[track_caller]
fn scope_list<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Box<[Scope]> {
    names(scopes).into_iter().map(Scope::new).collect()
}

#[track_caller]
#[expect(clippy::panic, reason = "a mistake in the program's text, found when it starts; documented")]
fn names<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<ScopeName> {
    let mut names = Vec::new();
    for text in texts {
        // Not in a closure: the panic is to name the line that wrote the text.
        let Some(name) = ScopeName::parse(text) else {
            panic!("`{text}` is empty or has a character that cannot stand in a challenge (RFC 6749 §3.3)")
        };
        names.push(name);
    }
    assert!(!names.is_empty(), "a list of names has at least one");
    names
}
