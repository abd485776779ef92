use std::time::Duration;

use http::{HeaderMap, header};

/// Without a statement of the server.
const DEFAULT: Duration = Duration::from_secs(10 * 60);
/// Nothing the server says makes us ask more often than this.
const SHORTEST: Duration = Duration::from_secs(60);
/// Nothing the server says makes us trust a withdrawn key for longer than this.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// How long a key set counts as fresh: `max-age` less `Age` (RFC 9111 §4.2), within our own bounds.
pub(crate) fn lifetime(headers: &HeaderMap) -> Duration {
    let mut stated = None;
    for value in headers.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or_default().split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                // A server that wants no caching is asked as often as we ask anyone.
                "no-store" | "no-cache" => return SHORTEST,
                "max-age" => stated = seconds(argument).or(stated),
                _ => {}
            }
        }
    }
    let age = headers.get(header::AGE).and_then(|value| value.to_str().ok()).and_then(seconds);
    stated
        .map_or(DEFAULT, |max_age| Duration::from_secs(max_age.saturating_sub(age.unwrap_or_default())))
        .clamp(SHORTEST, LONGEST)
}

/// delta-seconds (RFC 9111 §1.2.2); a number beyond what fits is "very long".
fn seconds(text: &str) -> Option<u64> {
    let digits = text.trim().trim_matches('"');
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn max_age_is_honoured_between_a_minute_and_an_hour() {
        // covers: JWK-013
        for (cache_control, age, expected) in [
            ("", "", 600),
            ("public", "", 600),
            ("max-age=300", "", 300),
            ("public, Max-Age=\"300\"", "", 300),
            ("max-age=1200", "300", 900),
            ("max-age=0", "", 60),
            ("max-age=-5", "", 600),
            ("max-age=300, no-cache", "", 60),
            ("no-store", "", 60),
            ("max-age=315360000", "", 3600),
            ("max-age=99999999999999999999999", "", 3600),
            ("max-age=300", "99999999999999999999999", 60),
        ] {
            let mut headers = HeaderMap::new();
            if !cache_control.is_empty() {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
            }
            if !age.is_empty() {
                headers.insert(header::AGE, HeaderValue::from_static(age));
            }
            assert_eq!(lifetime(&headers), Duration::from_secs(expected), "{cache_control} / {age}");
        }
    }
}
