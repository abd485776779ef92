use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

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
    /// Held while the metadata is asked: who comes meanwhile waits for that answer.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// And when it was last named.
    endpoint: Option<(Endpoint, Duration)>,
    /// When the metadata was last asked.
    asked: Option<Duration>,
    /// What came of it, where nothing did.
    failure: Option<Arc<IntrospectionError>>,
}

impl Place {
    pub(crate) fn discovered(metadata: MetadataPlace, wanted: Wanted, loopback_http: LoopbackHttp) -> Self {
        Self::Discovered(Discovered { metadata, wanted, loopback_http, known: Mutex::default() })
    }

    /// The endpoint, where it is known without asking.
    pub(super) fn known(&self) -> Option<Endpoint> {
        match self {
            Self::Configured(endpoint) => Some(endpoint.clone()),
            Self::Discovered(discovered) => {
                let known = discovered.known.try_lock().ok()?;
                known.endpoint.as_ref().map(|(endpoint, _)| endpoint.clone())
            }
        }
    }

    /// Has the metadata asked again before long: the endpoint is not what it was.
    pub(super) async fn doubt(&self, clock: &dyn Clock) {
        if let Self::Discovered(discovered) = self {
            let mut known = discovered.known.lock().await;
            let recent = |asked| clock.monotonic().saturating_sub(asked) < DOUBT_AFTER;
            known.asked = known.asked.filter(|asked| recent(*asked));
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
        let mut known = self.known.lock().await;
        let now = clock.monotonic();
        if let Some(settled) = known.settled(now) {
            return settled;
        }
        let usable = known.endpoint.clone().filter(|(_, named)| now.saturating_sub(*named) < STALE_BOUND);
        known.asked = Some(now);
        let found = discover(client, &self.metadata, self.wanted, self.loopback_http, limits).await;
        match (found.map_err(IntrospectionError::Discovery).and_then(|found| self.at_home(found)), usable) {
            (Ok(endpoint), _) => {
                known.endpoint = Some((endpoint.clone(), now));
                known.failure = None;
                Ok(endpoint)
            }
            (Err(_), Some((endpoint, _))) => Ok(endpoint),
            (Err(error), None) => {
                let error = Arc::new(error);
                known.endpoint = None;
                known.failure = Some(Arc::clone(&error));
                Err(error)
            }
        }
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
    /// What need not be asked for now.
    fn settled(&self, now: Duration) -> Option<Result<Endpoint, Arc<IntrospectionError>>> {
        let passed = now.saturating_sub(self.asked?);
        match (&self.endpoint, &self.failure) {
            (Some((endpoint, _)), _) if passed < LIFETIME => Some(Ok(endpoint.clone())),
            (None, Some(failure)) if passed < PAUSE => Some(Err(Arc::clone(failure))),
            _ => None,
        }
    }
}
