use std::sync::Arc;

use super::client::{Wanted, http_client};
use super::context::Context;
use crate::error::Problems;
use crate::fetch::{FetchFiles, HttpClient, LoopbackHttp, configured};
use crate::jose::{AllowedAlgorithms, HmacKey, JwkSet, KeySet, SignatureAlgorithm, SignatureBackend};
use crate::jwks::{FileKeys, KeyFile, Keys, Location, RemoteKeys, Source};
use crate::metadata::MetadataPlace;

/// The settings of an issuer that say which keys verify tokens, and with which algorithms.
#[derive(Clone, Default)]
pub(super) struct KeySettings {
    pub(super) algorithms: Option<Vec<SignatureAlgorithm>>,
    pub(super) metadata_url: Option<String>,
    pub(super) jwks_uri: Option<String>,
    pub(super) jwk_set: Option<JwkSet>,
    pub(super) key_files: Vec<KeyFile>,
    pub(super) hmac_key: Option<HmacKey>,
    pub(super) http_client: Option<Arc<dyn HttpClient>>,
    pub(super) fetch_files: FetchFiles,
}

/// Who is asked, and where its metadata is unless the settings say otherwise.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) issuer: Box<str>,
    pub(super) metadata: MetadataPlace,
}

impl KeySettings {
    /// The algorithms to take: the one of the HMAC key, those listed, or of those that the issuer is known to sign with
    /// (`usual`; none means any) all that the backend has.
    pub(super) fn allowed(
        &self,
        usual: &[SignatureAlgorithm],
        backend: &SignatureBackend,
        problems: &mut Problems,
    ) -> Option<AllowedAlgorithms> {
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
            let is_usual = |algorithm: &SignatureAlgorithm| usual.is_empty() || usual.contains(algorithm);
            let all = AllowedAlgorithms::of(backend.algorithms().filter(is_usual));
            if all.is_none() {
                problems.add("unsupported_algorithm", format!("{backend:?} has no algorithm of the issuer"));
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

    /// Where the metadata is, which leads to keys and endpoints alike: where the settings say, or at its usual place.
    pub(super) fn moved(
        &self,
        origin: Option<Origin>,
        loopback_http: LoopbackHttp,
        problems: &mut Problems,
    ) -> Option<Origin> {
        let Some(url) = self.metadata_url.as_deref() else { return origin };
        let url = problems.note(configured("insecure_metadata_url", "`metadata_url`", url, loopback_http))?;
        let origin = origin?;
        Some(Origin { metadata: MetadataPlace { candidates: vec![url], ..origin.metadata }, ..origin })
    }

    /// Where keys come from: given, or found at a configured or a discovered place.
    pub(super) fn keys(
        &self,
        origin: Option<Origin>,
        allowed: Option<&AllowedAlgorithms>,
        context: &Context,
        problems: &mut Problems,
    ) -> Option<Keys> {
        let configured = self.jwks_uri.as_deref().map(|uri| {
            problems.note(configured("insecure_jwks_uri", "`jwks_uri`", uri, context.loopback_http))
        });
        let given = [self.hmac_key.is_some(), self.jwk_set.is_some()];
        let places = given.into_iter().chain([self.metadata_url.is_some(), configured.is_some()]);
        if places.filter(|place| *place).count().saturating_add(self.key_files.len()) > 1 {
            let message = "two of `metadata_url`, `jwks_uri`, `jwk_set`, a key file and `hmac_key`: keys come from one place";
            problems.add("two_key_sources", message);
        }
        if given.contains(&true) {
            return self
                .fixed_keys(allowed, &context.backend, problems)
                .map(|keys| Keys::Fixed(Arc::new(keys)));
        }
        if let Some(file) = self.key_files.last() {
            let keys =
                FileKeys::open(file, allowed?, &context.backend, &context.clock, context.timing.stale_bound);
            return problems.note(keys).map(|keys| Keys::File(Arc::new(keys)));
        }
        let (issuer, place) = origin.map(|origin| (origin.issuer, origin.metadata)).unzip();
        let location = match configured {
            Some(endpoint) => endpoint.map(Location::Configured),
            None => place.map(Location::Discovered),
        };
        let client = http_client(
            &Wanted {
                issuer: issuer.as_deref().unwrap_or_default(),
                own: self.http_client.as_ref(),
                files: &self.fetch_files,
                origins: location.as_ref().map(Location::configured).unwrap_or_default(),
            },
            context,
            problems,
        );
        let source = Source {
            issuer: issuer?,
            location: location?,
            client: client?,
            files: self.fetch_files.clone(),
            clock: Arc::clone(&context.clock),
            allowed: allowed?.clone(),
            backend: context.backend.clone(),
            loopback_http: context.loopback_http,
            timing: context.timing,
        };
        Some(Keys::Remote(RemoteKeys::new(source, Arc::clone(&context.live))))
    }

    /// The keys of an issuer whose tokens are all introspected: none, and nothing is to be said about any.
    pub(super) fn unused(&self, problems: &mut Problems) -> Option<Keys> {
        let places = [self.jwks_uri.is_some(), self.jwk_set.is_some(), !self.key_files.is_empty()];
        if self.hmac_key.is_some() || self.algorithms.is_some() || places.contains(&true) {
            let message = "keys or algorithms beside `every_token`: nothing of this issuer is verified here";
            problems.add("unused_keys", message);
        }
        Some(Keys::Unused)
    }

    /// The keys that the configuration brings along.
    fn fixed_keys(
        &self,
        allowed: Option<&AllowedAlgorithms>,
        backend: &SignatureBackend,
        problems: &mut Problems,
    ) -> Option<KeySet> {
        if let Some(key) = &self.hmac_key {
            let keys = KeySet::of_hmac_key(key, backend);
            if keys.is_none() {
                let message = format!("{backend:?} does not have {}", key.algorithm());
                problems.add("unsupported_algorithm", message);
            }
            return keys;
        }
        let (set, allowed) = (self.jwk_set.as_ref()?, allowed?);
        let keys = KeySet::new(set, allowed, backend);
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
