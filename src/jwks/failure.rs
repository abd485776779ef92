use std::error::Error;
use std::sync::Arc;

use super::load_error::LoadError;
use crate::fetch::{FetchError, printable, without_secrets};
use crate::jose::JwkSetError;
use crate::metadata::DiscoveryError;

/// A message is shown to this many characters: some of it comes from HTTP clients.
const LONGEST_MESSAGE: usize = 400;

/// A failed fetch, for events and statuses.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: Arc<str>,
}

impl Failure {
    pub(super) fn of(error: &LoadError) -> Self {
        Self { code: code(error), message: message(error).into() }
    }
}

/// Stable names, listed in `docs/keys.md`.
fn code(error: &LoadError) -> &'static str {
    match error {
        LoadError::Discovery { source: DiscoveryError::Fetch(source), .. } => of_fetch(source),
        LoadError::Discovery { source: DiscoveryError::Malformed, .. } => "malformed_metadata",
        LoadError::Discovery {
            source:
                DiscoveryError::NoIssuer
                | DiscoveryError::OtherIssuer { .. }
                | DiscoveryError::SlashMissing
                | DiscoveryError::SlashAdded,
            ..
        } => "issuer_mismatch",
        LoadError::Discovery { source: DiscoveryError::Nowhere | DiscoveryError::NoJwksUri, .. } => {
            "no_jwks_uri"
        }
        LoadError::Moved { .. } => "moved_to_another_host",
        LoadError::Fetch { source, .. } => of_fetch(source),
        LoadError::Set(JwkSetError::Malformed) => "malformed_key_set",
        LoadError::Set(JwkSetError::TooManyKeys) | LoadError::TooManyKeys(_) => "too_many_keys",
        LoadError::Set(JwkSetError::UnusableKey) | LoadError::NoUsableKey(_) => "no_usable_key",
        LoadError::GivenUp => "given_up",
    }
}

fn of_fetch(error: &FetchError) -> &'static str {
    match error {
        FetchError::TimedOut => "timed_out",
        FetchError::TooLarge => "too_large",
        FetchError::Status(_) => "bad_status",
        FetchError::Failed(_) => "request_failed",
    }
}

/// The error and its causes. What an HTTP client says may quote URLs, whole or in part, and what those keep secret is left
/// out; it may quote answers too.
fn message(error: &LoadError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    let words = text.split_whitespace();
    let shown = words.map(|word| {
        let path = word.split('?').next().unwrap_or_default();
        if word.contains("://") { without_secrets(word) } else { path.to_owned() }
    });
    printable(&shown.collect::<Vec<_>>().join(" ")).take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(failure.message.chars().count(), LONGEST_MESSAGE);
    }
}
