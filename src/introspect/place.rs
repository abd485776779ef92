use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::IntrospectionError;
use super::events;
use crate::clock::Clock;
use crate::fetch::{Endpoint, FetchLimits, HttpClient, LoopbackHttp, in_words};
use crate::flight::{Flight, InFlight, Landing};
use crate::metadata::{MetadataPlace, Wanted, discover};

/// For this long the metadata is not asked again.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// For this long an endpoint is used that newer metadata could not be had for.
const STALE_BOUND: Duration = Duration::from_secs(24 * 60 * 60);
/// After a failure, and only where there is no endpoint: those who wait for their turn would else ask one after the other.
const PAUSE: Duration = Duration::from_secs(1);
/// So much of the time for a token may be spent on news of an endpoint that is known.
const FOR_NEWS: Duration = Duration::from_secs(2);
/// A look at the metadata takes no longer, unless its client does not keep its limit.
const LOST_AFTER: Duration = Duration::from_secs(10);
/// What gives rise to doubt has the metadata asked again, no sooner than this after the last time.
const DOUBT_AFTER: Duration = Duration::from_secs(30);

/// Where the introspection endpoint is.
pub(crate) enum Place {
    Configured(Endpoint),
    Discovered(Arc<Discovered>),
}

/// An endpoint that the metadata names, of an origin of the issuer.
pub(crate) struct Discovered {
    metadata: MetadataPlace,
    wanted: Wanted,
    loopback_http: LoopbackHttp,
    /// Whose metadata it is, for events.
    issuer: Box<str>,
    known: Mutex<Known>,
}

/// The metadata is being asked.
struct Asking {
    in_flight: InFlight,
    begun: Duration,
}

#[derive(Default)]
struct Known {
    /// And when it was last named.
    endpoint: Option<(Endpoint, Duration)>,
    /// When the metadata was last asked.
    asked: Option<Duration>,
    /// What came of it, where nothing did, and when that was known.
    failure: Option<(Arc<IntrospectionError>, Duration)>,
    asking: Option<Asking>,
}

/// What there is without asking.
enum AtHand {
    /// What need not be asked for now.
    Settled(Result<Endpoint, Arc<IntrospectionError>>),
    /// An endpoint that is still good, and of which there may be news.
    Old(Endpoint),
    Nothing,
}

/// What there is, or who is being asked.
enum Looked {
    There(Result<Endpoint, Arc<IntrospectionError>>),
    Asking(Flight),
}

