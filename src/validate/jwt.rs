use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::{InvalidToken, Unavailable, ValidationError};
use super::rules::ClaimRules;
use super::validator::{Presented, TokenValidator, Validation};
use crate::claims::{ClaimPath, Claims};
use crate::clock::Clock;
use crate::jose::{AllowedAlgorithms, JoseError, JoseHeader, UnverifiedJws, VerifiedJws};
use crate::jwks::{Flight, Keys, Lookup, Missing};
use crate::token::{ClaimMapping, ValidatedToken};

/// Validates JWT access tokens of one issuer.
///
/// The order is cheapest first: shape, header, key, claims, signature. Claims are looked at before the
/// signature only to refuse (an expired token costs no RSA operation); nothing else comes of them until the
/// signature is verified.
#[derive(Clone)]
pub(crate) struct JwtValidator {
    shared: Arc<Shared>,
}

struct Shared {
    rules: ClaimRules,
    allowed: AllowedAlgorithms,
    keys: Keys,
    mapping: ClaimMapping,
    clock: Arc<dyn Clock>,
}

/// What is known of a token without waiting.
enum Judged {
    Decided(Result<ValidatedToken, ValidationError>),
    /// Nothing speaks against the token but that its key is not in memory.
    NeedsKeys,
}

impl JwtValidator {
    pub(crate) fn new(
        rules: ClaimRules,
        allowed: AllowedAlgorithms,
        keys: Keys,
        roles_at: ClaimPath,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mapping = ClaimMapping { layout: &rules.profile.kind().layout, roles_at: Some(roles_at) };
        Self { shared: Arc::new(Shared { rules, allowed, keys, mapping, clock }) }
    }
}

impl TokenValidator for JwtValidator {
    fn validate(&self, presented: Presented<'_>) -> Validation {
        let token = presented.token.expose_secret();
        match self.shared.judge(token) {
            Judged::Decided(result) => Validation::Ready(result),
            Judged::NeedsKeys => match self.shared.keys.fetch() {
                Some(flight) => {
                    Validation::Pending(Box::pin(after(flight, Arc::clone(&self.shared), token.to_owned())))
                }
                // Somebody else's fetch ended in between, or too many wait for it already.
                None => Validation::Ready(self.shared.judge_finally(token)),
            },
        }
    }
}

/// Waits for the keys and judges the token anew, by the same rules and the clock of that later instant.
async fn after(
    flight: Flight,
    shared: Arc<Shared>,
    token: String,
) -> Result<ValidatedToken, ValidationError> {
    flight.await;
    shared.judge_finally(&token)
}

impl Shared {
    fn judge(&self, token: &str) -> Judged {
        self.try_judge(token).unwrap_or_else(|invalid| Judged::Decided(Err(invalid.into())))
    }

    /// Judges with the keys that are in memory: no token waits for a second fetch.
    fn judge_finally(&self, token: &str) -> Result<ValidatedToken, ValidationError> {
        match self.judge(token) {
            Judged::Decided(result) => result,
            Judged::NeedsKeys => Err(unavailable(Duration::ZERO).into()),
        }
    }

    fn try_judge(&self, token: &str) -> Result<Judged, InvalidToken> {
        let jws = UnverifiedJws::split(token)?;
        let header = JoseHeader::parse(&jws, &self.allowed)?;
        self.rules.profile.kind().check_typ(header.typ())?;
        let seen = self.keys.generation();
        let verified = self.keys.lookup(&header, None, |keys| {
            // The claims first: a token that is refused for them costs no signature operation.
            let claims = self.checked_claims(&jws)?;
            keys.verify(&jws).map(|proof| (proof, claims)).map_err(InvalidToken::from)
        });
        let missing = match verified {
            Lookup::Found(Ok((proof, claims))) => {
                return Ok(Judged::Decided(Ok(self.vouch(proof, claims))));
            }
            // RFC 7515 §4.1.4: without `kid`, a key that we do not have yet looks like a forgery.
            Lookup::Found(Err(error)) if header.key_id().is_none() && error.is_bad_signature() => {
                match self.keys.missing() {
                    Missing::Unknown if self.keys.generation() == seen => return Err(error),
                    missing => missing,
                }
            }
            Lookup::Found(Err(error)) => return Err(error),
            Lookup::Missing(missing) => missing,
        };
        match missing {
            // New keys came in between: "unknown" speaks of those, and we have not looked at them.
            Missing::Unknown if self.keys.generation() != seen => Ok(Judged::NeedsKeys),
            Missing::Unknown => Err(JoseError::UnknownKey(header.algorithm()).into()),
            // Before anybody is asked for keys, and before an outage is blamed, the token must be worth it.
            Missing::Fetch => self.checked_claims(&jws).map(|_| Judged::NeedsKeys),
            Missing::Unavailable { retry_after } => {
                self.checked_claims(&jws)?;
                Ok(Judged::Decided(Err(unavailable(retry_after).into())))
            }
        }
    }

    /// Checked claims become a validated token only against the proof that their signature was verified.
    fn vouch(&self, _: VerifiedJws, claims: Claims) -> ValidatedToken {
        ValidatedToken::new(claims, &self.mapping)
    }

    /// The claims, checked but not yet vouched for by a signature.
    fn checked_claims(&self, jws: &UnverifiedJws<'_>) -> Result<Claims, InvalidToken> {
        let claims = Claims::from_json(jws.payload_text()?)?;
        self.rules.check(&claims, self.clock.unix_time())?;
        Ok(claims)
    }
}

fn unavailable(retry_after: Duration) -> Unavailable {
    Unavailable::new("the issuer's keys are not available", retry_after)
}

impl fmt::Debug for JwtValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtValidator").field("rules", &self.shared.rules).finish_non_exhaustive()
    }
}
