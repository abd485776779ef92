use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::server;
use super::signing::{SigningKey, base64url};
use super::token::TokenBuilder;
use crate::clock::{Clock, SystemClock};
use crate::jose::{JwkSet, SignatureAlgorithm};

/// An authorization server for tests: it has keys, signs any token, and (if started) serves its metadata and
/// key set on loopback, counting the requests.
///
/// It starts with one ES256 key. A key for another algorithm is made, and published, when a token first needs
/// it. Clones are the same issuer.
#[derive(Clone)]
pub struct Issuer {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
}

struct Shared {
    url: String,
    keys: Mutex<KeyRing>,
    discovery_requests: AtomicUsize,
    jwks_requests: AtomicUsize,
}

#[derive(Default)]
struct KeyRing {
    generation: u32,
    keys: Vec<Arc<SigningKey>>,
}

/// How often an [`Issuer`] was asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Requests {
    /// For its metadata.
    pub discovery: usize,
    /// For its keys.
    pub jwks: usize,
}

impl Issuer {
    /// An issuer without a network: give its [`jwk_set`](Self::jwk_set) to the server under test.
    #[must_use]
    pub fn offline(url: &str) -> Self {
        let shared = Shared {
            url: url.to_owned(),
            keys: Mutex::default(),
            discovery_requests: AtomicUsize::new(0),
            jwks_requests: AtomicUsize::new(0),
        };
        let issuer = Self { shared: Arc::new(shared), clock: Arc::new(SystemClock::new()) };
        issuer.key(SignatureAlgorithm::Es256);
        issuer
    }

    /// An issuer that serves its documents on a free port of loopback, for as long as the runtime lives.
    ///
    /// The server under test needs
    /// [`dangerous_allow_loopback_http`](crate::ResourceServerBuilder::dangerous_allow_loopback_http).
    ///
    /// # Panics
    ///
    /// If loopback has no free port.
    pub async fn start() -> Self {
        let listener = server::bind().await;
        let address = listener.local_addr().expect("a listener has an address");
        let issuer = Self::offline(&format!("http://{address}"));
        server::serve(listener, issuer.clone());
        issuer
    }

    /// The same issuer, dating its tokens by this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The issuer identifier.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Starts a token that is right in every respect: an RFC 9068 access token for `audience`, signed with
    /// ES256, valid from now for five minutes.
    #[must_use]
    pub fn token(&self, audience: &str) -> TokenBuilder {
        TokenBuilder::new(self.clone(), audience, self.clock.unix_time().as_secs())
    }

    /// Signs a header and a payload as they are, whatever they are.
    #[must_use]
    pub fn sign(&self, algorithm: SignatureAlgorithm, header: &str, payload: &[u8]) -> String {
        let input = format!("{}.{}", base64url(header.as_bytes()), base64url(payload));
        let signature = self.key(algorithm).sign(input.as_bytes());
        format!("{input}.{}", base64url(&signature))
    }

    /// The `kid` of the current key for this algorithm.
    #[must_use]
    pub fn key_id(&self, algorithm: SignatureAlgorithm) -> String {
        self.key(algorithm).key_id().to_owned()
    }

    /// Replaces every key by a new one, all at once: the hard rotation.
    pub fn rotate(&self) {
        let algorithms: Vec<_> = {
            let mut ring = self.ring();
            ring.generation += 1;
            ring.keys.drain(..).map(|key| key.algorithm()).collect()
        };
        for algorithm in algorithms {
            self.key(algorithm);
        }
    }

    /// The JWK Set, as a document.
    #[must_use]
    pub fn jwks_json(&self) -> Value {
        let keys: Vec<_> = self.ring().keys.iter().map(|key| key.jwk()).collect();
        json!({ "keys": keys })
    }

    /// The JWK Set, as the server's configuration takes it.
    ///
    /// # Panics
    ///
    /// Never: the set is our own.
    #[must_use]
    pub fn jwk_set(&self) -> JwkSet {
        JwkSet::from_json(&self.jwks_json().to_string()).expect("our own set can be read")
    }

    /// The metadata, as a document.
    #[must_use]
    pub fn metadata_json(&self) -> Value {
        json!({ "issuer": self.url(), "jwks_uri": format!("{}/jwks", self.url()) })
    }

    /// How often this issuer was asked since it started.
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests {
            discovery: self.shared.discovery_requests.load(Ordering::SeqCst),
            jwks: self.shared.jwks_requests.load(Ordering::SeqCst),
        }
    }

    pub(super) fn count_discovery(&self) {
        self.shared.discovery_requests.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn count_jwks(&self) {
        self.shared.jwks_requests.fetch_add(1, Ordering::SeqCst);
    }

    fn key(&self, algorithm: SignatureAlgorithm) -> Arc<SigningKey> {
        let mut ring = self.ring();
        if let Some(key) = ring.keys.iter().find(|key| key.algorithm() == algorithm) {
            return Arc::clone(key);
        }
        let key_id = format!("{}-{}", algorithm.name().to_ascii_lowercase(), ring.generation);
        let key = Arc::new(SigningKey::generate(algorithm, key_id));
        ring.keys.push(Arc::clone(&key));
        key
    }

    fn ring(&self) -> MutexGuard<'_, KeyRing> {
        self.shared.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("url", &self.shared.url).finish_non_exhaustive()
    }
}
