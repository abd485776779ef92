use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;

use super::flight::{InFlight, Landing};
use super::lookup::{Flight, Lookup, Missing};
use super::schedule::{Advice, Loaded, Schedule};
use super::source::{LoadError, Loading, Located, Source};
use crate::clock::Clock;
use crate::jose::{JoseHeader, KeyOwner, KeySet, Selected};

/// How many requests may wait for one fetch. Each holds its request; beyond that the answer is 503 at once.
const MOST_WAITING: usize = 1024;

/// Keys that an issuer publishes: fetched at first need, refreshed ahead of their end, trusted for a bounded time.
///
/// Requests read a snapshot without a lock. The lock guards the schedule, for a few instructions: it is never held
/// across an await, while something is logged, or while a future is dropped.
pub(crate) struct RemoteKeys {
    source: Arc<Source>,
    clock: Arc<dyn Clock>,
    snapshot: ArcSwapOption<Snapshot>,
    /// How many snapshots there have been.
    generation: AtomicU64,
    state: Mutex<State>,
    /// Ourselves, for the fetch: it does not keep alive what nobody asks any more.
    this: Weak<Self>,
}

/// The keys in memory, and until when they are what.
struct Snapshot {
    keys: KeySet,
    times: Loaded,
}

struct State {
    schedule: Schedule,
    flight: Option<InFlight>,
    located: Option<Located>,
}

impl RemoteKeys {
    pub(crate) fn new(source: Source) -> Arc<Self> {
        let clock = Arc::clone(&source.clock);
        let state = Mutex::new(State { schedule: Schedule::new(source.timing), flight: None, located: None });
        Arc::new_cyclic(|this| Self {
            source: Arc::new(source),
            clock,
            snapshot: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            state,
            this: Weak::clone(this),
        })
    }

    /// Grows after the keys changed: who reads it before looking at them, and finds it the same afterwards, has
    /// seen what the schedule speaks of.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn lookup<R>(
        &self,
        header: &JoseHeader,
        owner: Option<KeyOwner<'_>>,
        use_keys: impl FnOnce(Selected<'_>) -> R,
    ) -> Lookup<R> {
        let now = self.clock.monotonic();
        let snapshot = self.snapshot.load();
        let trusted = snapshot.as_ref().filter(|snapshot| now < snapshot.times.trusted_until);
        if let Some(snapshot) = trusted
            && let Some(selected) = snapshot.keys.select(header, owner)
        {
            if now >= snapshot.times.refresh_from {
                self.refresh_in_background(now);
            }
            return Lookup::Found(use_keys(selected));
        }
        Lookup::Missing(match self.missing() {
            // There is a trusted key with this `kid`, and it is for other algorithms: the token is at fault, as it is
            // with a signature that such a key does not verify. No outage is blamed for it.
            Missing::Unavailable { .. } if trusted.is_some_and(|snapshot| snapshot.keys.knows_id(header)) => {
                Missing::Unknown
            }
            missing => missing,
        })
    }

    pub(super) fn missing(&self) -> Missing {
        let now = self.clock.monotonic();
        match self.settled(now, |state| state.schedule.for_missing_key(now)) {
            Advice::Fetch | Advice::Join => Missing::Fetch,
            Advice::Unknown => Missing::Unknown,
            Advice::Unavailable { retry_after } => Missing::Unavailable { retry_after },
        }
    }

    pub(super) fn fetch(&self) -> Option<Flight> {
        let now = self.clock.monotonic();
        let flight = self.settled(now, |state| match state.schedule.for_missing_key(now) {
            Advice::Join => state.flight.as_ref().and_then(InFlight::join),
            Advice::Fetch => Some(self.begin(state, now)),
            Advice::Unknown | Advice::Unavailable { .. } => None,
        });
        flight.filter(|flight| flight.strong_count().is_none_or(|waiting| waiting <= MOST_WAITING))
    }

    fn refresh_in_background(&self, now: Duration) {
        // Without a runtime nobody would drive a background fetch. The keys stay in use until they are no
        // longer trusted; then a waiting request drives the fetch itself.
        if Handle::try_current().is_err() {
            return;
        }
        let flight =
            self.settled(now, |state| state.schedule.refresh_is_due(now).then(|| self.begin(state, now)));
        drop(flight);
    }

    /// Begins a fetch that outlives the request which needs it.
    fn begin(&self, state: &mut State, now: Duration) -> Flight {
        state.schedule.begun(now);
        let located = state.located.take().filter(|located| now < located.until);
        let (this, source) = (Weak::clone(&self.this), Arc::clone(&self.source));
        let (in_flight, flight) = InFlight::begin(|landing: Landing| async move {
            let result = source.load(located).await;
            if let Some(keys) = this.upgrade() {
                keys.landed(&landing, result);
            }
            landing.end();
        });
        state.flight = Some(in_flight);
        flight
    }

    /// Takes what a fetch brought, unless it was given up meanwhile.
    fn landed(&self, landing: &Landing, result: Result<Loading, LoadError>) {
        let now = self.clock.monotonic();
        let mut state = self.state();
        if !state.flight.as_ref().is_some_and(|flight| flight.is(landing)) {
            return;
        }
        let flight = state.flight.take();
        let outcome = match result {
            Ok(Loading { located, keys, lifetime }) => {
                let usable = keys.len();
                let times = state.schedule.succeeded(now, lifetime, jitter());
                state.located = located;
                // The set replaces the old one whole: a key that is gone stops verifying.
                self.snapshot.store(Some(Arc::new(Snapshot { keys, times })));
                self.generation.fetch_add(1, Ordering::Release);
                Ok((usable, lifetime))
            }
            Err(error) => {
                state.schedule.failed();
                Err(error)
            }
        };
        drop(state);
        drop(flight);
        match outcome {
            Ok((usable, lifetime)) => {
                let lifetime_s = lifetime.as_secs();
                tracing::debug!(target: "portcullis::keys", usable, lifetime_s, "keys loaded");
            }
            Err(error) => report(&error),
        }
    }

    /// Looks at the state after a fetch that was dropped or is lost was given up.
    fn settled<R>(&self, now: Duration, look: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state();
        let dropped = state.flight.as_ref().is_some_and(InFlight::was_dropped);
        let given_up = if dropped || state.schedule.is_lost(now) {
            // What was dropped says nothing about the issuer; what did not end does.
            if dropped {
                state.schedule.dropped();
            } else {
                state.schedule.failed();
            }
            state.flight.take()
        } else {
            None
        };
        let result = look(&mut state);
        drop(state);
        if let Some(flight) = given_up {
            flight.give_up();
            report(&LoadError::GivenUp);
        }
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(error: &LoadError) {
    let error: &dyn std::error::Error = error;
    tracing::warn!(target: "portcullis::keys", error, "keys could not be loaded");
}

/// Any number: `RandomState` is seeded by the operating system.
fn jitter() -> u8 {
    use std::hash::{BuildHasher as _, RandomState};
    let [any, ..] = RandomState::new().hash_one(()).to_le_bytes();
    any
}
