use super::algorithm::SignatureAlgorithm;
use super::base64url;
use crate::json::{Document, Object};

/// A public key of a JWK Set that can verify signatures (RFC 7517 §4).
///
/// Private members are not read, so they are not retained.
#[derive(Clone, Debug)]
pub(crate) struct Jwk {
    pub(super) key_id: Option<Box<str>>,
    /// The one algorithm the key is for, if it says so.
    algorithm: Option<SignatureAlgorithm>,
    pub(super) key: PublicKey,
}

#[derive(Clone, Debug)]
pub(crate) enum PublicKey {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The uncompressed point: 0x04, x, y.
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
    Ed25519 {
        point: Vec<u8>,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

/// Why a key of a set is passed over. It never spoils the keys beside it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum UnusableKey {
    #[error("not a JSON object with the members and types of RFC 7517")]
    Malformed,
    #[error("not a key for verifying signatures (`use`, `key_ops`)")]
    NotForSignatures,
    #[error("a key type or curve that is not supported")]
    UnsupportedType,
    #[error("`alg` names no supported algorithm, or none for this type of key")]
    UnsupportedAlgorithm,
    #[error("an RSA key outside 2048 to 8192 bits or with an unsound exponent")]
    UnsoundRsaKey,
    #[error("the key material is not a valid public key")]
    InvalidKey,
}

impl Jwk {
    pub(super) fn parse(json: &str) -> Result<Self, UnusableKey> {
        let document = Document::parse(json).map_err(|_| UnusableKey::Malformed)?;
        let members = document.root().as_object().ok_or(UnusableKey::Malformed)?;
        if !is_for_verification(members)? {
            return Err(UnusableKey::NotForSignatures);
        }
        let key = PublicKey::parse(members)?;
        let algorithm = match optional_text(members, "alg")? {
            Some(name) => Some(
                SignatureAlgorithm::from_name(name)
                    .filter(|algorithm| key.fits(*algorithm))
                    .ok_or(UnusableKey::UnsupportedAlgorithm)?,
            ),
            None => None,
        };
        Ok(Self { key_id: optional_text(members, "kid")?.map(Into::into), algorithm, key })
    }

    /// Whether the key may verify signatures of this algorithm: its type and curve fit (RFC 7518 §3), and its
    /// own `alg`, if any, is the same (RFC 7517 §4.4).
    pub(super) fn serves(&self, algorithm: SignatureAlgorithm) -> bool {
        self.key.fits(algorithm) && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

impl PublicKey {
    fn parse(members: Object<'_>) -> Result<Self, UnusableKey> {
        match text(members, "kty")? {
            "RSA" => {
                let (modulus, exponent) = (bytes(members, "n")?, bytes(members, "e")?);
                if !is_sound_rsa_key(&modulus, &exponent) {
                    return Err(UnusableKey::UnsoundRsaKey);
                }
                Ok(Self::Rsa { modulus, exponent })
            }
            "EC" => {
                let curve = Curve::from_name(text(members, "crv")?).ok_or(UnusableKey::UnsupportedType)?;
                let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
                // RFC 7518 §6.2.1.2: coordinates have the full length of the curve, leading zeros included.
                if x.len() != curve.coordinate_length() || y.len() != curve.coordinate_length() {
                    return Err(UnusableKey::InvalidKey);
                }
                Ok(Self::Ec { curve, point: [vec![4], x, y].concat() })
            }
            "OKP" if text(members, "crv")? == "Ed25519" => {
                let point = bytes(members, "x")?;
                if point.len() == 32 { Ok(Self::Ed25519 { point }) } else { Err(UnusableKey::InvalidKey) }
            }
            // Among them "oct": a symmetric key in a published set is a leak, not a key.
            _ => Err(UnusableKey::UnsupportedType),
        }
    }

    fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm as A;
        match self {
            Self::Rsa { .. } => {
                matches!(algorithm, A::Rs256 | A::Rs384 | A::Rs512 | A::Ps256 | A::Ps384 | A::Ps512)
            }
            Self::Ec { curve: Curve::P256, .. } => algorithm == A::Es256,
            Self::Ec { curve: Curve::P384, .. } => algorithm == A::Es384,
            Self::Ec { curve: Curve::P521, .. } => algorithm == A::Es512,
            Self::Ed25519 { .. } => matches!(algorithm, A::EdDsa | A::Ed25519),
        }
    }
}

impl Curve {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    fn coordinate_length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// RFC 7517 §4.2, §4.3: absent members leave the key free; present ones must allow verification.
fn is_for_verification(members: Object<'_>) -> Result<bool, UnusableKey> {
    let used_for_signatures = optional_text(members, "use")?.is_none_or(|r#use| r#use == "sig");
    let verifies = match members.get("key_ops") {
        None => true,
        Some(operations) => operations
            .as_array()
            .ok_or(UnusableKey::Malformed)?
            .any(|operation| operation.as_str() == Some("verify")),
    };
    Ok(used_for_signatures && verifies)
}

/// RFC 7518 §3.3 asks for 2048 bits or more. The upper bounds keep a hostile key from making one verification
/// cost seconds; an exponent of 1 or an even one verifies nothing.
fn is_sound_rsa_key(modulus: &[u8], exponent: &[u8]) -> bool {
    let Some(first) = modulus.first() else { return false };
    let bits = modulus.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize);
    let sound_exponent = match exponent {
        [] | [0, ..] => false,
        [.., last] if last & 1 == 0 => false,
        [1] => false,
        _ => exponent.len() <= 4,
    };
    // RFC 7518 §6.3.1.1: no leading zero octets.
    *first != 0 && (2048..=8192).contains(&bits) && sound_exponent
}

fn optional_text<'d>(members: Object<'d>, name: &str) -> Result<Option<&'d str>, UnusableKey> {
    members.get(name).map(|value| value.as_str().ok_or(UnusableKey::Malformed)).transpose()
}

fn text<'d>(members: Object<'d>, name: &str) -> Result<&'d str, UnusableKey> {
    optional_text(members, name)?.ok_or(UnusableKey::Malformed)
}

fn bytes(members: Object<'_>, name: &str) -> Result<Vec<u8>, UnusableKey> {
    base64url::decode(text(members, name)?).ok_or(UnusableKey::Malformed)
}
