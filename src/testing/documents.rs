use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::fault::Faults;
use super::signing::{SigningKey, base64url};
use crate::clock::{Clock, SystemClock};
use crate::jose::{JwkSet, SignatureAlgorithm};

/// Where the introspection endpoint is, below the issuer.
pub(super) const INTROSPECTION: &str = "/introspect";

/// What an issuer has and publishes: its name, its clock, its keys, its documents, and how often they were asked for.
pub(super) struct Documents {
    pub(super) issuer: String,
    pub(super) introspection: Endpoint,
    clock: Mutex<Arc<dyn Clock>>,
    keys: Mutex<KeyRing>,
    pub(super) faults: Faults,
    discovery_requests: AtomicUsize,
    jwks_requests: AtomicUsize,
}

#[derive(Default)]
struct KeyRing {
    /// How many generations of keys there were; none has the name of another.
    generations: u32,
    /// What signs.
    keys: Vec<Arc<SigningKey>>,
    /// What is published beside it: keys that will sign, and keys that did.
    next: Vec<Arc<SigningKey>>,
    old: Vec<Arc<SigningKey>>,
}

/// How often an [`Issuer`](super::Issuer) was asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Requests {
    /// For its metadata.
    pub discovery: usize,
    /// For its keys.
    pub jwks: usize,
    /// At its introspection endpoint, by requests of whatever kind.
    pub introspection: usize,
}

impl Documents {
    pub(super) fn new(issuer: &str) -> Self {
        let documents = Self {
            issuer: issuer.to_owned(),
            introspection: Endpoint::default(),
            clock: Mutex::new(Arc::new(SystemClock::new())),
            keys: Mutex::default(),
            faults: Faults::default(),
            discovery_requests: AtomicUsize::new(0),
            jwks_requests: AtomicUsize::new(0),
        };
        documents.key(SignatureAlgorithm::Es256);
        documents
    }

    pub(super) fn set_clock(&self, clock: impl Clock) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(clock);
    }

    /// In seconds since the Unix epoch.
    pub(super) fn now(&self) -> u64 {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).unix_time().as_secs()
    }

    /// The current key for this algorithm, made now if there is none.
    pub(super) fn key(&self, algorithm: SignatureAlgorithm) -> Arc<SigningKey> {
        let mut ring = self.ring();
        if let Some(key) = ring.keys.iter().find(|key| key.algorithm() == algorithm) {
            return Arc::clone(key);
        }
        let key = Arc::new(SigningKey::generate(algorithm, key_id(algorithm, ring.generations)));
        ring.keys.push(Arc::clone(&key));
        key
    }

    /// Makes keys of another generation, for the same algorithms.
    fn another_generation(&self) -> Vec<Arc<SigningKey>> {
        // Making keys takes a while; the set changes at once, and whoever asks sees the old or the new one whole.
        let (algorithms, generation) = {
            let mut ring = self.ring();
            ring.generations += 1;
            let algorithms: Vec<_> = ring.keys.iter().map(|key| key.algorithm()).collect();
            (algorithms, ring.generations)
        };
        let make = |algorithm| Arc::new(SigningKey::generate(algorithm, key_id(algorithm, generation)));
        algorithms.into_iter().map(make).collect()
    }

    pub(super) fn rotate(&self) {
        let keys = self.another_generation();
        let mut ring = self.ring();
        (ring.keys, ring.next, ring.old) = (keys, Vec::new(), Vec::new());
    }

    pub(super) fn publish_next(&self) {
        let keys = self.another_generation();
        self.ring().next = keys;
    }

    pub(super) fn activate_next(&self) {
        let mut ring = self.ring();
        assert!(!ring.next.is_empty(), "`publish_next` comes before `activate_next`");
        // A key made since for another algorithm has no successor and signs on; the names of all that come are new.
        ring.generations += 1;
        let next = std::mem::take(&mut ring.next);
        let replaced = |key: &Arc<SigningKey>| next.iter().any(|next| next.algorithm() == key.algorithm());
        let (old, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut ring.keys).into_iter().partition(replaced);
        ring.keys = next.into_iter().chain(kept).collect();
        ring.old.extend(old);
    }

    pub(super) fn retire(&self) {
        self.ring().old.clear();
    }

    pub(super) fn sign(&self, algorithm: SignatureAlgorithm, header: &str, payload: &[u8]) -> String {
        let input = format!("{}.{}", base64url(header.as_bytes()), base64url(payload));
        let signature = self.key(algorithm).sign(input.as_bytes());
        format!("{input}.{}", base64url(&signature))
    }

    pub(super) fn jwks(&self) -> Value {
        let ring = self.ring();
        let keys: Vec<_> = ring.keys.iter().chain(&ring.next).chain(&ring.old).map(|key| key.jwk()).collect();
        json!({ "keys": keys })
    }

    pub(super) fn jwk_set(&self) -> JwkSet {
        JwkSet::from_json(&self.jwks().to_string()).expect("our own set can be read")
    }

    pub(super) fn introspection_endpoint(&self) -> String {
        self.below(INTROSPECTION)
    }

    pub(super) fn metadata(&self) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": self.below("/jwks"),
            "introspection_endpoint": self.introspection_endpoint(),
        })
    }

    fn below(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    pub(super) fn requests(&self) -> Requests {
        Requests {
            discovery: self.discovery_requests.load(Ordering::SeqCst),
            jwks: self.jwks_requests.load(Ordering::SeqCst),
            introspection: self.introspection.requests(),
        }
    }

    pub(super) fn count_discovery(&self) {
        self.discovery_requests.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn count_jwks(&self) {
        self.jwks_requests.fetch_add(1, Ordering::SeqCst);
    }

    fn ring(&self) -> MutexGuard<'_, KeyRing> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_id(algorithm: SignatureAlgorithm, generation: u32) -> String {
    format!("{}-{generation}", algorithm.name().to_ascii_lowercase())
}
