use std::sync::Arc;

use crate::clock::Clock;
use crate::error::Problems;
use crate::fetch::{HttpClient, LoopbackHttp, configured};
use crate::jose::{AllowedAlgorithms, HmacKey, JwkSet, KeySet, SignatureAlgorithm, SignatureBackend};
use crate::jwks::{KeyTiming, Keys, LiveKeys, Location, RemoteKeys, Source};
use crate::metadata::Issuer;

/// The settings of a builder that say which keys verify tokens, and with which algorithms.
#[derive(Default)]
pub(crate) struct KeySettings {
    pub(crate) algorithms: Option<Vec<SignatureAlgorithm>>,
    pub(crate) backend: SignatureBackend,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) jwk_set: Option<JwkSet>,
    pub(crate) hmac_key: Option<HmacKey>,
    pub(crate) http_client: Option<Arc<dyn HttpClient>>,
}

impl KeySettings {
    /// The algorithms to take: the one of the HMAC key, those listed, or all that the backend has.
    pub(crate) fn allowed(&self, problems: &mut Problems) -> Option<AllowedAlgorithms> {
        let backend = &self.backend;
        if let Some(key) = &self.hmac_key {
            if self.algorithms.is_some() {
                problems.add(
                    "two_algorithm_sources",
                    "both `algorithms` and `hmac_key`, which has its own algorithm",
                );
            }
            return Some(AllowedAlgorithms::of_hmac(key.algorithm()));
        }
        let Some(listed) = &self.algorithms else {
            let all = AllowedAlgorithms::of(backend.algorithms());
            if all.is_none() {
                problems.add("unsupported_algorithm", format!("{backend:?} has no algorithm at all"));
            }
            return all;
        };
        if listed.is_empty() {
            problems.add("no_algorithm", "the list of algorithms is empty");
        }
        for algorithm in listed.iter().filter(|algorithm| !backend.has(**algorithm)) {
            problems.add("unsupported_algorithm", format!("{backend:?} does not have {algorithm}"));
        }
        AllowedAlgorithms::of(listed.iter().copied())
    }

    /// Where keys come from: given, or found at a configured or a discovered place.
    pub(crate) fn keys(
        &self,
        issuer: Option<&Issuer>,
        loopback_http: LoopbackHttp,
        allowed: Option<&AllowedAlgorithms>,
        clock: &Arc<dyn Clock>,
        problems: &mut Problems,
    ) -> Option<Keys> {
        let configured = self
            .jwks_uri
            .as_deref()
            .map(|uri| problems.note(configured("insecure_jwks_uri", "`jwks_uri`", uri, loopback_http)));
        if self.hmac_key.is_some() || self.jwk_set.is_some() {
            let keys = self.fixed_keys(allowed, problems);
            if configured.is_some() || (self.hmac_key.is_some() && self.jwk_set.is_some()) {
                let message = "two of `jwks_uri`, `jwk_set` and `hmac_key`: keys come from one place";
                problems.add("two_key_sources", message);
            }
            return keys.map(Keys::Fixed);
        }
        let client = self.http_client.clone().or_else(default_client);
        if client.is_none() {
            problems.add(
                "no_http_client",
                "keys are fetched, but the feature `reqwest` is off and `with_http_client` was not called",
            );
        }
        let location = match configured {
            None => Location::Discovered(issuer?.clone()),
            Some(endpoint) => Location::Configured(endpoint?),
        };
        let source = Source {
            issuer: issuer?.as_str().into(),
            location,
            client: client?,
            clock: Arc::clone(clock),
            allowed: allowed?.clone(),
            backend: self.backend.clone(),
            loopback_http,
            timing: KeyTiming::default(),
        };
        Some(Keys::Remote(RemoteKeys::new(source, Arc::new(LiveKeys::default()))))
    }

    /// The keys that the configuration brings along.
    fn fixed_keys(&self, allowed: Option<&AllowedAlgorithms>, problems: &mut Problems) -> Option<KeySet> {
        if let Some(key) = &self.hmac_key {
            let keys = KeySet::of_hmac_key(key, &self.backend);
            if keys.is_none() {
                let message = format!("{:?} does not have {}", self.backend, key.algorithm());
                problems.add("unsupported_algorithm", message);
            }
            return keys;
        }
        let (set, allowed) = (self.jwk_set.as_ref()?, allowed?);
        let keys = KeySet::new(set, allowed, &self.backend);
        if keys.leaves_keys_untried(allowed) {
            let message =
                "a key without `kid` behind more keys for its algorithm than a token is tried against";
            problems.add("too_many_keys_without_id", message);
        }
        if keys.is_empty() {
            problems.add("no_usable_key", "no key of the JWK Set can verify an allowed algorithm");
        }
        Some(keys)
    }
}

fn default_client() -> Option<Arc<dyn HttpClient>> {
    #[cfg(feature = "reqwest")]
    return Some(Arc::new(crate::fetch::DefaultClient::default()));
    #[cfg(not(feature = "reqwest"))]
    None
}
