use std::error::Error;

use super::endpoint::{printable, without_secrets};

/// A message is shown to this many characters: some of it comes from HTTP clients.
const LONGEST_MESSAGE: usize = 400;

/// The error and its causes. What an HTTP client says may quote URLs, whole or in part, and what those keep secret is left
/// out; it may quote answers too.
pub(crate) fn in_words(error: &dyn Error) -> String {
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
