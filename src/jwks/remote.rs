use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;

use super::events::{self, Cause};
use super::failure::Failure;
use super::live::{LastUse, LiveKeys, LiveSet};
use super::located::Located;
use super::lookup::{Lookup, Missing, Verified, Waiting};
use super::record::Record;
use super::schedule::{Advice, Loaded};
use super::source::{Loading, Published, Source};
use super::state::{Failed, Seat, State};
use super::status::{KeyStatus, KeysUnavailable, KnownKey};
use crate::clock::Clock;
use crate::flight::{Flight, InFlight, Landing};
use crate::jose::{JoseHeader, KeyOwner, Selected};

/// Keys that an issuer publishes: fetched at first need, refreshed ahead of their end, trusted for a bounded time.
///
/// Requests read a snapshot without a lock. The lock guards the schedule, for a few instructions: it is never held
/// across an await, while something is logged, or while a future is dropped.
pub(crate) struct RemoteKeys {
    source: Arc<Source>,
    clock: Arc<dyn Clock>,
    snapshot: ArcSwapOption<Snapshot>,
    last_use: Arc<LastUse>,
    /// How many snapshots there have been.
    generation: AtomicU64,
    state: Mutex<State>,
    /// The sets among which this one has its place while it holds keys.
    live: Arc<LiveKeys>,
    /// Ourselves, for the fetch: it does not keep alive what nobody asks any more.
    this: Weak<Self>,
}

/// The keys in memory, and until when they are what.
struct Snapshot {
    published: Published,
    times: Loaded,
}

impl RemoteKeys {
    pub(crate) fn new(source: Source, live: Arc<LiveKeys>) -> Arc<Self> {
        let state = Mutex::new(State::new(source.timing));
        Arc::new_cyclic(|this| Self {
            clock: Arc::clone(&source.clock),
            source: Arc::new(source),
            snapshot: ArcSwapOption::empty(),
            last_use: Arc::default(),
            generation: AtomicU64::new(0),
            state,
            live,
            this: Weak::clone(this),
        })
    }

    /// Whether both would fetch the same, and make the same of it.
    pub(super) fn has_source_of(&self, other: &Self) -> bool {
        self.source.is_same(&other.source)
    }

    /// Grows after the keys changed: who reads it before looking at them, and finds it the same afterwards, has
    /// seen what the schedule speaks of.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn lookup<R, E>(
        &self,
        header: &JoseHeader,
        owner: Option<KeyOwner<'_>>,
        use_keys: impl FnOnce(Selected<'_>) -> Verified<R, E>,
    ) -> Lookup<Verified<R, E>> {
        let now = self.clock.monotonic();
        let snapshot = self.snapshot.load();
        let trusted = snapshot.as_ref().filter(|snapshot| now < snapshot.times.trusted_until);
        if let Some(snapshot) = trusted
            && let Some(selected) = snapshot.published.keys.select(header, owner)
        {
            if now >= snapshot.times.refresh_from {
                self.refresh_in_background(now);
            }
            let verified = use_keys(selected);
            if verified.is_ok() {
                self.last_use.note(now);
            }
            return Lookup::Found(verified);
        }
        // There is a trusted key with this `kid`, and it is for other algorithms: the token is at fault, as it is with a
        // signature that such a key does not verify. No outage is blamed for it.
        let namesake = trusted.is_some_and(|snapshot| snapshot.published.keys.knows_id(header));
        Lookup::Missing(self.missing_as(|missing, record| {
            let unknown = match missing {
                Missing::Unknown => true,
                Missing::Unavailable { .. } => namesake,
                Missing::Fetch => false,
            };
            if unknown {
                record.unknown_key();
                return Missing::Unknown;
            }
            missing
        }))
    }

    pub(super) fn missing(&self) -> Missing {
        self.missing_as(|missing, _| missing)
    }

    /// What the schedule says of a missing key, as `judge` sees it.
    fn missing_as(&self, judge: impl FnOnce(Missing, &mut Record) -> Missing) -> Missing {
        let now = self.clock.monotonic();
        let (missing, expired) = self.settled(now, |state| {
            let expired = state.record.finds_expired(&state.schedule, now);
            (judge(state.missing(now), &mut state.record), expired)
        });
        if expired {
            events::expired(&self.source.issuer);
        }
        missing
    }

    pub(super) fn fetch(&self) -> Option<Waiting> {
        let awaited = self.last_use.await_keys();
        let now = self.clock.monotonic();
        let seat = self.settled(now, |state| match state.schedule.for_missing_key(now) {
            Advice::Fetch => Some(Seat::Free(self.begin(state, now, Cause::MissingKey))),
            Advice::Join => state.join(),
            Advice::Unknown | Advice::Unavailable { .. } => None,
        });
        match seat? {
            Seat::Free(flight) => Some(Waiting::new(flight, Some(awaited))),
            Seat::Taken { first, .. } => {
                if first {
                    events::too_many_waiting(&self.source.issuer);
                }
                None
            }
        }
    }

    /// Waits for trusted keys, for one attempt at most and as the schedule allows. Keys that made room for others are
    /// as good as there: to fetch them for nobody would take the place of some that are in use.
    pub(super) async fn ready(self: Arc<Self>) -> Result<(), KeysUnavailable> {
        let now = self.clock.monotonic();
        if self.is_trusted() || self.settled(now, |state| state.made_room(now)) {
            return Ok(());
        }
        // Kept to the end, so that the keys are still where they came to.
        let mut waiting = self.fetch();
        if let Some(waiting) = &mut waiting {
            waiting.landed().await;
        }
        if self.is_trusted() {
            return Ok(());
        }
        let now = self.clock.monotonic();
        Err(self.settled(now, |state| state.unavailable(now)))
    }

