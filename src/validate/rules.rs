use std::time::Duration;

use super::error::{InvalidToken, InvalidTokenKind};
use super::kind::TokenKind;
use super::names::IssuerNames;
use crate::claims::{Claims, NumericDate};

/// How far clocks may differ, in every time comparison.
pub(crate) const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

/// What an issuer's claims must say. Pure: `now` comes in by argument.
pub(crate) struct ClaimRules {
    pub(crate) issuers: IssuerNames,
    /// The identifiers of this resource server; a token names at least one of them.
    pub(crate) audiences: Vec<Box<str>>,
    /// The clients whose tokens are taken, where a client stands for the audience.
    pub(crate) clients: Vec<Box<str>>,
    pub(crate) kind: &'static TokenKind,
    pub(crate) leeway: Duration,
    pub(crate) max_token_lifetime: Option<Duration>,
}

impl ClaimRules {
    /// Checks `claims` at the instant `now` (time since the Unix epoch).
    pub(super) fn check(&self, claims: &Claims, now: Duration) -> Result<(), InvalidToken> {
        use InvalidTokenKind as Kind;
        let issuer = claims.issuer().ok_or(InvalidToken::missing("iss"))?;
        let name = self.issuers.find(issuer).ok_or(InvalidToken::wrong_issuer())?;
        self.kind.check_audience(claims, &self.audiences, &self.clients)?;
        check_expiry(claims, now, self.leeway)?;
        // RFC 7519 §4.1.5.
        if claims.not_before().is_some_and(|not_before| not_before.since_epoch() > self.latest(now)) {
            return Err(InvalidToken::because(Kind::NotYetValid, "`nbf` is in the future"));
        }
        // RFC 7519 §4.1.6 leaves it open; a token from the future is a sign of a forged or broken clock.
        if claims.issued_at().is_some_and(|issued_at| issued_at.since_epoch() > self.latest(now)) {
            return Err(InvalidToken::because(Kind::IssuedInTheFuture, "`iat` is in the future"));
        }
        self.check_lifetime(claims, now)?;
        // An empty name is nobody's, and services that look it up have found their own.
        for (name, value) in [("sub", claims.subject()), ("client_id", claims.client_id())] {
            if value.is_some_and(str::is_empty) {
                return Err(InvalidToken::missing(name));
            }
        }
        self.kind.check_claims(claims, name.tenant.as_deref())
    }

    fn check_lifetime(&self, claims: &Claims, now: Duration) -> Result<(), InvalidToken> {
        let (Some(most), Some(expires_at)) = (self.max_token_lifetime, claims.expires_at()) else {
            return Ok(());
        };
        let from = claims.issued_at().map_or(now, NumericDate::since_epoch);
        if expires_at.since_epoch().saturating_sub(from) > most {
            return Err(InvalidToken::because(
                InvalidTokenKind::LivesTooLong,
                "the token lives longer than `max_token_lifetime`",
            ));
        }
        Ok(())
    }

    fn latest(&self, now: Duration) -> Duration {
        now.saturating_add(self.leeway)
    }
}

/// RFC 7519 §4.1.4: `exp` is there, and `now` is before it. Judged anew wherever an earlier result is reused.
pub(crate) fn check_expiry(claims: &Claims, now: Duration, leeway: Duration) -> Result<(), InvalidToken> {
    let expires_at = claims.expires_at().ok_or(InvalidToken::missing("exp"))?;
    if now >= expires_at.since_epoch().saturating_add(leeway) {
        return Err(InvalidToken::because(InvalidTokenKind::Expired, "the token has expired"));
    }
    Ok(())
}
