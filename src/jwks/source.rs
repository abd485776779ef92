use std::sync::Arc;
use std::time::Duration;

use http::header;

use super::cache_control::lifetime;
use super::events::{self, KeyPlace};
use super::failure::Failure;
use super::load_error::{LoadError, MAX_PUBLISHED_KEYS};
use super::located::{Located, Move};
use super::timing::KeyTiming;
use super::usable::usable_keys;
use crate::clock::Clock;
use crate::fetch::{
    Endpoint, EntityTag, FetchFiles, FetchLimits, HttpClient, LoopbackHttp, Revalidated, get_json_if_changed,
};
use crate::jose::{AllowedAlgorithms, JwkSet, JwkSetError, KeySet, SignatureBackend};
use crate::metadata::{MetadataPlace, Wanted, discover};

/// Where the keys are, and what is needed to get and use them.
pub(crate) struct Source {
    /// Whose keys they are, for events and messages.
    pub(crate) issuer: Box<str>,
    pub(crate) location: Location,
    pub(crate) client: Arc<dyn HttpClient>,
    /// What the client was made of, if it was made for this issuer.
    pub(crate) files: FetchFiles,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) allowed: AllowedAlgorithms,
    pub(crate) backend: SignatureBackend,
    pub(crate) loopback_http: LoopbackHttp,
    pub(crate) timing: KeyTiming,
}

#[derive(Eq, PartialEq)]
pub(crate) enum Location {
    /// Found through the issuer's metadata.
    Discovered(MetadataPlace),
    /// Known from the configuration.
    Configured(Endpoint),
}

impl Location {
    /// Where the configuration says that fetches begin.
    pub(crate) fn configured(&self) -> &[Endpoint] {
        match self {
            Self::Discovered(place) => &place.candidates,
            Self::Configured(endpoint) => std::slice::from_ref(endpoint),
        }
    }
}

/// The keys of one set, for as long as they are held, and what it takes to ask whether they are still the ones.
#[derive(Clone)]
pub(super) struct Published {
    pub(super) keys: Arc<KeySet>,
    pub(super) lifetime: Duration,
    /// Whether the last fetch found them unchanged.
    pub(super) confirmed: bool,
    from: Endpoint,
    tag: Option<EntityTag>,
}

/// What a fetch brought.
pub(super) struct Loading {
    /// What is new about the place, also after a failure.
    pub(super) located: Option<Located>,
    pub(super) result: Result<Published, LoadError>,
}

