use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::jose::{HmacAlgorithm, HmacKey, SignatureAlgorithm, SigningPair};

/// A private key for one algorithm, and the JWK of its public half.
pub(super) struct SigningKey {
    key_id: String,
    algorithm: SignatureAlgorithm,
    pair: SigningPair,
}

impl SigningKey {
    pub(super) fn generate(algorithm: SignatureAlgorithm, key_id: String) -> Self {
        let pair = match algorithm {
            SignatureAlgorithm::Es256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            SignatureAlgorithm::Es384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            SignatureAlgorithm::Es512 => ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            SignatureAlgorithm::EdDsa | SignatureAlgorithm::Ed25519 => {
                SigningPair::Ed25519(Ed25519KeyPair::generate().expect("a key can be generated"))
            }
            SignatureAlgorithm::MlDsa44 => ml_dsa(&signature::ML_DSA_44_SIGNING),
            SignatureAlgorithm::MlDsa65 => ml_dsa(&signature::ML_DSA_65_SIGNING),
            SignatureAlgorithm::MlDsa87 => ml_dsa(&signature::ML_DSA_87_SIGNING),
            _ => SigningPair::Rsa(Box::new(
                RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be generated"),
            )),
        };
        Self { key_id, algorithm, pair }
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    pub(super) fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    pub(super) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            SigningPair::Ecdsa(pair) => {
                // An uncompressed point: 0x04, x, y.
                let point = pair.public_key().as_ref().get(1..).expect("a point has coordinates");
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match self.algorithm {
                    SignatureAlgorithm::Es256 => "P-256",
                    SignatureAlgorithm::Es384 => "P-384",
                    _ => "P-521",
                };
                json!({ "kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y) })
            }
            SigningPair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref()) })
            }
            SigningPair::MlDsa(pair) => json!({ "kty": "AKP", "pub": base64url(pair.public_key().as_ref()) }),
            SigningPair::Rsa(pair) => {
                let key = pair.public_key();
                let modulus = key.modulus().big_endian_without_leading_zero();
                let exponent = key.exponent().big_endian_without_leading_zero();
                json!({ "kty": "RSA", "n": base64url(modulus), "e": base64url(exponent) })
            }
        };
        if let Value::Object(members) = &mut jwk {
            members.insert("kid".to_owned(), self.key_id.as_str().into());
            members.insert("alg".to_owned(), self.algorithm.name().into());
            members.insert("use".to_owned(), "sig".into());
        }
        jwk
    }

    pub(super) fn sign(&self, input: &[u8]) -> Vec<u8> {
        self.pair.sign(self.algorithm, input).expect("an input can be signed")
    }
}

pub(super) fn authenticate(key: &HmacKey, input: &[u8]) -> Vec<u8> {
    let algorithm = match key.algorithm() {
        HmacAlgorithm::Hs256 => hmac::HMAC_SHA256,
        HmacAlgorithm::Hs384 => hmac::HMAC_SHA384,
        HmacAlgorithm::Hs512 => hmac::HMAC_SHA512,
    };
    hmac::sign(&hmac::Key::new(algorithm, key.secret()), input).as_ref().to_vec()
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> SigningPair {
    SigningPair::Ecdsa(EcdsaKeyPair::generate(algorithm).expect("a key can be generated"))
}

fn ml_dsa(algorithm: &'static PqdsaSigningAlgorithm) -> SigningPair {
    SigningPair::MlDsa(PqdsaKeyPair::generate(algorithm).expect("a key can be generated"))
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
