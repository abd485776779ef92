use std::hash::{BuildHasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::FutureExt as _;
use futures_util::future::WeakShared;
use tokio::runtime::Handle;

use super::cache_control::lifetime;
use super::lookup::{Flight, Lookup};
use super::schedule::{Advice, Loaded, Schedule};
use crate::clock::Clock;
use crate::fetch::{Endpoint, FetchError, HttpClient, LoopbackHttp, get_json};
use crate::jose::{AllowedAlgorithms, JoseHeader, JwkSet, JwkSetError, KeySet, Selected};
use crate::metadata::{DiscoveryError, Issuer, discover};

/// Keys that an issuer publishes: fetched at first need, refreshed ahead of their end, trusted for a bounded time.
///
/// Requests read a snapshot without a lock. The lock guards the schedule, for a few instructions, and is never
/// held across an await.
pub(crate) struct RemoteKeys {
    source: Arc<Source>,
    clock: Arc<dyn Clock>,
    snapshot: ArcSwapOption<Snapshot>,
    state: Mutex<State>,
    /// Ourselves, for the fetch: it does not keep alive what nobody asks any more.
    this: Weak<Self>,
}

/// Where the keys are, and what is needed to get and use them.
pub(crate) struct Source {
    pub(crate) location: Location,
    pub(crate) client: Arc<dyn HttpClient>,
    pub(crate) allowed: AllowedAlgorithms,
    pub(crate) loopback_http: LoopbackHttp,
}

pub(crate) enum Location {
    /// Found through the issuer's metadata.
    Discovered(Issuer),
    /// Known from the configuration.
    Configured(Endpoint),
}

/// The keys in memory, and until when they are what.
struct Snapshot {
    keys: KeySet,
    times: Loaded,
}

#[derive(Default)]
struct State {
    schedule: Schedule,
    /// The fetch under way. Weak: it belongs to those who wait for it and to the runtime that drives it.
    flight: Option<WeakFlight>,
    located: Option<Located>,
}

/// A discovered place of the keys, used again for an hour unless a fetch fails: a key set that moved is found again.
struct Located {
    endpoint: Endpoint,
    until: Duration,
}

const METADATA_LIFETIME: Duration = Duration::from_secs(60 * 60);

type WeakFlight = WeakShared<futures_util::future::BoxFuture<'static, ()>>;

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Discovery(DiscoveryError),
    #[error("the key set could not be fetched")]
    Fetch(#[source] FetchError),
    #[error("the key set is unusable")]
    Set(#[source] JwkSetError),
    #[error("none of the {0} keys of the set can be used")]
    NoUsableKey(usize),
}

impl RemoteKeys {
    pub(crate) fn new(source: Source, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            source: Arc::new(source),
            clock,
            snapshot: ArcSwapOption::empty(),
            state: Mutex::default(),
            this: Weak::clone(this),
        })
    }

    pub(super) fn lookup<R>(
        &self,
        header: &JoseHeader,
        use_keys: impl FnOnce(Selected<'_>) -> R,
    ) -> Lookup<R> {
        let now = self.clock.monotonic();
        if let Some(snapshot) = &*self.snapshot.load()
            && now < snapshot.times.trusted_until
            && let Some(selected) = snapshot.keys.select(header)
        {
            if now >= snapshot.times.refresh_from {
                self.refresh_in_background(now);
            }
            return Lookup::Found(use_keys(selected));
        }
        match self.state().settled().schedule.for_missing_key(now) {
            Advice::Fetch | Advice::Join => Lookup::Fetch,
            Advice::Unknown => Lookup::Unknown,
            Advice::Unavailable { retry_after } => Lookup::Unavailable { retry_after },
        }
    }

    pub(super) fn fetch(&self) -> Option<Flight> {
        let now = self.clock.monotonic();
        let mut state = self.state();
        match state.settled().schedule.for_missing_key(now) {
            Advice::Join => state.flight(),
            Advice::Fetch => Some(self.begin(&mut state, now)),
            Advice::Unknown | Advice::Unavailable { .. } => None,
        }
    }

    fn refresh_in_background(&self, now: Duration) {
        // Without a runtime nobody would drive a background fetch. The keys stay in use until they are no
        // longer trusted; then a waiting request drives the fetch itself.
        if Handle::try_current().is_err() {
            return;
        }
        let mut state = self.state();
        if state.settled().schedule.refresh_is_due(now) {
            drop(self.begin(&mut state, now));
        }
    }

    /// Begins a fetch that outlives the request which needs it: the runtime drives one handle, and every
    /// waiting request another, so it goes on as long as anybody is left.
    fn begin(&self, state: &mut State, now: Duration) -> Flight {
        state.schedule.begun(now);
        let located = state.located.take().filter(|located| now < located.until);
        let (this, source) = (Weak::clone(&self.this), Arc::clone(&self.source));
        let load = async move {
            let result = source.load(located, now).await;
            if let Some(keys) = this.upgrade() {
                keys.loaded(result);
            }
        };
        // A client that panics is a failed fetch, not a panic of every request that waits for it.
        let flight = AssertUnwindSafe(load).catch_unwind().map(drop).boxed().shared();
        state.flight = flight.downgrade();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(flight.clone());
        }
        flight
    }

    fn loaded(&self, result: Result<Loading, LoadError>) {
        let now = self.clock.monotonic();
        let mut state = self.state();
        match result {
            Ok(Loading { located, keys, lifetime }) => {
                tracing::debug!(
                    target: "portcullis::keys", usable = keys.len(), lifetime_s = lifetime.as_secs(), "keys loaded"
                );
                let times = state.schedule.succeeded(now, lifetime, jitter());
                state.located = located;
                // The set replaces the old one whole: a key that is gone stops verifying.
                self.snapshot.store(Some(Arc::new(Snapshot { keys, times })));
            }
            Err(error) => {
                tracing::warn!(
                    target: "portcullis::keys", error = &error as &dyn std::error::Error, "keys could not be loaded"
                );
                state.schedule.failed();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes as failed a fetch that was dropped, with its runtime or with the last request that drove it.
    fn settled(&mut self) -> &mut Self {
        if self.schedule.is_under_way() && self.flight().is_none() {
            self.schedule.failed();
        }
        self
    }

    fn flight(&self) -> Option<Flight> {
        self.flight.as_ref().and_then(WeakShared::upgrade)
    }
}

/// What a fetch brought.
struct Loading {
    located: Option<Located>,
    keys: KeySet,
    lifetime: Duration,
}

impl Source {
    async fn load(&self, located: Option<Located>, now: Duration) -> Result<Loading, LoadError> {
        let client = &*self.client;
        let (endpoint, located) = match &self.location {
            Location::Configured(endpoint) => (endpoint.clone(), None),
            Location::Discovered(issuer) => {
                let located = match located {
                    Some(located) => located,
                    None => Located {
                        endpoint: discover(client, issuer, self.loopback_http)
                            .await
                            .map_err(LoadError::Discovery)?,
                        until: now.saturating_add(METADATA_LIFETIME),
                    },
                };
                (located.endpoint.clone(), Some(located))
            }
        };
        let response = get_json(client, &endpoint).await.map_err(LoadError::Fetch)?;
        let text =
            std::str::from_utf8(response.body()).map_err(|_| LoadError::Set(JwkSetError::Malformed))?;
        let set = JwkSet::from_json(text).map_err(LoadError::Set)?;
        for reason in set.unusable() {
            tracing::debug!(target: "portcullis::keys", %reason, "key passed over");
        }
        // An empty array withdraws every key. A set in which nothing can be used is a mistake somewhere.
        let published = set.len().saturating_add(set.unusable().len());
        let keys = KeySet::new(&set, &self.allowed);
        if keys.is_empty() && published > 0 {
            return Err(LoadError::NoUsableKey(published));
        }
        Ok(Loading { located, keys, lifetime: lifetime(response.headers()) })
    }
}

/// Any number: `RandomState` is seeded by the operating system.
fn jitter() -> u8 {
    let [any, ..] = RandomState::new().hash_one(()).to_le_bytes();
    any
}
