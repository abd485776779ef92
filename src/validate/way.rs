use std::sync::Arc;

use super::directory::Listing;
use super::error::{InvalidToken, InvalidTokenKind};
use super::introspected::Introspected;
use super::jwt::Jwt;
use super::known::KnownIssuer;
use crate::claims::Claims;
use crate::jose::UnverifiedJws;

/// Where a token is judged. There is one way for each, written down in the configuration; none is tried after another.
#[expect(clippy::large_enum_variant, reason = "it lives for one call, on the stack")]
pub(super) enum Way<'t> {
    /// Here, with its issuer's keys.
    Local(Jwt<'t>),
    /// By its issuer.
    Introspection(&'t Arc<KnownIssuer>, &'t Introspected),
}

impl<'t> Way<'t> {
    /// A JWT goes to the issuer that its `iss` selects, and whatever else to the one issuer that claims such tokens.
    pub(super) fn of(token: &'t str, issuers: &'t Listing) -> Result<Self, InvalidToken> {
        if issuers.introspects() && !UnverifiedJws::is_one(token) {
            let issuer = issuers.of_opaque(token);
            let introspected = issuer.and_then(|issuer| Some((issuer, issuer.introspected.as_ref()?)));
            let (issuer, introspected) = introspected.ok_or(InvalidToken::because(
                InvalidTokenKind::Malformed,
                "the token is no JWT, and no issuer introspects what begins like it",
            ))?;
            return Ok(Self::Introspection(issuer, introspected));
        }
        let jws = UnverifiedJws::split(token)?;
        if let Some(issuer) = issuers.only()
            && !issuer.introspects_jwts()
        {
            return Ok(Self::Local(Jwt { issuer, jws, read: None, owner: None }));
        }
        let claims = Claims::from_json(jws.payload_text()?)?;
        let name = claims.issuer().ok_or(InvalidToken::missing("iss"))?;
        let issuer = issuers.find(name).ok_or(InvalidToken::wrong_issuer())?;
        if let Some(introspected) =
            issuer.introspected.as_ref().filter(|introspected| introspected.tokens.jwts)
        {
            return Ok(Self::Introspection(issuer, introspected));
        }
        let owner = issuer.owner_of_keys(name);
        Ok(Self::Local(Jwt { issuer, jws, read: Some(claims), owner }))
    }
}
