use super::requirement::Requirement;
use super::term::Term;

/// Requires that somebody acts for the subject of the token (`act`, RFC 8693 §4.1): it was exchanged, by a delegation. With
/// [`not`](crate::not), the subject itself is the caller.
///
/// `may_act` (§4.4) says who could get such a token, and is nothing here.
///
/// ```
/// use portcullis::{Claims, Decision, Policy as _, PolicyInput, ValidatedToken, acting, actor, not};
///
/// let (issuer, gateway) = ("https://id.example.com", "service:gateway");
/// let claims = r#"{"iss":"https://id.example.com","sub":"alice","act":{"sub":"service:gateway"}}"#;
/// let token = ValidatedToken::assertion(Claims::from_json(claims)?);
/// let request = http::Request::get("/").body(())?;
/// let allows = |requirement: portcullis::Requirement| {
///     requirement.decide(&PolicyInput::of(Some(&token), &request)) == Decision::Allow
/// };
/// assert!(allows(acting()));
/// assert!(allows(actor(issuer, gateway)));
/// assert!(!allows(not(acting()).or(actor(issuer, "service:batch"))));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn acting() -> Requirement {
    Requirement(Term::Acting)
}

/// Requires that the one who acts for the subject of the token is this subject of this issuer. A list of them is an
/// [`any_of`](crate::any_of); where no actor is right as well, `not(acting()).or(actor(..))`.
///
/// The outermost `act` alone counts (RFC 8693 §4.1): by its `sub`, and its `iss` or else the issuer of the token. Actors
/// before it, which stand within it, grant nothing.
#[must_use]
pub fn actor(issuer: &str, subject: &str) -> Requirement {
    Requirement(Term::Actor { issuer: issuer.into(), subject: subject.into() })
}
