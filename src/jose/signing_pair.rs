use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, PqdsaKeyPair, PqdsaSigningAlgorithm,
    RsaEncoding, RsaKeyPair,
};

use super::algorithm::SignatureAlgorithm;

/// A private key, parsed once.
pub(crate) enum SigningPair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// Why octets are no private key for an algorithm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum UnfitKey {
    /// It is one for another algorithm.
    OtherAlgorithm,
    /// RFC 7518 §3.3: 2048 bits or more.
    TooSmall,
    Malformed,
}

impl SigningPair {
    /// A key in the DER of PKCS#8 (RFC 5208, RFC 5958).
    pub(super) fn from_pkcs8(algorithm: SignatureAlgorithm, der: &[u8]) -> Result<Self, UnfitKey> {
        let too_small = |rejected: KeyRejected| rejected.description_() == "TooSmall";
        Self::parse(algorithm, der).map_err(|rejected| {
            if SignatureAlgorithm::ALL.into_iter().any(|other| Self::parse(other, der).is_ok()) {
                UnfitKey::OtherAlgorithm
            } else if too_small(rejected) {
                UnfitKey::TooSmall
            } else {
                UnfitKey::Malformed
            }
        })
    }

    fn parse(algorithm: SignatureAlgorithm, der: &[u8]) -> Result<Self, KeyRejected> {
        if let Some(ecdsa) = ecdsa(algorithm) {
            return EcdsaKeyPair::from_pkcs8(ecdsa, der).map(Self::Ecdsa);
        }
        if let Some(ml_dsa) = ml_dsa(algorithm) {
            return PqdsaKeyPair::from_pkcs8(ml_dsa, der).map(Self::MlDsa);
        }
        if rsa(algorithm).is_some() {
            return RsaKeyPair::from_pkcs8(der).map(|pair| Self::Rsa(Box::new(pair)));
        }
        Ed25519KeyPair::from_pkcs8(der).map(Self::Ed25519)
    }

    /// A signature in the form of JWS, with the algorithm that the key was read or made for. `None` if the library fails,
    /// as it does without random numbers.
    pub(crate) fn sign(&self, algorithm: SignatureAlgorithm, input: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => pair.sign(&random, input).ok().map(|signature| signature.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(input).as_ref().to_vec()),
            Self::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                pair.sign(input, &mut signature).ok()?;
                Some(signature)
            }
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(rsa(algorithm)?, &random, input, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

fn ecdsa(algorithm: SignatureAlgorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        SignatureAlgorithm::Es256 => Some(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        SignatureAlgorithm::Es384 => Some(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        SignatureAlgorithm::Es512 => Some(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        _ => None,
    }
}

fn ml_dsa(algorithm: SignatureAlgorithm) -> Option<&'static PqdsaSigningAlgorithm> {
    match algorithm {
        SignatureAlgorithm::MlDsa44 => Some(&signature::ML_DSA_44_SIGNING),
        SignatureAlgorithm::MlDsa65 => Some(&signature::ML_DSA_65_SIGNING),
        SignatureAlgorithm::MlDsa87 => Some(&signature::ML_DSA_87_SIGNING),
        _ => None,
    }
}

fn rsa(algorithm: SignatureAlgorithm) -> Option<&'static dyn RsaEncoding> {
    match algorithm {
        SignatureAlgorithm::Ps256 => Some(&signature::RSA_PSS_SHA256),
        SignatureAlgorithm::Ps384 => Some(&signature::RSA_PSS_SHA384),
        SignatureAlgorithm::Ps512 => Some(&signature::RSA_PSS_SHA512),
        SignatureAlgorithm::Rs256 => Some(&signature::RSA_PKCS1_SHA256),
        SignatureAlgorithm::Rs384 => Some(&signature::RSA_PKCS1_SHA384),
        SignatureAlgorithm::Rs512 => Some(&signature::RSA_PKCS1_SHA512),
        _ => None,
    }
}
