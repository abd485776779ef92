use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::directory::Directory;
use super::error::{InvalidToken, Unavailable, ValidationError};
use super::jwt::Judged;
use super::known::KnownIssuer;
use super::validator::{Presented, TokenValidator, Validation};
use super::way::Way;
use crate::clock::Clock;
use crate::introspect::{Looked, WaitingForAnswer};
use crate::jwks::Waiting;
use crate::token::ValidatedToken;

/// Validates access tokens of known issuers: JWTs here, and others by asking their issuer, as the configuration says.
#[derive(Clone)]
pub(crate) struct IssuerValidator {
    shared: Arc<Shared>,
}

struct Shared {
    issuers: Arc<Directory>,
    clock: Arc<dyn Clock>,
}

/// What is known of a token without waiting.
enum Known {
    Decided(Result<ValidatedToken, ValidationError>),
    /// Nothing speaks against the token but that its key is not in memory.
    NeedsKeys(Arc<KnownIssuer>),
    /// Its issuer was asked. Nobody keeps an issuer by waiting: where it is replaced, nothing is waited for.
    Asked(Weak<KnownIssuer>, WaitingForAnswer),
}

impl IssuerValidator {
    pub(crate) fn new(issuers: Arc<Directory>, clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared { issuers, clock }) }
    }
}

impl TokenValidator for IssuerValidator {
    fn validate(&self, presented: Presented<'_>) -> Validation {
        let token = presented.token.expose_secret();
        let shared = || (Arc::clone(&self.shared), token.to_owned());
        match self.shared.judge(token) {
            Known::Decided(result) => Validation::Ready(result),
            Known::NeedsKeys(issuer) => match issuer.keys.fetch() {
                Some(waiting) => {
                    let (shared, token) = shared();
                    Validation::Pending(Box::pin(shared.after_keys(waiting, token)))
                }
                // Somebody else's fetch ended in between, or too many wait for it already.
                None => Validation::Ready(self.shared.judge_finally(token)),
            },
            Known::Asked(issuer, waiting) => {
                let (shared, token) = shared();
                Validation::Pending(Box::pin(shared.after_answer(issuer, waiting, token)))
            }
        }
    }
}

impl Shared {
    fn judge(&self, token: &str) -> Known {
        self.try_judge(token).unwrap_or_else(|invalid| Known::Decided(Err(invalid.into())))
    }

    fn try_judge(&self, token: &str) -> Result<Known, InvalidToken> {
        let issuers = self.issuers.load();
        match Way::of(token, &issuers)? {
            Way::Local(jwt) => Ok(match jwt.judge(self.clock.unix_time())? {
                Judged::Decided(result) => Known::Decided(result),
                Judged::NeedsKeys(issuer) => Known::NeedsKeys(issuer),
            }),
            Way::Introspection(issuer, introspected) => {
                let now = self.clock.unix_time();
                Ok(match introspected.introspector.look(token, &issuer.keys, now) {
                    Looked::Known(answer) => {
                        Known::Decided(introspected.judge(&issuer.rules, Ok(answer), now))
                    }
                    Looked::Failed(error) => Known::Decided(Err(Unavailable::from(error).into())),
                    Looked::Pending(waiting) => Known::Asked(Arc::downgrade(issuer), waiting),
                })
            }
        }
    }

    /// Judges with the keys that are in memory: no token waits for a second fetch.
    fn judge_finally(&self, token: &str) -> Result<ValidatedToken, ValidationError> {
        match self.judge(token) {
            Known::Decided(result) => result,
            Known::NeedsKeys(_) => Err(Unavailable::of_keys(Duration::ZERO).into()),
            Known::Asked(..) => Err(changed().into()),
        }
    }

    /// Waits for the keys and judges the token anew, by the issuers, rules and clock of that later instant.
    async fn after_keys(
        self: Arc<Self>,
        mut waiting: Waiting,
        token: String,
    ) -> Result<ValidatedToken, ValidationError> {
        waiting.landed().await;
        let result = self.judge_finally(&token);
        // Until here, so that the keys are still where they came to.
        drop(waiting);
        result
    }

    /// Waits for the answer and judges it, if the issuer that gave it is still the one.
    async fn after_answer(
        self: Arc<Self>,
        asked: Weak<KnownIssuer>,
        waiting: WaitingForAnswer,
        token: String,
    ) -> Result<ValidatedToken, ValidationError> {
        let outcome = waiting.landed().await;
        let issuers = self.issuers.load();
        match Way::of(&token, &issuers)? {
            Way::Introspection(issuer, introspected) if std::ptr::eq(Arc::as_ptr(issuer), asked.as_ptr()) => {
                introspected.judge(&issuer.rules, outcome, self.clock.unix_time())
            }
            Way::Introspection(..) | Way::Local(_) => Err(changed().into()),
        }
    }
}

/// The issuers are others than when the request came.
fn changed() -> Unavailable {
    Unavailable::new("the issuer of the token was just replaced", Duration::ZERO)
}

impl fmt::Debug for IssuerValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerValidator")
            .field("issuers", &self.shared.issuers.load().len())
            .finish_non_exhaustive()
    }
}
