//! Refusals as gRPC clients read them. No gRPC crate is needed: a refusal is three header fields.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};

const MEDIA_TYPE: &str = "application/grpc";
const STATUS: &str = "grpc-status";

/// Whether a request speaks gRPC: a POST over HTTP/2 of `application/grpc`, perhaps with `+proto` and the like.
///
/// All three, as the protocol has them: a refusal is a 200 there, and whoever asks in another way (a proxy that passes
/// on a client's fields, say) reads a 200 as admitted. gRPC-Web is another protocol, whose trailers stand in the body.
pub(super) fn is_grpc(method: &Method, version: Version, headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map_or(b"".as_slice(), |value| value.as_bytes());
    let rest = content_type
        .split_at_checked(MEDIA_TYPE.len())
        .filter(|(start, _)| start.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes()));
    *method == Method::POST
        && version == Version::HTTP_2
        && rest.is_some_and(|(_, rest)| matches!(rest, [] | [b'+' | b';' | b' ', ..]))
}

/// Turns an answer into a *Trailers-Only* response (gRPC over HTTP/2): status 200, and the outcome in the header
/// fields. The challenge stays as metadata.
pub(super) fn trailers_only(head: &mut Response<()>, message: &'static str) {
    let code = match head.status() {
        // gRPC has no status for a malformed credential but this one.
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => "16",
        StatusCode::FORBIDDEN => "7",
        StatusCode::SERVICE_UNAVAILABLE => "14",
        _ => "13",
    };
    *head.status_mut() = StatusCode::OK;
    let headers = head.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(STATUS, HeaderValue::from_static(code));
    // Our messages have no character that `grpc-message` would percent-encode.
    headers.insert("grpc-message", HeaderValue::from_static(message));
}

pub(super) fn is_trailers_only(head: &Response<()>) -> bool {
    head.headers().contains_key(STATUS)
}