impl Source {
    /// Whether both lead to the same keys, ready for the same use. (The servers are the same.)
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.issuer == other.issuer
            && self.location == other.location
            && self.files == other.files
            && (!self.files.is_empty() || Arc::ptr_eq(&self.client, &other.client))
            && self.allowed == other.allowed
    }

    /// Finds, gets and prepares the keys, within the time of one fetch for all of it. `held` is what is in memory: a 304
    /// can confirm nothing else.
    pub(super) async fn load(&self, located: Option<Located>, held: Option<Published>) -> Loading {
        let started = self.clock.monotonic();
        let place = match &self.location {
            Location::Discovered(place) => place,
            Location::Configured(endpoint) => {
                let limits = || self.limits_left(started, Duration::ZERO);
                return Loading { located: None, result: self.published(endpoint, held, limits).await };
            }
        };
        match self.locate(place, located, started).await {
            Ok(mut located) => {
                let result = self.published_at(&mut located, held, started).await;
                Loading { located: Some(located), result }
            }
            Err(error) => Loading { located: None, result: Err(error) },
        }
    }

    /// The keys at the known place; and where it took over from one that had keys and has brought none yet, those of that.
    async fn published_at(
        &self,
        located: &mut Located,
        held: Option<Published>,
        started: Duration,
    ) -> Result<Published, LoadError> {
        if let Some(to) = located.only_pending(started) {
            return Err(moved(located.endpoint(), to, None));
        }
        let former = located.former(started).cloned();
        let kept = if former.is_some() { self.half_left(started) } else { Duration::ZERO };
        let limits = || self.limits_left(started, kept);
        let result = self.published(located.endpoint(), held.clone(), limits).await;
        located.ended(result.is_ok());
        let error = match (result, located.pending()) {
            (Ok(published), _) => return Ok(published),
            (Err(error), Some(to)) => moved(located.endpoint(), to, Some(error)),
            (Err(error), None) => error,
        };
        let Some(former) = former else { return Err(error) };
        match self.published(&former, held, || self.limits_left(started, Duration::ZERO)).await {
            Ok(published) => {
                let failure = Failure::of(&error);
                events::metadata_not_refreshed(&self.issuer, failure.code, &failure.message);
                Ok(published)
            }
            Err(_) => Err(error),
        }
    }

    /// Where the keys are: as remembered for a while, then as the metadata says, and as remembered again if there is no
    /// metadata to be had.
    async fn locate(
        &self,
        place: &MetadataPlace,
        known: Option<Located>,
        started: Duration,
    ) -> Result<Located, LoadError> {
        let known = match known {
            Some(known) if known.is_fresh(started) => return Ok(known),
            known => known,
        };
        let usable = known.as_ref().is_some_and(|known| known.is_usable(started));
        // With a place to get keys from whatever the metadata says, half of the time is kept for them.
        let kept = if usable { self.half_left(started) } else { Duration::ZERO };
        let limits = || self.limits_left(started, kept);
        match (discover(&*self.client, place, Wanted::JwksUri, self.loopback_http, limits).await, known) {
            (Ok(endpoint), None) => Ok(Located::new(endpoint, started)),
            (Ok(endpoint), Some(mut known)) => {
                let at_home = place.is_home_of(&endpoint, self.loopback_http);
                match known.renew(endpoint, at_home, started) {
                    Move::None => {}
                    Move::Followed { from } => events::moved(&self.issuer, &from, known.endpoint()),
                    Move::Refused { to } => events::move_refused(&self.issuer, known.endpoint(), &to),
                }
                Ok(known)
            }
            (Err(source), Some(known)) if usable => {
                let failure = Failure::of(&LoadError::Discovery { issuer: self.issuer.clone(), source });
                events::metadata_not_refreshed(&self.issuer, failure.code, &failure.message);
                Ok(known)
            }
            (Err(source), _) => Err(LoadError::Discovery { issuer: self.issuer.clone(), source }),
        }
    }

    /// The keys at a place: new ones, or those that are held and confirmed.
    async fn published(
        &self,
        endpoint: &Endpoint,
        held: Option<Published>,
        limits: impl Fn() -> FetchLimits,
    ) -> Result<Published, LoadError> {
        let held = held.filter(|held| held.from == *endpoint);
        let held = held.and_then(|held| held.tag.clone().map(|tag| (held, tag)));
        let answer = get_json_if_changed(&*self.client, endpoint, held, limits).await;
        match answer.map_err(|source| LoadError::Fetch { endpoint: endpoint.shown(), source })? {
            Revalidated::Changed { document, tag } => Ok(Published {
                keys: Arc::new(self.key_set(document.body())?),
                lifetime: lifetime(document.headers(), &self.timing),
                confirmed: false,
                from: endpoint.clone(),
                tag,
            }),
            Revalidated::Unchanged { held, headers } => {
                // RFC 9111 §4.3.4: what the 304 says counts from now on, and what it leaves out stays.
                let says = headers.contains_key(header::CACHE_CONTROL);
                let lifetime = if says { lifetime(&headers, &self.timing) } else { held.lifetime };
                Ok(Published { lifetime, confirmed: true, ..held })
            }
        }
    }

    /// The keys of a document.
    ///
    /// Deliberately not asked for its media type: servers call it `application/json`, `application/jwk-set+json`, and
    /// whatever their storage calls any file. The place was named by the issuer, and what is no JWK Set is refused.
    fn key_set(&self, document: &[u8]) -> Result<KeySet, LoadError> {
        let text = std::str::from_utf8(document).map_err(|_| LoadError::Set(JwkSetError::Malformed))?;
        let set = JwkSet::from_json(text).map_err(LoadError::Set)?;
        // An issuer publishes two to ten.
        let published = set.published();
        if published > MAX_PUBLISHED_KEYS {
            return Err(LoadError::TooManyKeys(published));
        }
        events::oddities(&set, KeyPlace::Issuer(&self.issuer));
        usable_keys(&set, &self.allowed, &self.backend).ok_or(LoadError::NoUsableKey(published))
    }

    /// What is left, of the time for one fetch, for its next exchange, where some is kept for a later one.
    fn limits_left(&self, started: Duration, kept: Duration) -> FetchLimits {
        FetchLimits { timeout: self.time_left(started).saturating_sub(kept), ..FetchLimits::default() }
    }

    fn half_left(&self, started: Duration) -> Duration {
        self.time_left(started).checked_div(2).unwrap_or_default()
    }

    fn time_left(&self, started: Duration) -> Duration {
        let taken = self.clock.monotonic().saturating_sub(started);
        self.timing.fetch_timeout.saturating_sub(taken)
    }
}

/// A failure at a place that the issuer has left, as far as its metadata says: retries alone may not heal it.
fn moved(from: &Endpoint, to: &Endpoint, source: Option<LoadError>) -> LoadError {
    LoadError::Moved { from: from.shown(), to: to.shown(), source: source.map(Box::new) }
}
