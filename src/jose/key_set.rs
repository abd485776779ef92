use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use super::allowed::{AllowedAlgorithms, JwsAlgorithm};
use super::backend::{SignatureBackend, Verifier};
use super::compact::UnverifiedJws;
use super::error::JoseError;
use super::header::JoseHeader;
use super::hmac_key::HmacKey;
use super::jwk_set::JwkSet;

/// How many keys a token may be tried against: those that share its `kid`, or all that fit where it has none.
pub(super) const MAX_TRIES: usize = 4;

/// For fingerprints. They tell an operator that a key is another one and decide nothing, so 64 bits are enough; and
/// with a seed by the operating system nobody can look for two keys that seem the same.
static FINGERPRINTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The keys of one issuer, parsed and ready, found by `kid` and algorithm.
pub(crate) struct KeySet {
    keys: Vec<Key>,
    by_key_id: HashMap<Box<str>, Vec<usize>>,
    selected_by_id: bool,
}

struct Key {
    verifiers: Vec<(JwsAlgorithm, Verifier)>,
    /// Without `kid`.
    nameless: bool,
    issuer: Option<Box<str>>,
    fingerprint: u64,
}

/// What can be told of a key.
pub(crate) struct ListedKey<'k> {
    pub(crate) key_id: Option<&'k str>,
    /// The names of the algorithms that it verifies.
    pub(crate) algorithms: Vec<&'static str>,
    /// The same, within this process, for the same key with the same uses.
    pub(crate) fingerprint: u64,
}

/// Whose tokens are to be verified, where one set has keys for several tenants and the keys say whose they are.
#[derive(Clone, Copy)]
pub(crate) struct KeyOwner<'a> {
    /// What a key for all of them names as its issuer, with `{tenantid}` where one for a single tenant names that.
    pub(crate) template: &'static str,
    pub(crate) tenant: &'a str,
}

impl KeyOwner<'_> {
    fn may_use(self, key: &Key) -> bool {
        // A key that names nobody serves everybody.
        let Some(named) = key.issuer.as_deref() else { return true };
        let tenant = self
            .template
            .split_once("{tenantid}")
            .and_then(|(before, after)| named.strip_prefix(before)?.strip_suffix(after));
        named == self.template || tenant == Some(self.tenant)
    }
}

/// Proof that a signature was verified by a key of the issuer. [`Selected::verify`] is its only source.
#[derive(Debug)]
pub(crate) struct VerifiedJws(());

impl KeySet {
    /// Prepares every key of `set` for every allowed algorithm it serves.
    pub(crate) fn new(set: &JwkSet, allowed: &AllowedAlgorithms, backend: &SignatureBackend) -> Self {
        let (keys, by_key_id) = (Vec::new(), HashMap::new());
        let mut this = Self { keys, by_key_id, selected_by_id: set.selected_by_id };
        for jwk in &set.keys {
            let prepared = |algorithm| {
                let verifier = Verifier::new(backend, algorithm, &jwk.key)?;
                Some((JwsAlgorithm::Signature(algorithm), verifier))
            };
            let verifiers: Vec<_> = allowed
                .signatures()
                .filter(|algorithm| jwk.serves(*algorithm))
                .filter_map(prepared)
                .collect();
            if verifiers.is_empty() {
                continue;
            }
            if let Some(key_id) = &jwk.key_id {
                this.by_key_id.entry(key_id.clone()).or_default().push(this.keys.len());
            }
            let algorithms: Vec<_> = verifiers.iter().map(|(algorithm, _)| algorithm.name()).collect();
            let fingerprint = FINGERPRINTS.hash_one((&jwk.key, algorithms, &jwk.issuer));
            let (nameless, issuer) = (jwk.key_id.is_none(), jwk.issuer.clone());
            this.keys.push(Key { verifiers, nameless, issuer, fingerprint });
        }
        this
    }

    /// Whether a key without `kid` stands behind so many others for its algorithm that no token is ever tried against it.
    pub(crate) fn leaves_keys_untried(&self, allowed: &AllowedAlgorithms) -> bool {
        let untried = |algorithm| {
            let fitting = self.keys.iter().filter(|key| key.verifier(algorithm).is_some());
            fitting.skip(MAX_TRIES).any(|key| key.nameless)
        };
        allowed.signatures().any(|algorithm| untried(JwsAlgorithm::Signature(algorithm)))
    }

