use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::jwk::{Jwk, UnusableKey, shows_secret};
use crate::json::Document;

/// How many keys a set may have. Those that are fetched have a lower bound of their own.
const MAX_KEYS: usize = 1_000;

/// A JWK Set (RFC 7517 §5): the public keys of an issuer.
///
/// Every key is read on its own. One that cannot be used (an unknown type, a weak or malformed key, one meant
/// for encryption) is passed over and never spoils the others; [`JwkSet::len`] counts those that can be used.
/// Private and symmetric key material is not retained.
///
/// ```
/// use portcullis::JwkSet;
///
/// let set = JwkSet::from_json(r#"{"keys":[
///     {"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"},
///     {"kty":"OKP","crv":"Ed25519","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
/// ]}"#)?;
/// assert_eq!(set.len(), 1);
///
/// assert!(JwkSet::from_json("{}").is_err());
/// # Ok::<_, portcullis::JwkSetError>(())
/// ```
#[derive(Clone)]
pub struct JwkSet {
    pub(super) keys: Vec<Jwk>,
    unusable: Vec<UnusableKey>,
    /// How many entries show what should be secret.
    secrets: usize,
    /// Whether `kid` selects among the keys. Where it does not, each may have signed any token.
    pub(super) selected_by_id: bool,
}

/// Why a text is not a JWK Set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkSetError {
    /// Not a JSON object whose one member `keys` is an array.
    #[error("not a JSON object with an array `keys`")]
    Malformed,
    /// More keys than anybody has.
    #[error("more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// The only key there is cannot be used.
    #[error("the key cannot be used to verify signatures")]
    UnusableKey,
}

impl JwkSet {
    /// Reads a JWK Set.
    ///
    /// # Errors
    ///
    /// A [`JwkSetError`] if the text is not a JSON object with an array `keys`, or has more than 1 000 keys (a fetched set: 100). A set
    /// of which no key can be used is not an error here: what it means depends on who asked for it.
    pub fn from_json(json: &str) -> Result<Self, JwkSetError> {
        // Raw values first: what is wrong inside one key stays inside it.
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            keys: Vec<&'a RawValue>,
        }
        // serde would also take the members of a struct from an array, by position.
        if !json.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
            return Err(JwkSetError::Malformed);
        }
        let raw: Raw<'_> = serde_json::from_str(json).map_err(|_| JwkSetError::Malformed)?;
        if raw.keys.len() > MAX_KEYS {
            return Err(JwkSetError::TooManyKeys);
        }
        let mut set = Self { keys: Vec::new(), unusable: Vec::new(), secrets: 0, selected_by_id: true };
        for key in raw.keys {
            let document = Document::parse(key.get()).ok();
            let members = document.as_ref().and_then(|document| document.root().as_object());
            set.secrets = set.secrets.saturating_add(usize::from(members.is_some_and(shows_secret)));
            match members.ok_or(UnusableKey::Malformed).and_then(Jwk::read) {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.unusable.push(reason),
            }
        }
        Ok(set)
    }

    /// Keys that are not told apart by `kid`.
    #[cfg(feature = "pem")]
    pub(super) fn without_ids(keys: Vec<Jwk>) -> Self {
        Self { keys, unusable: Vec::new(), secrets: 0, selected_by_id: false }
    }

    /// The number of keys that can verify signatures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key can verify signatures.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The number of all its entries.
    pub(crate) fn published(&self) -> usize {
        self.keys.len().saturating_add(self.unusable.len())
    }

    /// How many entries hold a private or symmetric key. None of it is retained; whoever publishes it should know.
    pub(crate) fn secrets(&self) -> usize {
        self.secrets
    }

    /// Why keys were passed over, one reason per key.
    pub(crate) fn unusable(&self) -> &[UnusableKey] {
        &self.unusable
    }
}

impl fmt::Debug for JwkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwkSet").field("usable", &self.len()).field("unusable", &self.unusable).finish()
    }
}
