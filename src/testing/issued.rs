use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::jose::unique_id;

/// What an issuer was told of a token.
#[derive(Clone)]
pub(super) enum Known {
    /// It is an opaque token with these claims.
    Claims(Map<String, Value>),
    Revoked,
    /// Introspection is answered by this text.
    Answered(String),
}

/// The tokens that an issuer knows by their text.
#[derive(Default)]
pub(super) struct Issued(Mutex<HashMap<String, Known>>);

impl Issued {
    pub(super) fn set(&self, token: &str, known: Known) {
        self.known().insert(token.to_owned(), known);
    }

    pub(super) fn get(&self, token: &str) -> Option<Known> {
        self.known().get(token).cloned()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a new token. `+`, `/`, `~` and `=` are always in it, so whoever forgets to encode it on its way breaks it.
pub(super) fn new_text(prefix: &str) -> String {
    let unique = unique_id().expect("the system has random numbers");
    format!("{prefix}{unique}+/~==")
}
