//! The default backend. A key is parsed once and verified with many times.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, PqdsaVerificationAlgorithm, RsaParameters,
    RsaPublicKeyComponents,
};

use super::algorithm::{HmacAlgorithm, SignatureAlgorithm};
use super::backend::{Backend, SignatureBackend, Verify};
use super::hmac_key::HmacKey;
use super::public_key::PublicKey;

/// The default: `aws-lc-rs`, which has every algorithm.
impl Default for SignatureBackend {
    fn default() -> Self {
        Self::of(AwsLc)
    }
}

struct AwsLc;

impl Backend for AwsLc {
    fn name(&self) -> &'static str {
        "aws-lc-rs"
    }

    // With the feature `fips`, too: its module has Ed25519 and ML-DSA.
    fn has(&self, _: SignatureAlgorithm) -> bool {
        true
    }

    fn public_key(&self, algorithm: SignatureAlgorithm, key: &PublicKey) -> Option<Box<dyn Verify>> {
        parsed(algorithm, key).map(|key| Box::new(key) as Box<dyn Verify>)
    }

    fn hmac_key(&self, key: &HmacKey) -> Option<Box<dyn Verify>> {
        let algorithm = match key.algorithm() {
            HmacAlgorithm::Hs256 => hmac::HMAC_SHA256,
            HmacAlgorithm::Hs384 => hmac::HMAC_SHA384,
            HmacAlgorithm::Hs512 => hmac::HMAC_SHA512,
        };
        Some(Box::new(hmac::Key::new(algorithm, key.secret())))
    }
}

impl Verify for ParsedPublicKey {
    fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        self.verify_sig(signing_input, signature).is_ok()
    }
}

impl Verify for hmac::Key {
    // In constant time.
    fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        hmac::verify(self, signing_input, signature).is_ok()
    }
}

/// Whether the library takes the key. It does not take, say, a point that is not on its curve.
pub(super) fn takes(key: &PublicKey) -> bool {
    let algorithm = SignatureAlgorithm::ALL.into_iter().find(|algorithm| key.fits(*algorithm));
    algorithm.and_then(|algorithm| parsed(algorithm, key)).is_some()
}

fn parsed(algorithm: SignatureAlgorithm, key: &PublicKey) -> Option<ParsedPublicKey> {
    let parsed = match key {
        PublicKey::Rsa { modulus, exponent } => {
            let components = RsaPublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() };
            components.to_parsed_public_key(rsa(algorithm)?)
        }
        PublicKey::Ec { point, .. } => ParsedPublicKey::new(ecdsa(algorithm)?, point),
        PublicKey::Ed25519 { point } => ParsedPublicKey::new(&signature::ED25519, point),
        PublicKey::MlDsa { encoded, .. } => ParsedPublicKey::new(ml_dsa(algorithm)?, encoded),
    };
    parsed.ok()
}

fn rsa(algorithm: SignatureAlgorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        SignatureAlgorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        SignatureAlgorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        SignatureAlgorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        SignatureAlgorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        SignatureAlgorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        SignatureAlgorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

fn ecdsa(algorithm: SignatureAlgorithm) -> Option<&'static EcdsaVerificationAlgorithm> {
    match algorithm {
        SignatureAlgorithm::Es256 => Some(&signature::ECDSA_P256_SHA256_FIXED),
        SignatureAlgorithm::Es384 => Some(&signature::ECDSA_P384_SHA384_FIXED),
        SignatureAlgorithm::Es512 => Some(&signature::ECDSA_P521_SHA512_FIXED),
        _ => None,
    }
}

fn ml_dsa(algorithm: SignatureAlgorithm) -> Option<&'static PqdsaVerificationAlgorithm> {
    match algorithm {
        SignatureAlgorithm::MlDsa44 => Some(&signature::ML_DSA_44),
        SignatureAlgorithm::MlDsa65 => Some(&signature::ML_DSA_65),
        SignatureAlgorithm::MlDsa87 => Some(&signature::ML_DSA_87),
        _ => None,
    }
}
