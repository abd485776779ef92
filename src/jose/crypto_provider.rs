//! Verification by the provider of somebody else's crate, which its user hands over. The process-wide default of
//! that crate is never asked for: two libraries in one program would quarrel about it.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier};
use jsonwebtoken::{Algorithm, DecodingKey, errors};

use super::algorithm::{HmacAlgorithm, SignatureAlgorithm};
use super::backend::{Backend, SignatureBackend, Verify};
use super::hmac_key::HmacKey;
use super::public_key::{Curve, PublicKey};

type VerifierFactory = fn(&Algorithm, &DecodingKey) -> errors::Result<Box<dyn JwtVerifier>>;

impl SignatureBackend {
    /// Verifies through a [`CryptoProvider`] of `jsonwebtoken`: pure Rust, or your own.
    ///
    /// Its algorithms are those of this crate that `jsonwebtoken` has, too (not ES512 and not ML-DSA), and for which
    /// the provider's factory makes a verifier; it is asked once, here (for HMAC, when a server is built). Its
    /// `key_utils` and `signer_factory` are not used, nor is the default that a process may have installed.
    ///
    /// It costs more than the default backend, since the provider's verifiers can neither be kept nor shared between
    /// threads: each token has one made, with a copy of the key that is parsed anew, and a copy of its signature.
    /// What an RSA verification in pure Rust takes is another matter: several times as long.
    ///
    /// ```
    /// use jsonwebtoken::crypto::aws_lc;
    /// use portcullis::{ResourceServer, SignatureBackend};
    ///
    /// let auth = ResourceServer::builder("https://id.example.com")
    ///     .audience("https://api.example.com")
    ///     .with_signature_backend(SignatureBackend::jsonwebtoken(&aws_lc::DEFAULT_PROVIDER))
    ///     .build()?;
    /// # Ok::<_, portcullis::ConfigError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the provider's factory does.
    #[must_use]
    pub fn jsonwebtoken(provider: &CryptoProvider) -> Self {
        let factory = provider.verifier_factory;
        let has = |algorithm: &SignatureAlgorithm| {
            let sample = sample(*algorithm).as_ref().and_then(decoding_key);
            theirs(*algorithm).zip(sample).is_some_and(|(algorithm, key)| factory(&algorithm, &key).is_ok())
        };
        Self::of(Provided { factory, algorithms: SignatureAlgorithm::ALL.into_iter().filter(has).collect() })
    }
}

struct Provided {
    factory: VerifierFactory,
    algorithms: Vec<SignatureAlgorithm>,
}

impl Backend for Provided {
    fn name(&self) -> &'static str {
        "jsonwebtoken"
    }

    fn has(&self, algorithm: SignatureAlgorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    fn public_key(&self, algorithm: SignatureAlgorithm, key: &PublicKey) -> Option<Box<dyn Verify>> {
        let (algorithm, key) = (theirs(algorithm).filter(|_| key.fits(algorithm))?, decoding_key(key)?);
        Some(Box::new(Key { factory: self.factory, algorithm, key }))
    }

    fn hmac_key(&self, key: &HmacKey) -> Option<Box<dyn Verify>> {
        let (algorithm, key) = (hashed(key.algorithm()), DecodingKey::from_secret(key.secret()));
        (self.factory)(&algorithm, &key).ok()?;
        Some(Box::new(Key { factory: self.factory, algorithm, key }))
    }
}

struct Key {
    factory: VerifierFactory,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Verify for Key {
    fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        (self.factory)(&self.algorithm, &self.key)
            .is_ok_and(|verifier| verifier.verify(signing_input, &signature.to_vec()).is_ok())
    }
}

fn theirs(algorithm: SignatureAlgorithm) -> Option<Algorithm> {
    Some(match algorithm {
        SignatureAlgorithm::EdDsa | SignatureAlgorithm::Ed25519 => Algorithm::EdDSA,
        SignatureAlgorithm::Es256 => Algorithm::ES256,
        SignatureAlgorithm::Es384 => Algorithm::ES384,
        SignatureAlgorithm::Ps256 => Algorithm::PS256,
        SignatureAlgorithm::Ps384 => Algorithm::PS384,
        SignatureAlgorithm::Ps512 => Algorithm::PS512,
        SignatureAlgorithm::Rs256 => Algorithm::RS256,
        SignatureAlgorithm::Rs384 => Algorithm::RS384,
        SignatureAlgorithm::Rs512 => Algorithm::RS512,
        _ => return None,
    })
}

