use std::time::Duration;

use super::error::{InvalidToken, InvalidTokenKind};
use super::kind::{AudienceRule, TokenKind};
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
        let issuer = claims.issuer().ok_or(InvalidToken::missing("iss"))?;
        let name = self.issuers.find(issuer).ok_or(InvalidToken::wrong_issuer())?;
        self.check_audience(claims)?;
        check_expiry(claims, now, self.leeway)?;
        self.check_other_dates(claims, now)?;
        check_names(claims)?;
        self.kind.check_claims(claims, name.tenant.as_deref())
    }

    pub(super) fn takes_issuer(&self, issuer: &str) -> bool {
        self.issuers.find(issuer).is_some()
    }

    /// Whether `aud` names this resource server (RFC 7519 §4.1.3): the whole string, no prefix, no pattern.
    pub(super) fn is_for_us(&self, claims: &Claims) -> bool {
        claims.audience().any(|audience| self.audiences.iter().any(|ours| **ours == *audience))
    }

    /// `nbf`, `iat`, and how long the token lives.
    pub(super) fn check_other_dates(&self, claims: &Claims, now: Duration) -> Result<(), InvalidToken> {
        use InvalidTokenKind as Kind;
        // RFC 7519 §4.1.5.
        if claims.not_before().is_some_and(|not_before| not_before.since_epoch() > self.latest(now)) {
            return Err(InvalidToken::because(Kind::NotYetValid, "`nbf` is in the future"));
        }
        // RFC 7519 §4.1.6 leaves it open; a token from the future is a sign of a forged or broken clock.
        if claims.issued_at().is_some_and(|issued_at| issued_at.since_epoch() > self.latest(now)) {
            return Err(InvalidToken::because(Kind::IssuedInTheFuture, "`iat` is in the future"));
        }
        self.check_lifetime(claims, now)
    }

    /// RFC 9068 §4. Where a client stands for the audience, it must be one of those listed.
    fn check_audience(&self, claims: &Claims) -> Result<(), InvalidToken> {
        let hint = self.kind.audience_hint;
        if let AudienceRule::Client(name) = self.kind.audience {
            let client = claims.first_text(&[name]).ok_or(InvalidToken::missing(name))?;
            if !self.clients.iter().any(|ours| **ours == *client) {
                return Err(InvalidToken::for_others(
                    "the token was issued to a client that is not listed",
                    None,
                ));
            }
            if !claims.has_audience() {
                return Ok(());
            }
        }
        if !claims.has_audience() {
            return Err(InvalidToken::without_audience(hint));
        }
        if self.is_for_us(claims) {
            return Ok(());
        }
        Err(InvalidToken::for_others("`aud` does not name this resource server", hint))
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

/// An empty name is nobody's, and services that look it up have found their own.
pub(super) fn check_names(claims: &Claims) -> Result<(), InvalidToken> {
    let empty = |(_, value): &(_, Option<&str>)| value.is_some_and(str::is_empty);
    let names = [("sub", claims.subject()), ("client_id", claims.client_id())];
    names.into_iter().find(empty).map_or(Ok(()), |(name, _)| Err(InvalidToken::missing(name)))
}

/// RFC 7519 §4.1.4: `exp` is there, and `now` is before it. Judged anew wherever an earlier result is reused.
pub(crate) fn check_expiry(claims: &Claims, now: Duration, leeway: Duration) -> Result<(), InvalidToken> {
    let expires_at = claims.expires_at().ok_or(InvalidToken::missing("exp"))?;
    if now >= expires_at.since_epoch().saturating_add(leeway) {
        return Err(InvalidToken::because(InvalidTokenKind::Expired, "the token has expired"));
    }
    Ok(())
}
