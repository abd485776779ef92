use http::{HeaderMap, header};

/// Whether an answer has this media type, whatever its parameters (RFC 9110 §8.3.1).
pub(crate) fn is_of_media_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(expected)
}
