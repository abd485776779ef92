//! Beside the test kit, the one file that names the crypto library. A key is parsed once and verified with many times.

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, PqdsaVerificationAlgorithm, RsaParameters,
    RsaPublicKeyComponents,
};

use super::algorithm::SignatureAlgorithm;
use super::public_key::PublicKey;

/// A public key, ready to verify signatures of one algorithm.
pub(super) struct Verifier {
    key: ParsedPublicKey,
    /// The exact length of a signature, where the algorithm fixes it.
    signature_length: Option<usize>,
}

impl Verifier {
    /// Prepares a key. `None` if the library refuses it (a point that is not on its curve, say) or if key and
    /// algorithm do not go together.
    pub(super) fn new(algorithm: SignatureAlgorithm, key: &PublicKey) -> Option<Self> {
        let parsed = match key {
            PublicKey::Rsa { modulus, exponent } => {
                let components = RsaPublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() };
                components.to_parsed_public_key(rsa(algorithm)?)
            }
            PublicKey::Ec { point, .. } => ParsedPublicKey::new(ecdsa(algorithm)?, point),
            PublicKey::Ed25519 { point } => ParsedPublicKey::new(&signature::ED25519, point),
            PublicKey::MlDsa { encoded, .. } => ParsedPublicKey::new(ml_dsa(algorithm)?, encoded),
        };
        Some(Self { key: parsed.ok()?, signature_length: signature_length(algorithm) })
    }

    pub(super) fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        self.signature_length.is_none_or(|length| signature.len() == length)
            && self.key.verify_sig(signing_input, signature).is_ok()
    }
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

/// RFC 7518 §3.4: R and S at full length, one after the other, never DER. RFC 8032 §5.1.6: 64 octets.
/// FIPS 204 §4, table 2.
fn signature_length(algorithm: SignatureAlgorithm) -> Option<usize> {
    match algorithm {
        SignatureAlgorithm::Es256 | SignatureAlgorithm::EdDsa | SignatureAlgorithm::Ed25519 => Some(64),
        SignatureAlgorithm::Es384 => Some(96),
        SignatureAlgorithm::Es512 => Some(132),
        SignatureAlgorithm::MlDsa44 => Some(2420),
        SignatureAlgorithm::MlDsa65 => Some(3309),
        SignatureAlgorithm::MlDsa87 => Some(4627),
        _ => None,
    }
}
