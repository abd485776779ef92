use std::sync::Arc;
use std::time::Duration;

use super::error::{InvalidToken, Unavailable, ValidationError};
use super::known::KnownIssuer;
use crate::claims::Claims;
use crate::jose::{JoseError, JoseHeader, KeyOwner, UnverifiedJws, VerifiedJws};
use crate::jwks::{Lookup, Missing};
use crate::token::ValidatedToken;

/// A JWT access token that is judged here, by the rules of one issuer and with its keys.
pub(super) struct Jwt<'t> {
    pub(super) issuer: &'t Arc<KnownIssuer>,
    pub(super) jws: UnverifiedJws<'t>,
    /// Where the claims had to be read to find the issuer.
    pub(super) read: Option<Claims>,
    /// The tenant whose keys are asked for, where keys say whose they are.
    pub(super) owner: Option<KeyOwner<'t>>,
}

/// What is known of a token without waiting.
pub(super) enum Judged {
    Decided(Result<ValidatedToken, ValidationError>),
    /// Nothing speaks against the token but that its key is not in memory.
    NeedsKeys(Arc<KnownIssuer>),
}

impl Jwt<'_> {
    /// Judges a token at the instant `now`, as far as its key is in memory.
    ///
    /// The order is cheapest first: header, key, claims, signature. Claims are looked at before the signature only to
    /// refuse (an expired token costs no RSA operation); nothing else comes of them until the signature is verified.
    pub(super) fn judge(mut self, now: Duration) -> Result<Judged, InvalidToken> {
        let issuer = self.issuer;
        let header = JoseHeader::parse(&self.jws, &issuer.allowed)?;
        issuer.rules.kind.check_typ(header.typ())?;
        let seen = issuer.keys.generation();
        let verified = issuer.keys.lookup(&header, self.owner, |keys| {
            // The claims first: a token that is refused for them costs no signature operation.
            let claims = self.checked_claims(now)?;
            keys.verify(&self.jws).map(|proof| (proof, claims)).map_err(InvalidToken::from)
        });
        let missing = match verified {
            Lookup::Found(Ok((proof, claims))) => {
                return Ok(Judged::Decided(Ok(issuer.vouch(proof, claims))));
            }
            // RFC 7515 §4.1.4: without `kid`, a key that we do not have yet looks like a forgery.
            Lookup::Found(Err(error)) if header.key_id().is_none() && error.is_bad_signature() => {
                match issuer.keys.missing() {
                    Missing::Unknown if issuer.keys.generation() == seen => return Err(error),
                    missing => missing,
                }
            }
            Lookup::Found(Err(error)) => return Err(error),
            Lookup::Missing(missing) => missing,
        };
        match missing {
            // New keys came in between: "unknown" speaks of those, and we have not looked at them.
            Missing::Unknown if issuer.keys.generation() != seen => Ok(self.needs_keys()),
            Missing::Unknown => Err(JoseError::UnknownKey(header.algorithm()).into()),
            // Before anybody is asked for keys, and before an outage is blamed, the token must be worth it.
            Missing::Fetch => self.checked_claims(now).map(|_| self.needs_keys()),
            Missing::Unavailable { retry_after } => {
                self.checked_claims(now)?;
                Ok(Judged::Decided(Err(Unavailable::of_keys(retry_after).into())))
            }
        }
    }

    /// The claims, checked but not yet vouched for by a signature.
    fn checked_claims(&mut self, now: Duration) -> Result<Claims, InvalidToken> {
        let claims = match self.read.take() {
            Some(claims) => claims,
            None => Claims::from_json(self.jws.payload_text()?)?,
        };
        self.issuer.rules.check(&claims, now)?;
        Ok(claims)
    }

    fn needs_keys(&self) -> Judged {
        Judged::NeedsKeys(Arc::clone(self.issuer))
    }
}

impl KnownIssuer {
    /// Checked claims become a validated token only against the proof that their signature was verified.
    fn vouch(&self, _: VerifiedJws, claims: Claims) -> ValidatedToken {
        ValidatedToken::new(claims, &self.mapping)
    }
}
