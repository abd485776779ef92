//! The credentials of HTTP Basic (RFC 7617 §2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use http::HeaderValue;

/// RFC 6749 §2.3.1: both are encoded as in a form (appendix B) before the colon comes between them.
pub(super) fn encoded(client_id: &str, secret: &str) -> Option<HeaderValue> {
    let form = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    unencoded(&form(client_id), &form(secret))
}

/// As RFC 7617 has it, in UTF-8.
pub(super) fn unencoded(client_id: &str, secret: &str) -> Option<HeaderValue> {
    let credentials = STANDARD.encode(format!("{client_id}:{secret}"));
    let mut field = HeaderValue::try_from(format!("Basic {credentials}")).ok()?;
    field.set_sensitive(true);
    Some(field)
}
