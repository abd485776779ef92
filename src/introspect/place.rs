use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
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
/// And so much is left for the token then.
const FOR_TOKEN: Duration = Duration::from_secs(1);
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
    found: Arc<OnceLock<Found>>,
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

type Found = Result<Endpoint, Arc<IntrospectionError>>;

/// What there is without asking.
enum AtHand {
    /// What need not be asked for now.
    Settled(Found),
    /// An endpoint that is still good, and of which there may be news.
    Old(Endpoint),
    Nothing,
}

/// What there is, or who is being asked.
enum Looked {
    There(Found),
    Asking(Flight, Arc<OnceLock<Found>>),
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

    /// The endpoint, for a token that has so much time `left`.
    pub(super) async fn find(
        &self,
        client: &Arc<dyn HttpClient>,
        clock: &Arc<dyn Clock>,
        left: Duration,
    ) -> Found {
        match self {
            Self::Configured(endpoint) => Ok(endpoint.clone()),
            Self::Discovered(discovered) => discovered.find(client, clock, left).await,
        }
    }
}

impl Discovered {
    /// The endpoint: as it is known, or as the metadata says, which is asked once for all who need it.
    async fn find(
        self: &Arc<Self>,
        client: &Arc<dyn HttpClient>,
        clock: &Arc<dyn Clock>,
        left: Duration,
    ) -> Found {
        let (flight, found) = match self.look(client, clock, left) {
            Looked::There(endpoint) => return endpoint,
            Looked::Asking(flight, found) => (flight, found),
        };
        flight.await;
        // It was given up or dropped: what was known before is as good as it was.
        let kept = || self.known().keeps(clock.monotonic()).ok_or(Arc::new(IntrospectionError::GivenUp));
        found.get().cloned().unwrap_or_else(kept)
    }

    fn look(
        self: &Arc<Self>,
        client: &Arc<dyn HttpClient>,
        clock: &Arc<dyn Clock>,
        left: Duration,
    ) -> Looked {
        let now = clock.monotonic();
        let mut known = self.known();
        // Dropped behind the lock: code of the user's may be in it.
        let lost = known.asking.take_if(|asking| asking.is_lost(now));
        let joined = known
            .asking
            .as_ref()
            .and_then(|asking| Some(Looked::Asking(asking.in_flight.join()?, Arc::clone(&asking.found))));
        let looked = match (known.at_hand(now), joined) {
            (AtHand::Settled(settled), _) => Looked::There(settled),
            // Somebody asks already, or there is no time: the endpoint is good until asking has come to something.
            (AtHand::Old(endpoint), Some(_)) => Looked::There(Ok(endpoint)),
            (AtHand::Old(endpoint), None) if left < FOR_NEWS.saturating_add(FOR_TOKEN) => {
                Looked::There(Ok(endpoint))
            }
            (AtHand::Nothing, Some(asking)) => asking,
            (AtHand::Old(_), None) => self.ask(&mut known, FOR_NEWS, client, clock, now),
            (AtHand::Nothing, None) => {
                self.ask(&mut known, FetchLimits::default().timeout, client, clock, now)
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
    ) -> Looked {
        let (discovered, client, clock) = (Arc::clone(self), Arc::clone(client), Arc::clone(clock));
        let found = Arc::new(OnceLock::new());
        let outcome = Arc::clone(&found);
        let (in_flight, flight) = InFlight::begin(|landing: Landing| async move {
            let limits = || FetchLimits {
                timeout: most.saturating_sub(clock.monotonic().saturating_sub(begun)),
                ..FetchLimits::default()
            };
            let Self { metadata, wanted, loopback_http, .. } = &*discovered;
            let answer = discover(&*client, metadata, *wanted, *loopback_http, limits).await;
            let answer = answer.map_err(IntrospectionError::Discovery);
            let answer = answer.and_then(|endpoint| discovered.at_home(endpoint));
            if let Some((ended, found)) = discovered.land(answer, &landing, begun, clock.monotonic()) {
                // It was never set: there is one look for each.
                let _ = outcome.set(found);
                drop(ended);
            }
            landing.end();
        });
        known.asked = Some(begun);
        known.asking = Some(Asking { in_flight, found: Arc::clone(&found), begun });
        Looked::Asking(flight, found)
    }

    /// Notes what came of asking, and says what is known now; nothing where asking was given up.
    fn land(
        &self,
        answer: Result<Endpoint, IntrospectionError>,
        landing: &Landing,
        begun: Duration,
        now: Duration,
    ) -> Option<(Asking, Found)> {
        let mut known = self.known();
        let ended = known.asking.take_if(|asking| asking.in_flight.is(landing))?;
        let found = match (answer, known.keeps(now)) {
            (Ok(endpoint), _) => {
                known.named(&endpoint, begun);
                Ok(endpoint)
            }
            (Err(error), Some(endpoint)) => {
                drop(known);
                let (code, error) = (error.code(), in_words(&error));
                events::endpoint_not_refreshed(&self.issuer, &endpoint, code, &error);
                Ok(endpoint)
            }
            (Err(error), None) => {
                let error = Arc::new(error);
                known.failed(&error, now);
                Err(error)
            }
        };
        Some((ended, found))
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
