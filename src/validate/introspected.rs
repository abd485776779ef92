use std::time::Duration;

use super::error::{InvalidToken, InvalidTokenKind, Unavailable, ValidationError};
use super::rules::{ClaimRules, check_expiry, check_names};
use crate::claims::Claims;
use crate::introspect::{Answer, Introspector, Outcome};
use crate::token::ValidatedToken;

/// How the tokens of one issuer are introspected.
pub(crate) struct Introspected {
    pub(crate) introspector: Introspector,
    pub(crate) rules: AnswerRules,
    pub(crate) tokens: IntrospectedTokens,
}

/// Which tokens are introspected. Written down, and never found out by trying one way and then the other.
pub(crate) struct IntrospectedTokens {
    /// JWTs, too, instead of being validated here.
    pub(crate) jwts: bool,
    /// What the others begin with. The empty text: they are whatever no other issuer claims.
    pub(crate) prefix: Box<str>,
}

/// What the answer about a token may leave out.
pub(crate) struct AnswerRules {
    /// The clients whose tokens are taken where the answer has no `aud`.
    pub(crate) clients: Vec<Box<str>>,
    /// Whether an answer needs neither `aud` nor one of these clients.
    pub(crate) audience_may_be_missing: bool,
}

impl Introspected {
    /// Judges what the endpoint said of a token, at the instant `now`, whenever it was said.
    pub(super) fn judge(
        &self,
        rules: &ClaimRules,
        outcome: Outcome,
        now: Duration,
    ) -> Result<ValidatedToken, ValidationError> {
        match outcome {
            Ok(Answer::Active(token)) => {
                self.rules.check(rules, token.claims(), now)?;
                Ok(token)
            }
            Ok(Answer::Refused(refusal)) => Err(InvalidToken::from(refusal).into()),
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }
}

impl AnswerRules {
    /// Checks the members of an answer that says "active" (RFC 7662 §2.2). All of them are optional there.
    fn check(&self, rules: &ClaimRules, claims: &Claims, now: Duration) -> Result<(), InvalidToken> {
        // The endpoint speaks for its issuer. Where it says for which, that must be the one.
        if claims.issuer().is_some_and(|issuer| !rules.takes_issuer(issuer)) {
            return Err(InvalidToken::wrong_issuer());
        }
        self.check_audience(rules, claims)?;
        // Without `exp`, "active" is good for as long as the answer is kept.
        if claims.expires_at().is_some() {
            check_expiry(claims, now, rules.leeway)?;
        } else if rules.max_token_lifetime.is_some() {
            return Err(InvalidToken::missing("exp"));
        }
        rules.check_other_dates(claims, now)?;
        check_names(claims)?;
        check_type(claims)
    }

    fn check_audience(&self, rules: &ClaimRules, claims: &Claims) -> Result<(), InvalidToken> {
        if claims.has_audience() {
            let others = || InvalidToken::for_others("`aud` does not name this resource server", None);
            return if rules.is_for_us(claims) { Ok(()) } else { Err(others()) };
        }
        if self.audience_may_be_missing {
            return Ok(());
        }
        if self.clients.is_empty() {
            let hint = "if the issuer never says it, list the clients whose tokens are for this API (`Introspection::client_as_audience`)";
            return Err(InvalidToken::without_audience(Some(hint)));
        }
        let listed =
            claims.client_id().is_some_and(|client| self.clients.iter().any(|listed| **listed == *client));
        let others =
            || InvalidToken::for_others("there is no `aud`, and the client of the token is not listed", None);
        if listed { Ok(()) } else { Err(others()) }
    }
}

/// What else a server keeps and calls active: refresh tokens, ID tokens, tokens that are bound. One walk over the members,
/// because a token from memory is judged with every request.
fn check_type(claims: &Claims) -> Result<(), InvalidToken> {
    let mut there = claims.members().filter(|(_, value)| !value.is_null());
    there.try_for_each(|(name, value)| check_member(name, value.as_str().unwrap_or_default()))
}

fn check_member(name: &str, text: &str) -> Result<(), InvalidToken> {
    match name {
        // RFC 9449 §6.2: the type says it, with or without `cnf`.
        "token_type" if text.eq_ignore_ascii_case("DPoP") => Err(InvalidToken::because(
            InvalidTokenKind::BindingNotVerified,
            "the token is bound (`token_type` is `DPoP`) and its binding was not verified",
        )),
        // RFC 6749 §7.1: a client must not use a token whose type it does not know, and nor must we.
        "token_type" if !text.eq_ignore_ascii_case("Bearer") => Err(InvalidToken::marked("token_type")),
        // As servers mark what is no access token: Ory Hydra, Amazon Cognito; Keycloak.
        "token_use" if !["access_token", "access"].contains(&text) => Err(InvalidToken::marked("token_use")),
        "typ" if ["ID", "Refresh", "Offline", "Logout"].contains(&text) => Err(InvalidToken::marked("typ")),
        _ => Ok(()),
    }
}
