use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Queue;

use super::error::IntrospectionError;
use crate::clock::Clock;
use crate::fetch::{Endpoint, FetchLimits, HttpClient, LoopbackHttp};
use crate::metadata::{MetadataPlace, Wanted, discover};

/// For this long the metadata is not asked again.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// For this long an endpoint is used that newer metadata could not be had for.
const STALE_BOUND: Duration = Duration::from_secs(24 * 60 * 60);
/// After a failure, and only where there is no endpoint: those who wait for their turn would else ask one after the other.
const PAUSE: Duration = Duration::from_secs(1);
/// So much of the time for a token may be spent on news of an endpoint that is known.
const FOR_NEWS: Duration = Duration::from_secs(2);
/// What gives rise to doubt has the metadata asked again, no sooner than this after the last time.
const DOUBT_AFTER: Duration = Duration::from_secs(30);

/// Where the introspection endpoint is.
pub(crate) enum Place {
    Configured(Endpoint),
    Discovered(Discovered),
}

/// An endpoint that the metadata names, of an origin of the issuer.
pub(crate) struct Discovered {
    metadata: MetadataPlace,
    wanted: Wanted,
    loopback_http: LoopbackHttp,
    known: Mutex<Known>,
    /// Held while the metadata is asked: who comes meanwhile and has no endpoint waits for that answer.
    asking: Queue<()>,
}

#[derive(Default)]
struct Known {
    /// And when it was last named.
    endpoint: Option<(Endpoint, Duration)>,
    /// When the metadata was last asked.
    asked: Option<Duration>,
    /// What came of it, where nothing did, and when that was known.
    failure: Option<(Arc<IntrospectionError>, Duration)>,
}

/// What there is without asking.
enum AtHand {
    /// What need not be asked for now.
    Settled(Result<Endpoint, Arc<IntrospectionError>>),
    /// An endpoint that is still good, and of which there may be news.
    Old(Endpoint),
    Nothing,
}

impl Place {
    pub(crate) fn discovered(metadata: MetadataPlace, wanted: Wanted, loopback_http: LoopbackHttp) -> Self {
        let (known, asking) = (Mutex::default(), Queue::default());
        Self::Discovered(Discovered { metadata, wanted, loopback_http, known, asking })
    }

    /// The endpoint, where it is known without asking.
    pub(super) fn known(&self) -> Option<Endpoint> {
        match self {
            Self::Configured(endpoint) => Some(endpoint.clone()),
            Self::Discovered(discovered) => {
                discovered.known().endpoint.as_ref().map(|(endpoint, _)| endpoint.clone())
            }
        }
    }

    /// Has the metadata asked again before long: the endpoint is not what it was.
    pub(super) fn doubt(&self, now: Duration) {
        if let Self::Discovered(discovered) = self {
            let mut known = discovered.known();
            known.asked = known.asked.filter(|asked| now.saturating_sub(*asked) < DOUBT_AFTER);
        }
    }

    pub(super) async fn find(
        &self,
        client: &dyn HttpClient,
        clock: &dyn Clock,
        limits: impl Fn() -> FetchLimits,
    ) -> Result<Endpoint, Arc<IntrospectionError>> {
        match self {
            Self::Configured(endpoint) => Ok(endpoint.clone()),
            Self::Discovered(discovered) => discovered.find(client, clock, limits).await,
        }
    }
}

impl Discovered {
    async fn find(
        &self,
        client: &dyn HttpClient,
        clock: &dyn Clock,
        limits: impl Fn() -> FetchLimits,
    ) -> Result<Endpoint, Arc<IntrospectionError>> {
        let at_hand = || self.known().at_hand(clock.monotonic());
        let _asking = match at_hand() {
            AtHand::Settled(settled) => return settled,
            // Somebody asks already: the endpoint is good until that has come to something.
            AtHand::Old(endpoint) => match self.asking.try_lock() {
                Ok(asking) => asking,
                Err(_) => return Ok(endpoint),
            },
            AtHand::Nothing => self.asking.lock().await,
        };
        // Meanwhile another may have asked.
        let old = match at_hand() {
            AtHand::Settled(settled) => return settled,
            AtHand::Old(endpoint) => Some(endpoint),
            AtHand::Nothing => None,
        };
        let begun = clock.monotonic();
        self.known().asked = Some(begun);
        // Metadata that does not come must not take the time of a token whose endpoint is known.
        let for_news = || {
            let (limits, passed) = (limits(), clock.monotonic().saturating_sub(begun));
            let most = if old.is_some() { FOR_NEWS.saturating_sub(passed) } else { limits.timeout };
            FetchLimits { timeout: limits.timeout.min(most), ..limits }
        };
        let found = discover(client, &self.metadata, self.wanted, self.loopback_http, for_news).await;
        let found = found.map_err(IntrospectionError::Discovery).and_then(|found| self.at_home(found));
        let ended = clock.monotonic();
        match (found, old) {
            (Ok(endpoint), _) => {
                self.known().named(&endpoint, begun);
                Ok(endpoint)
            }
            (Err(_), Some(endpoint)) => Ok(endpoint),
            (Err(error), None) => {
                let error = Arc::new(error);
                self.known().failed(&error, ended);
                Err(error)
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tokens and credentials go where the configuration says: a document that somebody could change must not choose who
    /// gets to see them.
    fn at_home(&self, endpoint: Endpoint) -> Result<Endpoint, IntrospectionError> {
        if self.metadata.is_home_of(&endpoint, self.loopback_http) {
            return Ok(endpoint);
        }
        Err(IntrospectionError::ForeignEndpoint(endpoint.shown()))
    }
}

impl Known {
    fn at_hand(&self, now: Duration) -> AtHand {
        let within = |then: Duration, most: Duration| now.saturating_sub(then) < most;
        match (&self.endpoint, &self.failure) {
            (Some((endpoint, named)), _) if within(*named, STALE_BOUND) => {
                let endpoint = endpoint.clone();
                let settled = self.asked.is_some_and(|asked| within(asked, LIFETIME));
                if settled { AtHand::Settled(Ok(endpoint)) } else { AtHand::Old(endpoint) }
            }
            (_, Some((failure, at))) if within(*at, PAUSE) => AtHand::Settled(Err(Arc::clone(failure))),
            _ => AtHand::Nothing,
        }
    }

    fn named(&mut self, endpoint: &Endpoint, at: Duration) {
        self.endpoint = Some((endpoint.clone(), at));
        self.failure = None;
    }

    fn failed(&mut self, error: &Arc<IntrospectionError>, at: Duration) {
        self.endpoint = None;
        self.failure = Some((Arc::clone(error), at));
    }
}