impl Place {
    pub(crate) fn discovered(
        issuer: &str,
        metadata: MetadataPlace,
        wanted: Wanted,
        loopback_http: LoopbackHttp,
    ) -> Self {
        let (issuer, known) = (issuer.into(), Mutex::default());
        Self::Discovered(Arc::new(Discovered { metadata, wanted, loopback_http, issuer, known }))
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

    /// Nobody is to have what comes of asking.
    pub(super) fn give_up(&self) {
        if let Self::Discovered(discovered) = self {
            let asking = discovered.known().asking.take();
            if let Some(asking) = asking {
                asking.in_flight.give_up();
            }
        }
    }

    pub(super) async fn find(
        &self,
        client: &Arc<dyn HttpClient>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Endpoint, Arc<IntrospectionError>> {
        match self {
            Self::Configured(endpoint) => Ok(endpoint.clone()),
            Self::Discovered(discovered) => discovered.find(client, clock).await,
        }
    }
}

impl Discovered {
    /// The endpoint: as it is known, or as the metadata says, which is asked once for all who need it.
    async fn find(
        self: &Arc<Self>,
        client: &Arc<dyn HttpClient>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Endpoint, Arc<IntrospectionError>> {
        match self.look(client, clock) {
            Looked::There(endpoint) => return endpoint,
            Looked::Asking(flight) => flight.await,
        }
        match self.known().at_hand(clock.monotonic()) {
            AtHand::Settled(settled) => settled,
            AtHand::Old(endpoint) => Ok(endpoint),
            AtHand::Nothing => Err(Arc::new(IntrospectionError::GivenUp)),
        }
    }

    fn look(self: &Arc<Self>, client: &Arc<dyn HttpClient>, clock: &Arc<dyn Clock>) -> Looked {
        let now = clock.monotonic();
        let mut known = self.known();
        // Dropped behind the lock: code of the user's may be in it.
        let lost = known.asking.take_if(|asking| asking.is_lost(now));
        let joined = known.asking.as_ref().and_then(|asking| asking.in_flight.join());
        let looked = match (known.at_hand(now), joined) {
            (AtHand::Settled(settled), _) => Looked::There(settled),
            // Somebody asks already: the endpoint is good until that has come to something.
            (AtHand::Old(endpoint), Some(_)) => Looked::There(Ok(endpoint)),
            (AtHand::Nothing, Some(flight)) => Looked::Asking(flight),
            (AtHand::Old(_), None) => Looked::Asking(self.ask(&mut known, FOR_NEWS, client, clock, now)),
            (AtHand::Nothing, None) => {
                let most = FetchLimits::default().timeout;
                Looked::Asking(self.ask(&mut known, most, client, clock, now))
            }
        };
        drop(known);
        if let Some(lost) = lost {
            lost.in_flight.give_up();
        }
        looked
    }

    /// Begins to ask the metadata, for no longer than `most`: one that does not come must not take the time of a token
    /// whose endpoint is known.
    fn ask(
        self: &Arc<Self>,
        known: &mut Known,
        most: Duration,
        client: &Arc<dyn HttpClient>,
        clock: &Arc<dyn Clock>,
        begun: Duration,
    ) -> Flight {
        let (discovered, client, clock) = (Arc::clone(self), Arc::clone(client), Arc::clone(clock));
        let (in_flight, flight) = InFlight::begin(|landing: Landing| async move {
            let limits = || FetchLimits {
                timeout: most.saturating_sub(clock.monotonic().saturating_sub(begun)),
                ..FetchLimits::default()
            };
            let Self { metadata, wanted, loopback_http, .. } = &*discovered;
            let found = discover(&*client, metadata, *wanted, *loopback_http, limits).await;
            let found =
                found.map_err(IntrospectionError::Discovery).and_then(|found| discovered.at_home(found));
            let ended = discovered.land(found, &landing, begun, clock.monotonic());
            drop(ended);
            landing.end();
        });
        known.asked = Some(begun);
        known.asking = Some(Asking { in_flight, begun });
        flight
    }

    /// Notes what came of asking, unless that was given up.
    fn land(
        &self,
        found: Result<Endpoint, IntrospectionError>,
        landing: &Landing,
        begun: Duration,
        now: Duration,
    ) -> Option<Asking> {
        let mut known = self.known();
        let ended = known.asking.take_if(|asking| asking.in_flight.is(landing))?;
        match found {
            Ok(endpoint) => known.named(&endpoint, begun),
            Err(error) => {
                if let Some(endpoint) = known.keeps(now) {
                    drop(known);
                    let (code, error) = (error.code(), in_words(&error));
                    events::endpoint_not_refreshed(&self.issuer, &endpoint, code, &error);
                } else {
                    known.failed(&Arc::new(error), now);
                }
            }
        }
        Some(ended)
    }

    /// Tokens and credentials go where the configuration says: a document that somebody could change must not choose who
    /// gets to see them.
    fn at_home(&self, endpoint: Endpoint) -> Result<Endpoint, IntrospectionError> {
        if self.metadata.is_home_of(&endpoint, self.loopback_http) {
            return Ok(endpoint);
        }
        Err(IntrospectionError::ForeignEndpoint(endpoint.shown()))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking {
    fn is_lost(&self, now: Duration) -> bool {
        self.in_flight.was_dropped() || now.saturating_sub(self.begun) >= LOST_AFTER
    }
}

impl Known {
    /// The endpoint, while it may be used without news of it.
    fn keeps(&self, now: Duration) -> Option<Endpoint> {
        let kept = self.endpoint.as_ref().filter(|(_, named)| now.saturating_sub(*named) < STALE_BOUND);
        kept.map(|(endpoint, _)| endpoint.clone())
    }

    fn at_hand(&self, now: Duration) -> AtHand {
        let within = |then: Duration, most: Duration| now.saturating_sub(then) < most;
        match (self.keeps(now), &self.failure) {
            (Some(endpoint), _) => {
                let settled = self.asked.is_some_and(|asked| within(asked, LIFETIME));
                if settled { AtHand::Settled(Ok(endpoint)) } else { AtHand::Old(endpoint) }
            }
            (None, Some((failure, at))) if within(*at, PAUSE) => AtHand::Settled(Err(Arc::clone(failure))),
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