fn hashed(algorithm: HmacAlgorithm) -> Algorithm {
    match algorithm {
        HmacAlgorithm::Hs256 => Algorithm::HS256,
        HmacAlgorithm::Hs384 => Algorithm::HS384,
        HmacAlgorithm::Hs512 => Algorithm::HS512,
    }
}

fn decoding_key(key: &PublicKey) -> Option<DecodingKey> {
    match key {
        PublicKey::Rsa { modulus, exponent } => Some(DecodingKey::from_rsa_raw_components(modulus, exponent)),
        PublicKey::Ec { point, .. } => Some(DecodingKey::from_ec_der(point)),
        PublicKey::Ed25519 { point } => Some(DecodingKey::from_ed_der(point)),
        PublicKey::MlDsa { .. } => None,
    }
}

/// A well-formed key, for asking a provider whether it has an algorithm: a modulus of 2048 bits, or the base point of
/// the curve.
fn sample(algorithm: SignatureAlgorithm) -> Option<PublicKey> {
    let uncompressed = |coordinates: &[u8]| [&[4], coordinates].concat();
    Some(match algorithm {
        SignatureAlgorithm::EdDsa | SignatureAlgorithm::Ed25519 => {
            PublicKey::Ed25519 { point: [&[0x58], [0x66; 31].as_slice()].concat() }
        }
        SignatureAlgorithm::Es256 => PublicKey::Ec { curve: Curve::P256, point: uncompressed(&P_256) },
        SignatureAlgorithm::Es384 => PublicKey::Ec { curve: Curve::P384, point: uncompressed(&P_384) },
        SignatureAlgorithm::Es512
        | SignatureAlgorithm::MlDsa44
        | SignatureAlgorithm::MlDsa65
        | SignatureAlgorithm::MlDsa87 => return None,
        _ => PublicKey::Rsa { modulus: vec![0xFF; 256], exponent: vec![1, 0, 1] },
    })
}

// FIPS 186-5, SP 800-186 §3.2.1.
#[rustfmt::skip]
const P_256: [u8; 64] = [
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];
#[rustfmt::skip]
const P_384: [u8; 96] = [
    0xaa, 0x87, 0xca, 0x22, 0xbe, 0x8b, 0x05, 0x37, 0x8e, 0xb1, 0xc7, 0x1e, 0xf3, 0x20, 0xad, 0x74,
    0x6e, 0x1d, 0x3b, 0x62, 0x8b, 0xa7, 0x9b, 0x98, 0x59, 0xf7, 0x41, 0xe0, 0x82, 0x54, 0x2a, 0x38,
    0x55, 0x02, 0xf2, 0x5d, 0xbf, 0x55, 0x29, 0x6c, 0x3a, 0x54, 0x5e, 0x38, 0x72, 0x76, 0x0a, 0xb7,
    0x36, 0x17, 0xde, 0x4a, 0x96, 0x26, 0x2c, 0x6f, 0x5d, 0x9e, 0x98, 0xbf, 0x92, 0x92, 0xdc, 0x29,
    0xf8, 0xf4, 0x1d, 0xbd, 0x28, 0x9a, 0x14, 0x7c, 0xe9, 0xda, 0x31, 0x13, 0xb5, 0xf0, 0xb8, 0xc0,
    0x0a, 0x60, 0xb1, 0xce, 0x1d, 0x7e, 0x81, 0x9d, 0x7a, 0x43, 0x1d, 0x7c, 0x90, 0xea, 0x0e, 0x5f,
];

#[cfg(test)]
mod tests {
    use super::super::aws_lc::takes;
    use super::*;

    #[test]
    fn the_samples_are_keys() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(sample(algorithm).is_some(), theirs(algorithm).is_some(), "{algorithm}");
            assert!(sample(algorithm).is_none_or(|key| key.fits(algorithm) && takes(&key)), "{algorithm}");
        }
    }
}
