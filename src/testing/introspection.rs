use std::collections::HashSet;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::clients::{Expected, NoClient};
use super::documents::Documents;
use super::introspection_request::IntrospectionRequest;
use super::issued::Known;
use super::reply;
use super::verified::verified;
use crate::fetch::is_of_media_type;
use crate::jose::SignatureAlgorithm;

const JSON: &str = "application/json";
/// RFC 9701 §4.
const SIGNED: &str = "application/token-introspection+jwt";

/// Credentials and tokens that have no place in a URL.
const SECRETS: [&str; 3] = ["token", "client_secret", "client_assertion"];

/// What a right server answers (RFC 7662 §2).
pub(super) fn answer(documents: &Documents, request: &IntrospectionRequest) -> Response<Bytes> {
    if request.method != Method::POST {
        let mut response = reply::status(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    if !is_sound(request) {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request");
    }
    let now = documents.now();
    let endpoint = documents.introspection_endpoint();
    let expected = Expected { audiences: [&documents.issuer, &endpoint], now };
    let client = match documents.introspection.clients.authenticate(request, &expected) {
        Ok(client) => client,
        Err(reason) => return unauthenticated(reason),
    };
    let Some(token) = request.field("token").filter(|token| !token.is_empty()) else {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request");
    };
    let claims = match documents.introspection.issued.get(token) {
        Some(Known::Answered(text)) => {
            return reply::ok(if wants_signed(request) { SIGNED } else { JSON }, text);
        }
        Some(Known::Claims(claims)) => Some(claims),
        Some(Known::Revoked) => None,
        None => of_signed_token(documents, token),
    };
    let claims = claims.filter(|claims| is_in_time(claims, now));
    let introspection = claims.map_or_else(|| json!({ "active": false }), of_active_token);
    if wants_signed(request) {
        reply::ok(SIGNED, signed(documents, &client, &introspection))
    } else {
        reply::ok(JSON, introspection.to_string())
    }
}

/// Whether it is one form whose fields have each one value (RFC 6749 §3.1), with nothing secret in the URL.
fn is_sound(request: &IntrospectionRequest) -> bool {
    let query = request.uri.query().unwrap_or_default();
    let exposed = form_urlencoded::parse(query.as_bytes()).any(|(name, _)| SECRETS.contains(&&*name));
    let mut names = HashSet::new();
    is_of_media_type(&request.headers, "application/x-www-form-urlencoded")
        && !exposed
        && request.form.iter().all(|(name, _)| names.insert(name))
}

/// RFC 9701 §4: a signed answer is asked for by `Accept`.
fn wants_signed(request: &IntrospectionRequest) -> bool {
    let accepted = request.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = accepted.flat_map(|value| value.split(','));
    ranges.any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(SIGNED))
}

/// The claims of an access token that this issuer signed.
fn of_signed_token(documents: &Documents, token: &str) -> Option<Map<String, Value>> {
    let claims = verified(token, &documents.jwk_set(), &[None, Some("JWT"), Some("at+jwt")])?;
    let issuer = claims.get("iss").and_then(Value::as_str);
    (issuer == Some(&*documents.issuer)).then_some(claims)
}

/// RFC 7662 §4: the server looks at `exp` and `nbf`.
fn is_in_time(claims: &Map<String, Value>, now: u64) -> bool {
    let later_than_now = |name: &str| Some(claims.get(name)?.as_f64()? > now as f64);
    later_than_now("exp").unwrap_or(true) && !later_than_now("nbf").unwrap_or(false)
}

fn of_active_token(mut claims: Map<String, Value>) -> Value {
    claims.entry("active").or_insert(true.into());
    claims.entry("token_type").or_insert("Bearer".into());
    claims.into()
}

/// RFC 9701 §5.
fn signed(documents: &Documents, client: &str, introspection: &Value) -> String {
    let algorithm = SignatureAlgorithm::Es256;
    let key = documents.key(algorithm);
    let header = json!({ "typ": "token-introspection+jwt", "alg": algorithm.name(), "kid": key.key_id() });
    let claims = json!({
        "iss": documents.issuer,
        "aud": client,
        "iat": documents.now(),
        "token_introspection": introspection,
    });
    documents.sign(algorithm, &header.to_string(), claims.to_string().as_bytes())
}

/// RFC 6749 §5.2.
fn refusal(status: StatusCode, error: &str) -> Response<Bytes> {
    let mut response = reply::ok(JSON, json!({ "error": error }).to_string());
    *response.status_mut() = status;
    response
}

/// RFC 7662 §2.3.
fn unauthenticated(reason: NoClient) -> Response<Bytes> {
    let (error, challenge) = match reason {
        NoClient::SeveralMethods => return refusal(StatusCode::BAD_REQUEST, "invalid_request"),
        NoClient::Unauthenticated => ("invalid_client", r#"Basic realm="introspection""#),
        NoClient::WrongToken => ("invalid_token", r#"Bearer realm="introspection", error="invalid_token""#),
    };
    let mut response = refusal(StatusCode::UNAUTHORIZED, error);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}
