use super::algorithm::SignatureAlgorithm;
use super::aws_lc;
use super::base64url;
use super::public_key::{Curve, PublicKey};
use super::soundness::{is_small_order_ed25519, is_sound_rsa, ml_dsa_key_length};
use crate::json::Object;

/// A public key of a JWK Set that can verify signatures (RFC 7517 §4).
///
/// Private members are not read, so they are not retained.
#[derive(Clone)]
pub(crate) struct Jwk {
    pub(super) key_id: Option<Box<str>>,
    /// The one algorithm the key is for, if it says so.
    algorithm: Option<SignatureAlgorithm>,
    /// Whose tokens the key is for, where it says so (a member of Entra ID's keys). What is no text names nobody.
    pub(super) issuer: Option<Box<str>>,
    pub(super) key: PublicKey,
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
    #[error("an RSA key outside 2048 to 8192 bits or with an unsound modulus or exponent")]
    UnsoundRsaKey,
    #[error("the key material is not a valid public key")]
    InvalidKey,
}

impl Jwk {
    pub(super) fn read(members: Object<'_>) -> Result<Self, UnusableKey> {
        if !is_for_verification(members)? {
            return Err(UnusableKey::NotForSignatures);
        }
        let key = public_key(members)?;
        check(&key)?;
        let algorithm = match optional_text(members, "alg")? {
            Some(name) => Some(
                SignatureAlgorithm::from_name(name)
                    .filter(|algorithm| key.fits(*algorithm))
                    .ok_or(UnusableKey::UnsupportedAlgorithm)?,
            ),
            None => None,
        };
        let key_id = optional_text(members, "kid")?.map(Into::into);
        let issuer = members.get("issuer").map(|value| value.as_str().unwrap_or_default().into());
        Ok(Self { key_id, algorithm, issuer, key })
    }

    /// A key that came without any of the members that say what it is for.
    #[cfg(feature = "pem")]
    pub(super) fn without_id(key: PublicKey) -> Result<Self, UnusableKey> {
        check(&key)?;
        Ok(Self { key_id: None, algorithm: None, issuer: None, key })
    }

    /// Whether the key may verify signatures of this algorithm: its type and curve fit (RFC 7518 §3), and its
    /// own `alg`, if any, is the same (RFC 7517 §4.4).
    pub(super) fn serves(&self, algorithm: SignatureAlgorithm) -> bool {
        self.key.fits(algorithm) && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

/// Whether a key has a member that only a private or symmetric key has (RFC 7518 §6, RFC 8037 §2, RFC 9964 §2).
pub(super) fn shows_secret(members: Object<'_>) -> bool {
    const SECRET: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
    SECRET.into_iter().any(|name| members.get(name).is_some())
}

/// The key itself, by its type (RFC 7518 §6, RFC 8037 §2, RFC 9964 §2).
fn public_key(members: Object<'_>) -> Result<PublicKey, UnusableKey> {
    match text(members, "kty")? {
        "RSA" => Ok(PublicKey::Rsa { modulus: bytes(members, "n")?, exponent: bytes(members, "e")? }),
        "EC" => {
            let curve = Curve::from_name(text(members, "crv")?).ok_or(UnusableKey::UnsupportedType)?;
            let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
            // RFC 7518 §6.2.1.2: coordinates have the full length of the curve, leading zeros included.
            if x.len() != curve.coordinate_length() {
                return Err(UnusableKey::InvalidKey);
            }
            let point = [vec![4], x, y].concat();
            PublicKey::uncompressed_point(curve, &point).ok_or(UnusableKey::InvalidKey)
        }
        "OKP" if text(members, "crv")? == "Ed25519" => Ok(PublicKey::Ed25519 { point: bytes(members, "x")? }),
        "AKP" => {
            // Here `alg` is mandatory, and says what the octets are.
            let algorithm = SignatureAlgorithm::from_name(text(members, "alg")?);
            let algorithm = algorithm.ok_or(UnusableKey::UnsupportedAlgorithm)?;
            Ok(PublicKey::MlDsa { algorithm, encoded: bytes(members, "pub")? })
        }
        // Among them "oct": a symmetric key in a published set is a leak, not a key.
        _ => Err(UnusableKey::UnsupportedType),
    }
}

/// Whether a key, wherever it came from, is safe to verify with.
fn check(key: &PublicKey) -> Result<(), UnusableKey> {
    match key {
        PublicKey::Rsa { modulus, exponent } if !is_sound_rsa(modulus, exponent) => {
            return Err(UnusableKey::UnsoundRsaKey);
        }
        PublicKey::Ed25519 { point } if point.len() != 32 || is_small_order_ed25519(point) => {
            return Err(UnusableKey::InvalidKey);
        }
        PublicKey::MlDsa { algorithm, encoded } => {
            let length = ml_dsa_key_length(*algorithm).ok_or(UnusableKey::UnsupportedAlgorithm)?;
            if encoded.len() != length {
                return Err(UnusableKey::InvalidKey);
            }
        }
        _ => {}
    }
    // What the library refuses, such as a point that is not on its curve, is no key for any algorithm.
    if aws_lc::takes(key) { Ok(()) } else { Err(UnusableKey::InvalidKey) }
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

fn optional_text<'d>(members: Object<'d>, name: &str) -> Result<Option<&'d str>, UnusableKey> {
    members.get(name).map(|value| value.as_str().ok_or(UnusableKey::Malformed)).transpose()
}

fn text<'d>(members: Object<'d>, name: &str) -> Result<&'d str, UnusableKey> {
    optional_text(members, name)?.ok_or(UnusableKey::Malformed)
}

fn bytes(members: Object<'_>, name: &str) -> Result<Vec<u8>, UnusableKey> {
    base64url::decode(text(members, name)?).ok_or(UnusableKey::Malformed)
}
