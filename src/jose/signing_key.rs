use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::algorithm::SignatureAlgorithm;
use super::signing_pair::{SigningPair, UnfitKey};

/// A private key of ours, for one algorithm.
pub(crate) struct SigningKey {
    algorithm: SignatureAlgorithm,
    pair: SigningPair,
}

/// Why a text is no private key for an algorithm. Nothing of the text is in it but the kind of a well-known block.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum SigningKeyError {
    #[error("is not exactly one well-formed PEM block")]
    NotOneBlock,
    #[error("has a PEM block of the kind `{0}`, and a private key is one of the kind `PRIVATE KEY` (PKCS#8)")]
    OtherKind(&'static str),
    #[error("has a private key that does not go with {}", .0.name())]
    OtherAlgorithm(SignatureAlgorithm),
    #[error("has an RSA key of less than 2048 bits")]
    TooSmall,
    #[error("is not the PKCS#8 of a sound private key of a supported type")]
    Malformed,
}

/// Kinds of blocks that are known and refused. Others are not named: their label is anybody's text.
const REFUSED: [&str; 8] = [
    "CERTIFICATE",
    "DSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "PUBLIC KEY",
    "RSA PRIVATE KEY",
    "RSA PUBLIC KEY",
];

/// RFC 7515 §4.1, RFC 7519 §5.1.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl SigningKey {
    /// Reads PKCS#8 as PEM (RFC 7468 §10).
    pub(crate) fn from_pem(text: &str, algorithm: SignatureAlgorithm) -> Result<Self, SigningKeyError> {
        let blocks = pem::parse_many(text).map_err(|_| SigningKeyError::NotOneBlock)?;
        // What begins and does not end is not among the blocks.
        let ([block], 1) = (blocks.as_slice(), text.matches("-----BEGIN").count()) else {
            return Err(SigningKeyError::NotOneBlock);
        };
        if block.tag() != "PRIVATE KEY" {
            let kind = REFUSED.into_iter().find(|kind| *kind == block.tag());
            return Err(SigningKeyError::OtherKind(kind.unwrap_or("unknown")));
        }
        let pair = SigningPair::from_pkcs8(algorithm, block.contents()).map_err(|unfit| match unfit {
            UnfitKey::OtherAlgorithm => SigningKeyError::OtherAlgorithm(algorithm),
            UnfitKey::TooSmall => SigningKeyError::TooSmall,
            UnfitKey::Malformed => SigningKeyError::Malformed,
        })?;
        Ok(Self { algorithm, pair })
    }

    /// A JWT with these claims in the compact serialization (RFC 7515 §7.1). `None` if it cannot be signed.
    pub(crate) fn sign_jwt(&self, key_id: Option<&str>, claims: &impl Serialize) -> Option<String> {
        let header = Header { alg: self.algorithm.name(), typ: "JWT", kid: key_id };
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).ok()?);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).ok()?);
        let input = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(self.algorithm, input.as_bytes())?);
        Some(format!("{input}.{signature}"))
    }
}
