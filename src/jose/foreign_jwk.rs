//! The JWKs of another crate, read by the same rules as everybody's.

use jsonwebtoken::jwk;

use super::jwk_set::{JwkSet, JwkSetError};

/// Every key is read as it would be from its JSON, so that the same are passed over: symmetric, weak and malformed
/// ones. So are keys whose `alg` the other crate did not know, since it does not keep its name: ES512, Ed25519 and
/// ML-DSA among them. [`JwkSet::from_json`] reads those, too.
impl TryFrom<jwk::JwkSet> for JwkSet {
    type Error = JwkSetError;

    fn try_from(set: jwk::JwkSet) -> Result<Self, JwkSetError> {
        Self::from_json(&serde_json::to_string(&set).map_err(|_| JwkSetError::Malformed)?)
    }
}

/// A set of one. A key that cannot be used is an error here, as there is no other beside it.
impl TryFrom<jwk::Jwk> for JwkSet {
    type Error = JwkSetError;

    fn try_from(key: jwk::Jwk) -> Result<Self, JwkSetError> {
        let set = Self::try_from(jwk::JwkSet { keys: vec![key] })?;
        if set.is_empty() { Err(JwkSetError::UnusableKey) } else { Ok(set) }
    }
}
