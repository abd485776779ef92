use std::time::Duration;

use http::{HeaderMap, header};

use super::timing::KeyTiming;

/// How long a key set counts as fresh: `max-age` less `Age` (RFC 9111 §4.2), within our own bounds:
/// nothing the server says makes us ask more often, or trust a withdrawn key for longer.
pub(super) fn lifetime(headers: &HeaderMap, timing: &KeyTiming) -> Duration {
    let mut stated = None;
    for value in headers.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or_default().split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                // A server that wants no caching is asked as often as we ask anyone.
                "no-store" | "no-cache" => return timing.shortest_lifetime,
                "max-age" => stated = seconds(argument).or(stated),
                _ => {}
            }
        }
    }
    let age = headers.get(header::AGE).and_then(|value| value.to_str().ok()).and_then(seconds);
    let fresh = |max_age: u64| Duration::from_secs(max_age.saturating_sub(age.unwrap_or_default()));
    // Not `clamp`, which panics where the bounds are crossed.
    stated.map_or(timing.lifetime, fresh).max(timing.shortest_lifetime).min(timing.longest_lifetime)
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
            let lifetime = lifetime(&headers, &KeyTiming::default());
            assert_eq!(lifetime, Duration::from_secs(expected), "{cache_control} / {age}");
        }
    }

    #[test]
    fn the_bounds_are_those_of_the_configuration() {
        // covers: JWK-013
        let timing = KeyTiming {
            lifetime: Duration::from_secs(20),
            shortest_lifetime: Duration::from_secs(10),
            longest_lifetime: Duration::from_secs(86_400),
            ..KeyTiming::default()
        };
        for (cache_control, expected) in [
            ("public", 20),
            ("max-age=1", 10),
            ("no-store", 10),
            ("max-age=7200", 7200),
            ("max-age=90000", 86_400),
        ] {
            let headers =
                HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static(cache_control))]);
            assert_eq!(lifetime(&headers, &timing), Duration::from_secs(expected), "{cache_control}");
        }
    }
}
