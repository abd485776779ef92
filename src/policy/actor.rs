//! Who acts for the subject of a token (RFC 8693 §4.1).

use crate::token::ValidatedToken;

/// Whether somebody acts for the subject.
pub(super) fn has_actor(token: &ValidatedToken) -> Option<bool> {
    token.find_member("act").ok().map(|actor| actor.is_some())
}

/// Whether it is this subject of this issuer. RFC 8693 §4.1: the outermost `act` alone is the current actor; those within it are
/// history, and decide nothing.
pub(super) fn is_actor(token: &ValidatedToken, issuer: &str, subject: &str) -> Option<bool> {
    let Some(actor) = token.find_member("act").ok()? else { return Some(false) };
    let actor = actor.as_object()?;
    let named_issuer = match actor.get("iss").filter(|issuer| !issuer.is_null()) {
        Some(issuer) => issuer.as_str()?,
        None => token.issuer()?,
    };
    Some(actor.get("sub")?.as_str()? == subject && named_issuer == issuer)
}
