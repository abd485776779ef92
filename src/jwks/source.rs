use std::sync::Arc;
use std::time::Duration;

use super::cache_control::lifetime;
use super::events;
use super::timing::KeyTiming;
use crate::clock::Clock;
use crate::fetch::{Endpoint, FetchError, FetchLimits, HttpClient, LoopbackHttp, get_json, without_secrets};
use crate::jose::{AllowedAlgorithms, JwkSet, JwkSetError, KeySet, SignatureBackend};
use crate::metadata::{DiscoveryError, Issuer, discover};

/// A discovered place is used again for this long, unless a fetch fails: a key set that moved is found again.
const METADATA_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// How many keys a fetched set may have.
const MAX_PUBLISHED_KEYS: usize = 100;

/// Where the keys are, and what is needed to get and use them.
pub(crate) struct Source {
    /// Whose keys they are, for events and messages.
    pub(crate) issuer: Box<str>,
    pub(crate) location: Location,
    pub(crate) client: Arc<dyn HttpClient>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) allowed: AllowedAlgorithms,
    pub(crate) backend: SignatureBackend,
    pub(crate) loopback_http: LoopbackHttp,
    pub(crate) timing: KeyTiming,
}

pub(crate) enum Location {
    /// Found through the issuer's metadata.
    Discovered(Issuer),
    /// Known from the configuration.
    Configured(Endpoint),
}

/// A discovered place of the keys.
pub(super) struct Located {
    endpoint: Endpoint,
    pub(super) until: Duration,
}

/// What a fetch brought.
pub(super) struct Loading {
    pub(super) located: Option<Located>,
    pub(super) keys: KeySet,
    pub(super) lifetime: Duration,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("the metadata of {issuer} did not lead to its keys")]
    Discovery { issuer: Box<str>, source: DiscoveryError },
    #[error("the key set at {endpoint} could not be fetched")]
    Fetch { endpoint: String, source: FetchError },
    #[error("the key set is unusable")]
    Set(#[source] JwkSetError),
    #[error("the key set has {0} keys, more than {MAX_PUBLISHED_KEYS}")]
    TooManyKeys(usize),
    #[error("none of the {0} keys of the set can be used")]
    NoUsableKey(usize),
    #[error("the fetch was dropped or did not end")]
    GivenUp,
}

impl Source {
    /// Whether both lead to the same keys, ready for the same use. (The servers are the same.)
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let place = |source: &Self| match &source.location {
            Location::Discovered(issuer) => issuer.as_str().to_owned(),
            Location::Configured(endpoint) => endpoint.uri().to_string(),
        };
        self.issuer == other.issuer
            && std::mem::discriminant(&self.location) == std::mem::discriminant(&other.location)
            && place(self) == place(other)
            && Arc::ptr_eq(&self.client, &other.client)
            && self.allowed == other.allowed
    }

    /// Finds, gets and prepares the keys, within the time of one fetch for all of it.
    pub(super) async fn load(&self, located: Option<Located>) -> Result<Loading, LoadError> {
        let (client, started) = (&*self.client, self.clock.monotonic());
        let limits = || self.limits_left(started);
        let (endpoint, located) = match &self.location {
            Location::Configured(endpoint) => (endpoint.clone(), None),
            Location::Discovered(issuer) => {
                let located = match located {
                    Some(located) => located,
                    None => Located {
                        endpoint: discover(client, issuer, self.loopback_http, limits).await.map_err(
                            |source| LoadError::Discovery { issuer: issuer.as_str().into(), source },
                        )?,
                        until: started.saturating_add(METADATA_LIFETIME),
                    },
                };
                (located.endpoint.clone(), Some(located))
            }
        };
        let response = get_json(client, &endpoint, limits()).await.map_err(|source| {
            let endpoint = without_secrets(&endpoint.uri().to_string());
            LoadError::Fetch { endpoint, source }
        })?;
        let text =
            std::str::from_utf8(response.body()).map_err(|_| LoadError::Set(JwkSetError::Malformed))?;
        let set = JwkSet::from_json(text).map_err(LoadError::Set)?;
        // An issuer publishes two to ten.
        let published = set.len().saturating_add(set.unusable().len());
        if published > MAX_PUBLISHED_KEYS {
            return Err(LoadError::TooManyKeys(published));
        }
        if set.secrets() > 0 {
            events::secrets_published(&self.issuer, set.secrets());
        }
        for reason in set.unusable() {
            events::key_passed_over(&self.issuer, *reason);
        }
        // An empty array withdraws every key. A set in which nothing can be used is a mistake somewhere.
        let keys = KeySet::new(&set, &self.allowed, &self.backend);
        if keys.is_empty() && published > 0 {
            return Err(LoadError::NoUsableKey(published));
        }
        Ok(Loading { located, keys, lifetime: lifetime(response.headers(), &self.timing) })
    }

    /// What is left, of the time for one fetch, for its next exchange.
    fn limits_left(&self, started: Duration) -> FetchLimits {
        let taken = self.clock.monotonic().saturating_sub(started);
        FetchLimits { timeout: self.timing.fetch_timeout.saturating_sub(taken), ..FetchLimits::default() }
    }
}
