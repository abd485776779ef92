use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::directory::Directory;
use super::error::{InvalidToken, Unavailable, ValidationError};
use super::known::KnownIssuer;
use super::validator::{Presented, TokenValidator, Validation};
use crate::claims::Claims;
use crate::clock::Clock;
use crate::jose::{JoseError, JoseHeader, KeyOwner, UnverifiedJws, VerifiedJws};
use crate::jwks::{Lookup, Missing, Waiting};
use crate::token::ValidatedToken;

/// Validates JWT access tokens of known issuers.
///
/// The order is cheapest first: shape, header, key, claims, signature. Claims are looked at before the
/// signature only to choose the issuer and to refuse (an expired token costs no RSA operation); nothing else comes of
/// them until the signature is verified.
#[derive(Clone)]
pub(crate) struct JwtValidator {
    shared: Arc<Shared>,
}

struct Shared {
    issuers: Arc<Directory>,
    clock: Arc<dyn Clock>,
}

/// What is known of a token without waiting.
enum Judged {
    Decided(Result<ValidatedToken, ValidationError>),
    /// Nothing speaks against the token but that its key is not in memory.
    NeedsKeys(Arc<KnownIssuer>),
}

/// A token that is being judged by the rules of one issuer.
struct Case<'t> {
    issuer: &'t Arc<KnownIssuer>,
    jws: UnverifiedJws<'t>,
    /// Where the claims had to be read to find the issuer.
    read: Option<Claims>,
    /// The tenant whose keys are asked for, where keys say whose they are.
    owner: Option<KeyOwner<'t>>,
    now: Duration,
}

impl JwtValidator {
    pub(crate) fn new(issuers: Arc<Directory>, clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared { issuers, clock }) }
    }
}

impl TokenValidator for JwtValidator {
    fn validate(&self, presented: Presented<'_>) -> Validation {
        let token = presented.token.expose_secret();
        match self.shared.judge(token) {
            Judged::Decided(result) => Validation::Ready(result),
            Judged::NeedsKeys(issuer) => match issuer.keys.fetch() {
                Some(waiting) => {
                    Validation::Pending(Box::pin(after(waiting, Arc::clone(&self.shared), token.to_owned())))
                }
                // Somebody else's fetch ended in between, or too many wait for it already.
                None => Validation::Ready(self.shared.judge_finally(token)),
            },
        }
    }
}

/// Waits for the keys and judges the token anew, by the issuers, rules and clock of that later instant.
async fn after(
    mut waiting: Waiting,
    shared: Arc<Shared>,
    token: String,
) -> Result<ValidatedToken, ValidationError> {
    waiting.landed().await;
    let result = shared.judge_finally(&token);
    // Until here, so that the keys are still where they came to.
    drop(waiting);
    result
}

impl Shared {
    fn judge(&self, token: &str) -> Judged {
        self.try_judge(token).unwrap_or_else(|invalid| Judged::Decided(Err(invalid.into())))
    }

    /// Judges with the keys that are in memory: no token waits for a second fetch.
    fn judge_finally(&self, token: &str) -> Result<ValidatedToken, ValidationError> {
        match self.judge(token) {
            Judged::Decided(result) => result,
            Judged::NeedsKeys(_) => Err(unavailable(Duration::ZERO).into()),
        }
    }

    fn try_judge(&self, token: &str) -> Result<Judged, InvalidToken> {
        let issuers = self.issuers.load();
        let jws = UnverifiedJws::split(token)?;
        let now = self.clock.unix_time();
        if let Some(issuer) = issuers.only() {
            return Case { issuer, jws, read: None, owner: None, now }.judge();
        }
        let claims = Claims::from_json(jws.payload_text()?)?;
        let name = claims.issuer().ok_or(InvalidToken::missing("iss"))?;
        let issuer = issuers.find(name).ok_or(InvalidToken::wrong_issuer())?;
        let owner = issuer.owner_of_keys(name);
        Case { issuer, jws, read: Some(claims), owner, now }.judge()
    }
}

impl Case<'_> {
    fn judge(mut self) -> Result<Judged, InvalidToken> {
        let issuer = self.issuer;
        let header = JoseHeader::parse(&self.jws, &issuer.allowed)?;
        issuer.rules.kind.check_typ(header.typ())?;
        let seen = issuer.keys.generation();
        let verified = issuer.keys.lookup(&header, self.owner, |keys| {
            // The claims first: a token that is refused for them costs no signature operation.
            let claims = self.checked_claims()?;
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
            Missing::Fetch => self.checked_claims().map(|_| self.needs_keys()),
            Missing::Unavailable { retry_after } => {
                self.checked_claims()?;
                Ok(Judged::Decided(Err(unavailable(retry_after).into())))
            }
        }
    }

    /// The claims, checked but not yet vouched for by a signature.
    fn checked_claims(&mut self) -> Result<Claims, InvalidToken> {
        let claims = match self.read.take() {
            Some(claims) => claims,
            None => Claims::from_json(self.jws.payload_text()?)?,
        };
        self.issuer.rules.check(&claims, self.now)?;
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

fn unavailable(retry_after: Duration) -> Unavailable {
    Unavailable::new("the issuer's keys are not available", retry_after)
}

impl fmt::Debug for JwtValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtValidator")
            .field("issuers", &self.shared.issuers.load().len())
            .finish_non_exhaustive()
    }
}
