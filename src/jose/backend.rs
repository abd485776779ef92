use std::fmt;
use std::sync::Arc;

use super::algorithm::SignatureAlgorithm;
use super::hmac_key::HmacKey;
use super::public_key::PublicKey;

/// The library that verifies signatures, as a value: `aws-lc-rs` by default.
///
/// What this crate itself checks holds for each of them: which keys are sound, whether a point is on its curve
/// (judged by `aws-lc-rs` when a key is read), and the exact length of a signature. The rest of a verification is
/// the library's.
#[derive(Clone)]
pub struct SignatureBackend(Arc<dyn Backend>);

/// What a library brings.
pub(super) trait Backend: Send + Sync {
    fn name(&self) -> &'static str;

    fn has(&self, algorithm: SignatureAlgorithm) -> bool;

    /// Prepares a key. `None` if the library refuses it, or if key and algorithm do not go together.
    fn public_key(&self, algorithm: SignatureAlgorithm, key: &PublicKey) -> Option<Box<dyn Verify>>;

    /// Prepares a secret. `None` if the library does not have its algorithm.
    fn hmac_key(&self, key: &HmacKey) -> Option<Box<dyn Verify>>;
}

/// A key of a library, for one algorithm.
pub(super) trait Verify: Send + Sync {
    /// Whether `signature`, which has the right length, is one of `signing_input`.
    fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool;
}

impl SignatureBackend {
    pub(super) fn of(backend: impl Backend + 'static) -> Self {
        Self(Arc::new(backend))
    }

    /// The algorithms that the library has, in alphabetical order.
    pub fn algorithms(&self) -> impl Iterator<Item = SignatureAlgorithm> {
        SignatureAlgorithm::ALL.into_iter().filter(|algorithm| self.0.has(*algorithm))
    }

    pub(crate) fn has(&self, algorithm: SignatureAlgorithm) -> bool {
        self.0.has(algorithm)
    }
}

impl fmt::Debug for SignatureBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureBackend({})", self.0.name())
    }
}

/// A key, ready to verify signatures of one algorithm.
pub(super) struct Verifier {
    key: Box<dyn Verify>,
    signature_length: usize,
}

impl Verifier {
    pub(super) fn new(
        backend: &SignatureBackend,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
    ) -> Option<Self> {
        let signature_length = signature_length(algorithm, key);
        Some(Self { key: backend.0.public_key(algorithm, key)?, signature_length })
    }

    pub(super) fn of_hmac_key(backend: &SignatureBackend, key: &HmacKey) -> Option<Self> {
        // RFC 7518 §3.2: the whole output of the hash, never a part of it.
        let signature_length = key.algorithm().output_length();
        Some(Self { key: backend.0.hmac_key(key)?, signature_length })
    }

    pub(super) fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_length && self.key.verifies(signing_input, signature)
    }
}

/// RFC 7518 §3.4: R and S at full length, one after the other, never DER. RFC 8032 §5.1.6: 64 octets. FIPS 204 §4,
/// table 2. RFC 8017 §8.1.2 and §8.2.2: as long as the modulus.
fn signature_length(algorithm: SignatureAlgorithm, key: &PublicKey) -> usize {
    use SignatureAlgorithm as A;
    match algorithm {
        A::Es256 | A::EdDsa | A::Ed25519 => 64,
        A::Es384 => 96,
        A::Es512 => 132,
        A::MlDsa44 => 2420,
        A::MlDsa65 => 3309,
        A::MlDsa87 => 4627,
        A::Ps256 | A::Ps384 | A::Ps512 | A::Rs256 | A::Rs384 | A::Rs512 => match key {
            PublicKey::Rsa { modulus, .. } => modulus.len(),
            _ => 0,
        },
    }
}
