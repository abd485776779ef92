use std::fmt;
use std::str::FromStr;

use super::error::InvalidToken;
use crate::claims::Claims;
use crate::jose::MediaType;

/// What kind of access token an issuer sends.
///
/// Both profiles check issuer, audience, expiry and signature. They differ in how they know an access token
/// from the other tokens that the same issuer signs with the same keys: ID tokens, logout tokens, security
/// events, DPoP proofs and more, all of which both refuse.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Profile {
    /// RFC 9068: `typ` is `at+jwt`, and `sub`, `client_id`, `iat` and `jti` are required beside `iss`, `aud`
    /// and `exp`. The default.
    #[default]
    Rfc9068,
    /// JWTs without an explicit type, as many issuers send them: `typ` may also be `JWT` or missing. Claims
    /// that mark another kind of token (`nonce`, `at_hash`, `c_hash`, `s_hash`, `events`) are refused.
    PlainJwt,
}

/// A profile as data: what `typ` may be, what must be there, what must not.
struct Row {
    name: &'static str,
    typs: &'static [&'static str],
    typ_may_be_missing: bool,
    required: &'static [RequiredClaim],
    markers: &'static [&'static str],
}

/// A claim's name, and how to see that it is there.
type RequiredClaim = (&'static str, fn(&Claims) -> bool);

const RFC_9068: Row = Row {
    name: "rfc9068",
    // RFC 9068 §4: at+jwt or application/at+jwt; any other explicit type is refused.
    typs: &["at+jwt"],
    typ_may_be_missing: false,
    // RFC 9068 §2.2. `iss`, `aud` and `exp` are required of every token, whatever its profile.
    required: &[
        ("sub", |claims| claims.subject().is_some()),
        ("client_id", |claims| claims.client_id().is_some()),
        ("iat", |claims| claims.issued_at().is_some()),
        ("jti", |claims| claims.token_id().is_some()),
    ],
    markers: &[],
};

const PLAIN_JWT: Row = Row {
    name: "plain_jwt",
    // RFC 8725 §3.11: without a type of their own, but never with somebody else's.
    typs: &["jwt", "at+jwt"],
    typ_may_be_missing: true,
    required: &[],
    // RFC 8725 §3.12, RFC 9068 §5: what only ID tokens (OpenID Connect Core §2, §3.3.2.11, FAPI), logout tokens and
    // security event tokens (RFC 8417 §2.2) carry.
    markers: &["nonce", "at_hash", "c_hash", "s_hash", "events"],
};

impl Profile {
    const ALL: [Self; 2] = [Self::Rfc9068, Self::PlainJwt];

    fn row(self) -> &'static Row {
        match self {
            Self::Rfc9068 => &RFC_9068,
            Self::PlainJwt => &PLAIN_JWT,
        }
    }

    fn takes_typ(self, typ: Option<MediaType<'_>>) -> bool {
        let row = self.row();
        typ.map_or(row.typ_may_be_missing, |typ| row.typs.iter().any(|accepted| typ.is(accepted)))
    }

    pub(super) fn check_typ(self, typ: Option<MediaType<'_>>) -> Result<(), InvalidToken> {
        if self.takes_typ(typ) {
            return Ok(());
        }
        let fitting = Self::ALL.into_iter().find(|profile| profile.takes_typ(typ));
        Err(InvalidToken::wrong_typ(self.row().name, fitting.map(|profile| profile.row().name)))
    }

    pub(super) fn check_claims(self, claims: &Claims) -> Result<(), InvalidToken> {
        let row = self.row();
        if let Some((missing, _)) = row.required.iter().find(|(_, present)| !present(claims)) {
            return Err(InvalidToken::missing(missing));
        }
        match row.markers.iter().find(|marker| claims.get(marker).is_some()) {
            Some(marker) => Err(InvalidToken::marked(marker)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().name)
    }
}

/// A text that names no profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a profile: `rfc9068` or `plain_jwt`")]
pub struct UnknownProfile(());

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::ALL.into_iter().find(|profile| profile.row().name == name).ok_or(UnknownProfile(()))
    }
}
