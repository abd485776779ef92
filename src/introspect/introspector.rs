use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::answer::{Answer, Refusal};
use super::cache::{AnswerCache, Keeping, Now};
use super::digest::TokenDigest;
use super::error::IntrospectionError;
use super::exchange::{JSON, LARGEST_ANSWER, Manner, SIGNED, Said, ask};
use super::flights::{Flights, Outcome, Place as Seat, WaitingForAnswer};
use super::place::Place;
use super::record::Record;
use super::signed::{Asked, SignedAnswers};
use super::status::IntrospectionStatus;
use super::turns::Wait;
use crate::clock::Clock;
use crate::fetch::{FetchError, FetchLimits, HttpClient};
use crate::flight::{Flight, InFlight, Landing};
use crate::jwks::Keys;
use crate::token::ClaimMapping;

/// For a turn, the endpoint and its answer together.
const TIMEOUT: Duration = Duration::from_secs(5);
/// What waits longer does so for a client that does not keep its limit.
const LONGEST: Duration = Duration::from_secs(30);

/// What it takes to ask an issuer about tokens.
pub(crate) struct Settings {
    /// Whose tokens they are, for events and messages.
    pub(crate) issuer: Box<str>,
    pub(crate) place: Place,
    pub(crate) client: Arc<dyn HttpClient>,
    pub(crate) manner: Manner,
    /// Where answers are signed.
    pub(crate) signed: Option<SignedAnswers>,
    pub(crate) mapping: ClaimMapping,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keeping: Keeping,
}

impl Settings {
    /// From when on an exchange will not end by itself. Signed answers may wait for keys, too.
    fn overdue(&self) -> Duration {
        let for_keys = self.signed.as_ref().map(|signed| signed.keys_within).unwrap_or_default();
        LONGEST.max(TIMEOUT.saturating_add(for_keys))
    }
}

/// Asks one issuer about tokens: once for all who present the same one, and not again for a while.
pub(crate) struct Introspector {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    cache: AnswerCache,
    flights: Flights,
    record: Record,
}

/// What is known of a token without waiting.
pub(crate) enum Looked {
    Known(Answer),
    Pending(WaitingForAnswer),
    Failed(Arc<IntrospectionError>),
}

impl Introspector {
    pub(crate) fn new(settings: Settings) -> Self {
        let (cache, record) = (AnswerCache::new(settings.keeping), Record::default());
        let flights = Flights::new(settings.overdue());
        Self { shared: Arc::new(Shared { settings, cache, flights, record }) }
    }

    /// The answer about a token that is kept, or a place among those who wait for it. `keys` verify signed answers;
    /// `now` is what the wall clock says.
    pub(crate) fn look(&self, token: &str, keys: &Keys, now: Duration) -> Looked {
        let shared = &self.shared;
        let (digest, now) = (TokenDigest::of(token), Now::at(now, &*shared.settings.clock));
        let kept = || shared.cache.get(&digest, now);
        if let Some(answer) = kept() {
            shared.record.answered_from_memory();
            return Looked::Known(answer);
        }
        let begin = |wait, outcome| self.begin(digest, token, keys, now.monotonic, wait, outcome);
        let (seat, given_up) = shared.flights.enter(digest, now.monotonic, kept, begin);
        for _ in 0..given_up {
            shared.ended(&Err(Arc::new(IntrospectionError::GivenUp)), now.monotonic);
        }
        match seat {
            Seat::Kept(answer) => {
                shared.record.answered_from_memory();
                Looked::Known(answer)
            }
            Seat::Begun(waiting) => {
                shared.record.begun();
                Looked::Pending(waiting)
            }
            Seat::Joined(waiting) => {
                shared.record.joined();
                Looked::Pending(waiting)
            }
            Seat::None { .. } => {
                shared.record.too_many_waiting(&shared.settings.issuer);
                Looked::Failed(Arc::new(IntrospectionError::TooManyWaiting))
            }
        }
    }

    fn begin(
        &self,
        digest: TokenDigest,
        token: &str,
        keys: &Keys,
        now: Duration,
        wait: Wait,
        outcome: Arc<OnceLock<Outcome>>,
    ) -> (InFlight, Flight) {
        let (shared, token, keys) = (Arc::clone(&self.shared), token.to_owned(), keys.clone());
        InFlight::begin(|landing| async move {
            // Made in here: a runtime that is gone drops what it is given at once, and then the table is locked.
            let exchange = Exchange { shared, digest, landing: Some(landing) };
            let (asked, result) = exchange.shared.turn(&token, &keys, now, wait).await;
            exchange.end(asked, result, &outcome);
        })
    }