    /// The one secret, for its one algorithm. `None` if the backend does not take it.
    pub(crate) fn of_hmac_key(key: &HmacKey, backend: &SignatureBackend) -> Option<Self> {
        let verifier = Verifier::of_hmac_key(backend, key)?;
        let verifiers = vec![(JwsAlgorithm::Hmac(key.algorithm()), verifier)];
        // A secret never changes, and nothing is made of it that is not needed.
        let key = Key { verifiers, nameless: true, issuer: None, fingerprint: 0 };
        Some(Self { keys: vec![key], by_key_id: HashMap::new(), selected_by_id: false })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn listed(&self) -> Vec<ListedKey<'_>> {
        let nameless = |key: &Key| ListedKey {
            key_id: None,
            algorithms: key.verifiers.iter().map(|(algorithm, _)| algorithm.name()).collect(),
            fingerprint: key.fingerprint,
        };
        let mut listed: Vec<_> = self.keys.iter().map(nameless).collect();
        for (key_id, index) in self.by_key_id.iter().flat_map(|(id, all)| all.iter().map(move |at| (id, *at)))
        {
            if let Some(listed) = listed.get_mut(index) {
                listed.key_id = Some(&**key_id);
            }
        }
        listed
    }

    /// Whether any key has the `kid` that the header names.
    pub(crate) fn knows_id(&self, header: &JoseHeader) -> bool {
        header.key_id().is_some_and(|key_id| self.by_key_id.contains_key(key_id))
    }

    /// The keys that may have signed a token with this header: same `kid` (compared exactly), and fit for its
    /// algorithm. A token without `kid` may have been signed by any key that fits (RFC 7515 §4.1.4), and so may any
    /// token where the keys were given without identifiers. With an `owner`, only keys that may serve it.
    pub(crate) fn select<'k>(
        &'k self,
        header: &JoseHeader,
        owner: Option<KeyOwner<'k>>,
    ) -> Option<Selected<'k>> {
        let same_id = match header.key_id() {
            Some(key_id) if self.selected_by_id => Some(self.by_key_id.get(key_id)?.as_slice()),
            _ => None,
        };
        let selected = Selected { keys: &self.keys, same_id, algorithm: header.algorithm(), owner };
        let any = selected.verifiers().next().is_some();
        any.then_some(selected)
    }
}

impl Key {
    fn verifier(&self, algorithm: JwsAlgorithm) -> Option<&Verifier> {
        self.verifiers.iter().find_map(|(serves, verifier)| (*serves == algorithm).then_some(verifier))
    }
}

/// The few keys that a token is tried against.
pub(crate) struct Selected<'k> {
    keys: &'k [Key],
    /// The indices of the keys with the token's `kid`; all keys where that selects none.
    same_id: Option<&'k [usize]>,
    algorithm: JwsAlgorithm,
    owner: Option<KeyOwner<'k>>,
}

impl<'k> Selected<'k> {
    fn verifiers(&self) -> impl Iterator<Item = &'k Verifier> {
        let (keys, algorithm, owner) = (self.keys, self.algorithm, self.owner);
        let by_id = self.same_id.into_iter().flatten().filter_map(move |index| keys.get(*index));
        let all = self.same_id.is_none().then_some(keys).into_iter().flatten();
        by_id
            .chain(all)
            .filter(move |key| owner.is_none_or(|owner| owner.may_use(key)))
            .filter_map(move |key| key.verifier(algorithm))
            .take(MAX_TRIES)
    }

    /// Verifies the signature (RFC 7515 §5.2).
    pub(crate) fn verify(&self, jws: &UnverifiedJws<'_>) -> Result<VerifiedJws, JoseError> {
        let signature = jws.signature()?;
        self.verifiers()
            .any(|verifier| verifier.verifies(jws.signing_input(), &signature))
            .then_some(VerifiedJws(()))
            .ok_or(JoseError::BadSignature)
    }
}
