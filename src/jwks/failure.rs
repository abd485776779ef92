use std::sync::Arc;

use super::load_error::LoadError;
use crate::fetch::in_words;
use crate::jose::JwkSetError;

/// A failed fetch, for events and statuses.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: Arc<str>,
}

impl Failure {
    pub(super) fn of(error: &LoadError) -> Self {
        Self { code: code(error), message: in_words(error).into() }
    }
}

/// Stable names, listed in `docs/keys.md`.
fn code(error: &LoadError) -> &'static str {
    match error {
        LoadError::Discovery { source, .. } => source.code(),
        LoadError::Moved { .. } => "moved_to_another_host",
        LoadError::Fetch { source, .. } => source.code(),
        LoadError::Set(JwkSetError::Malformed) => "malformed_key_set",
        LoadError::Set(JwkSetError::TooManyKeys) | LoadError::TooManyKeys(_) => "too_many_keys",
        LoadError::Set(JwkSetError::UnusableKey) | LoadError::NoUsableKey(_) => "no_usable_key",
        LoadError::GivenUp => "given_up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::FetchError;

    #[test]
    fn a_message_has_every_cause_and_no_secret_of_a_url() {
        // covers: EXT-023
        let client = "error for url (https://id.example.com/jwks?key=hunter2): connection refused";
        for (client, shown) in [
            (client, "error for url (https://id.example.com/jwks connection refused"),
            ("GET https://admin:hunter2@id.example.com/jwks failed", "GET https://.. failed"),
            ("(https://admin:hunter2@id.example.com)", "://.."),
            ("several\r\nlines", "several lines"),
            ("GET /jwks?code=hunter2 failed", "GET /jwks failed"),
            ("it said: \u{1b}[2J \u{202e}\"x\"", "it said: \\u{1b}[2J \\u{202e}\"x\""),
        ] {
            let source = FetchError::Failed(client.into());
            let failure = Failure::of(&LoadError::Fetch { endpoint: "https://e/jwks".into(), source });
            let expected =
                format!("the key set at https://e/jwks could not be fetched: the request failed: {shown}");
            assert_eq!((failure.code, &*failure.message), ("request_failed", &*expected));
        }
        let source = FetchError::Failed("x".repeat(10_000).into());
        let failure = Failure::of(&LoadError::Fetch { endpoint: "https://e".into(), source });
        assert_eq!(failure.message.chars().count(), 400);
    }
}