    /// The next request with this token is answered by the endpoint.
    pub(crate) fn forget(&self, token: &str) {
        let (shared, digest) = (&self.shared, TokenDigest::of(token));
        shared.flights.forget(Some(&digest), || shared.cache.forget(&digest));
    }

    /// The same for every token.
    pub(crate) fn forget_all(&self) {
        let shared = &self.shared;
        shared.flights.forget(None, || shared.cache.forget_all());
    }

    pub(crate) fn status(&self) -> IntrospectionStatus {
        let shared = &self.shared;
        let (last_success, last_failure) = shared.record.last(shared.settings.clock.monotonic());
        IntrospectionStatus {
            endpoint: shared.settings.place.known().map(|endpoint| endpoint.shown()),
            under_way: shared.flights.len(),
            kept: shared.cache.len(),
            last_success,
            last_failure,
            counters: shared.record.counters(),
        }
    }
}

impl Shared {
    fn ended(&self, result: &Outcome, now: Duration) {
        self.record.ended(&self.settings.issuer, result, now, self.flights.are_crowded());
    }

    /// Waits for its turn and asks. Returns when the question was put, too, in monotonic time.
    async fn turn(&self, token: &str, keys: &Keys, begun: Duration, wait: Wait) -> (Duration, Outcome) {
        if let Some(called) = wait {
            // Whoever has the other end has it for as long as we wait.
            let _ = called.await;
        }
        let asked = self.settings.clock.monotonic();
        let result = self.ask(token, keys, begun).await;
        if let Err(error) = &result
            && let IntrospectionError::Fetch(FetchError::Status(_) | FetchError::Failed(_)) = &**error
        {
            self.settings.place.doubt(self.settings.clock.monotonic());
        }
        (asked, result)
    }

    async fn ask(&self, token: &str, keys: &Keys, begun: Duration) -> Outcome {
        let Settings { place, client, manner, signed, mapping, clock, .. } = &self.settings;
        let limits = || FetchLimits {
            timeout: TIMEOUT.saturating_sub(clock.monotonic().saturating_sub(begun)),
            max_body: LARGEST_ANSWER,
        };
        let endpoint = place.find(client, clock, limits().timeout).await?;
        let at = clock.unix_time();
        let accepted = if signed.is_some() { SIGNED } else { JSON };
        let text = match ask(&**client, &endpoint, manner, token, accepted, limits).await? {
            Said::Body(text) => text,
            Said::NotTaken => return Ok(Answer::Refused(Refusal::NotTaken)),
        };
        let text = match signed {
            Some(signed) => signed.open(&text, keys, Asked { at, now: clock.unix_time() }).await?,
            None => text,
        };
        Ok(Answer::read(text, mapping).map_err(IntrospectionError::Unreadable)?)
    }
}

/// One exchange, from its beginning to its end, whichever way that comes.
struct Exchange {
    shared: Arc<Shared>,
    digest: TokenDigest,
    /// Until it has ended.
    landing: Option<Landing>,
}

impl Exchange {
    fn end(mut self, asked: Duration, result: Outcome, outcome: &OnceLock<Outcome>) {
        let Some(landing) = self.landing.take() else { return };
        let (shared, now) = (&self.shared, Now::of(&*self.shared.settings.clock));
        let keep = || {
            if let Ok(answer) = &result {
                shared.cache.put(self.digest, answer, asked, now);
            }
        };
        if shared.flights.land(&self.digest, &landing, keep) {
            shared.ended(&result, now.monotonic);
        }
        // It was never set: there is one exchange for each.
        let _ = outcome.set(result);
        landing.end();
    }
}

impl Drop for Exchange {
    /// The client panicked, or the runtime is gone: somebody else may have the turn, and an operator is to know.
    fn drop(&mut self) {
        let Some(landing) = self.landing.take() else { return };
        if self.shared.flights.land(&self.digest, &landing, || ()) {
            let now = self.shared.settings.clock.monotonic();
            self.shared.ended(&Err(Arc::new(IntrospectionError::GivenUp)), now);
        }
    }
}

impl Drop for Introspector {
    /// The issuer is another one now, or none: those who wait for an answer about its tokens need not wait for it.
    fn drop(&mut self) {
        self.shared.flights.give_up_all();
        self.shared.settings.place.give_up();
    }
}

impl fmt::Debug for Introspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspector").field("issuer", &self.shared.settings.issuer).finish_non_exhaustive()
    }
}
