//! JSON Object Signing: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 (algorithms), RFC 8037 and RFC 9864 (EdDSA),
//! RFC 9964 (ML-DSA).
//!
//! One form is read: the compact serialization of a signed token. Refused, each by name: `none` and every
//! algorithm outside the closed set (HMAC is in none but that of a configured secret), any `crit`, `b64`, keys inside
//! the header (`jwk`, `x5c`), encryption (five parts, `enc`, `zip`), nesting (`cty: JWT`), the JSON serializations.
//! `jku`, `x5u` and `x5t` are ignored: they never select a key and never cause a request. Everything here is
//! synchronous and reads no clock.

mod algorithm;
mod allowed;
mod aws_lc;
mod backend;
mod base64url;
mod compact;
#[cfg(feature = "jsonwebtoken")]
mod crypto_provider;
mod error;
#[cfg(feature = "jsonwebtoken")]
mod foreign_jwk;
mod header;
mod hmac_key;
mod jwk;
mod jwk_set;
mod key_set;
#[cfg(feature = "pem")]
mod pem_keys;
mod public_key;
mod random;
mod signing_key;
mod signing_pair;
mod soundness;

pub use algorithm::{HmacAlgorithm, SignatureAlgorithm};
pub(crate) use allowed::AllowedAlgorithms;
pub use backend::SignatureBackend;
pub(crate) use compact::UnverifiedJws;
pub(crate) use error::JoseError;
pub(crate) use header::{JoseHeader, MediaType};
pub use hmac_key::{HmacKey, HmacKeyError};
pub use jwk_set::{JwkSet, JwkSetError};
pub(crate) use key_set::{KeyOwner, KeySet, ListedKey, Selected, VerifiedJws};
#[cfg(feature = "pem")]
pub use pem_keys::PemError;
pub(crate) use random::unique_id;
pub(crate) use signing_key::SigningKey;
#[cfg(feature = "testing")]
pub(crate) use signing_pair::SigningPair;