    fn is_trusted(&self) -> bool {
        let now = self.clock.monotonic();
        self.snapshot.load().as_ref().is_some_and(|snapshot| now < snapshot.times.trusted_until)
    }

    pub(super) fn status(&self) -> KeyStatus {
        let now = self.clock.monotonic();
        // Keys change under the lock only, so these are the ones that the rest speaks of.
        let (status, snapshot) =
            self.settled(now, |state| (state.record.status(&state.schedule, now), self.snapshot.load_full()));
        let keys = snapshot.map(|snapshot| KnownKey::all(&snapshot.published.keys)).unwrap_or_default();
        KeyStatus { keys, ..status }
    }

    fn refresh_in_background(&self, now: Duration) {
        // Without a runtime nobody would drive a background fetch. The keys stay in use until they are no
        // longer trusted; then a waiting request drives the fetch itself.
        if Handle::try_current().is_err() {
            return;
        }
        let flight = self.settled(now, |state| {
            state.schedule.refresh_is_due(now).then(|| self.begin(state, now, Cause::Refresh))
        });
        drop(flight);
    }

    /// Begins a fetch that outlives the request which needs it.
    fn begin(&self, state: &mut State, now: Duration, cause: Cause) -> Flight {
        state.schedule.begun(now);
        state.record.begun();
        state.refreshing = cause == Cause::Refresh;
        let located = state.located.as_mut().map(Located::lend);
        let snapshot = self.snapshot.load();
        // A key that is not among trusted ones speaks for another set than the one in memory. The issuer is asked for it
        // whole: a server whose `ETag` does not change with its keys would else hide every rotation.
        let held = snapshot.as_ref().filter(|snapshot| match cause {
            Cause::Refresh => true,
            Cause::MissingKey => now >= snapshot.times.trusted_until,
        });
        let held = held.map(|snapshot| snapshot.published.clone());
        let (this, source) = (Weak::clone(&self.this), Arc::clone(&self.source));
        let (in_flight, flight) = InFlight::begin(|landing: Landing| async move {
            events::fetching(&source.issuer, cause);
            let loading = source.load(located, held).await;
            if let Some(keys) = this.upgrade() {
                keys.landed(&landing, loading);
            }
            landing.end();
        });
        state.flight = Some(in_flight);
        flight
    }

    /// Takes what a fetch brought, unless it was given up meanwhile.
    fn landed(&self, landing: &Landing, Loading { located, result }: Loading) {
        let (now, issuer) = (self.clock.monotonic(), &self.source.issuer);
        let result = result.map_err(|error| Failure::of(&error));
        let mut state = self.state();
        if !state.flight.as_ref().is_some_and(|flight| flight.is(landing)) {
            return;
        }
        let flight = state.flight.take();
        let known = state.located.take();
        state.located = located.or(known);
        match result {
            // These keys made room for others while they were refreshed, and nobody waits for them.
            Ok(published)
                if state.refreshing && self.snapshot.load().is_none() && !self.last_use.is_awaited() =>
            {
                state.forgo(published.confirmed, now);
            }
            Ok(published) => {
                let lifetime = published.lifetime;
                let times = state.schedule.succeeded(now, lifetime, jitter());
                // The set replaces the old one whole: a key that is gone stops verifying.
                let new = Arc::new(Snapshot { published, times });
                let old = self.snapshot.swap(Some(Arc::clone(&new)));
                self.generation.fetch_add(1, Ordering::Release);
                let new = &new.published;
                if new.confirmed {
                    state.record.not_modified(now);
                    drop(state);
                    events::not_modified(issuer, lifetime);
                } else {
                    state.record.succeeded(now);
                    drop(state);
                    events::loaded(issuer, old.as_ref().map(|old| &*old.published.keys), &new.keys, lifetime);
                }
                if old.is_none() {
                    self.take_place();
                }
            }
            Err(failure) => {
                let failed = state.failed(now, failure);
                drop(state);
                self.tell(&failed);
            }
        }
        drop(flight);
    }

    /// Where keys came into memory, others may have to leave it.
    fn take_place(&self) {
        let this: Weak<dyn LiveSet> = Weak::<Self>::clone(&self.this);
        for set in self.live.admit(this, Arc::clone(&self.last_use)) {
            set.give_keys_up();
        }
    }

    /// Looks at the state after a fetch that was dropped or is lost was given up.
    fn settled<R>(&self, now: Duration, look: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state();
        let given_up = state.settle(now);
        let result = look(&mut state);
        drop(state);
        if let Some((flight, failed)) = given_up {
            if let Some(flight) = flight {
                flight.give_up();
            }
            self.tell(&failed);
        }
        result
    }

    fn tell(&self, Failed { failure, retry_in }: &Failed) {
        events::failed(&self.source.issuer, failure.code, &failure.message, *retry_in);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveSet for RemoteKeys {
    fn give_keys_up(&self) {
        let mut state = self.state();
        let keys = self.snapshot.swap(None);
        if keys.is_some() {
            state.schedule.evicted();
            state.record.evicted();
        }
        drop(state);
        self.last_use.forget();
        if keys.is_some() {
            events::evicted(&self.source.issuer);
        }
    }
}

impl Drop for RemoteKeys {
    /// What nobody will ask for any more is not fetched to its end.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = state.flight.take() {
            flight.give_up();
        }
    }
}

/// Any number: `RandomState` is seeded by the operating system.
fn jitter() -> u8 {
    use std::hash::{BuildHasher as _, RandomState};
    let [any, ..] = RandomState::new().hash_one(()).to_le_bytes();
    any
}
