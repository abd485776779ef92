use super::error::{InvalidToken, InvalidTokenKind};
use crate::token::ValidatedToken;

/// Refuses a token that is bound to a key or certificate nobody asked to see.
///
/// A `cnf` claim says that the token is only good together with a proof (RFC 7800 §3.1, RFC 9449 §6, RFC 8705 §3).
/// To take it as a plain bearer token would be the downgrade that binding exists to prevent, whether or not
/// we know its members. This runs after *any* validator and before policy.
pub(crate) fn check_binding(token: &ValidatedToken) -> Result<(), InvalidToken> {
    if token.claims().has_confirmation() {
        return Err(InvalidToken::because(
            InvalidTokenKind::BindingNotVerified,
            "the token is bound (`cnf`) and its binding was not verified",
        ));
    }
    Ok(())
}
