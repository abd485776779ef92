//! A configuration: whatever is in it, `build` gives a server or says what is wrong, and no secrets.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response, header};
use portcullis::testing::ManualClock;
use portcullis::{
    BoxFuture, FetchError, FetchLimits, HttpClient, ResourceServer, TrustedIssuer, authenticated,
};

use super::base64url::encode;
use super::known::NOW;
use super::metadata::{is_plain, same_url};
use super::service::send;

/// Every code that this configuration can have.
const CODES: [&str; 9] = [
    "insecure_issuer",
    "invalid_issuer",
    "empty_audience",
    "ambiguous_claim_path",
    "invalid_claim_path",
    "invalid_realm",
    "invalid_error_uri",
    "invalid_carrier_name",
    "insecure_jwks_uri",
];

/// Lines: issuer, `jwks_uri` (none if empty), path of the roles, audience, query parameter, cookie, realm, `error_uri` (none
/// if empty).
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n').chain([""].into_iter().cycle());
    let [issuer, jwks_uri, roles_at, audience, query, cookie, realm, error_uri] =
        std::array::from_fn(|_| lines.next().unwrap_or(""));
    let client = Recorder::default();
    let mut trusted = TrustedIssuer::new(issuer).roles_at(roles_at);
    if !jwks_uri.is_empty() {
        trusted = trusted.jwks_uri(jwks_uri);
    }
    let mut server = ResourceServer::builder(trusted)
        .audience(audience)
        .dangerous_token_in_query(query)
        .token_in_cookie(cookie)
        .realm(realm)
        .with_clock(ManualClock::at(NOW))
        .with_http_client(client.clone());
    if !error_uri.is_empty() {
        server = server.error_uri(error_uri);
    }
    // Whatever the user information of a URL is, the same is said.
    assert_eq!(said(issuer, jwks_uri), said(&without_user_info(issuer), &without_user_info(jwks_uri)));
    let is_token = |name: &str| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(letter))
    };
    let wrong = [
        ("empty_audience", audience.is_empty()),
        ("invalid_carrier_name", !is_token(query) || !is_token(cookie)),
        ("invalid_realm", !realm.chars().all(|letter| matches!(letter, ' '..='~'))),
    ];
    let server = match server.build() {
        Ok(server) => server,
        Err(error) => {
            let codes: Vec<_> = error.problems().iter().map(portcullis::ConfigProblem::code).collect();
            assert!(!codes.is_empty() && codes.iter().all(|code| CODES.contains(code)), "{codes:?}");
            for (code, expected) in wrong {
                assert_eq!(codes.contains(&code), expected, "{code}: {codes:?}");
            }
            return;
        }
    };
    assert!(wrong.iter().all(|(_, wrong)| !wrong), "{wrong:?}");
    assert!(is_plain(issuer) && !issuer.contains('?'), "{issuer}");
    assert!(jwks_uri.is_empty() || is_plain(jwks_uri), "{jwks_uri}");
    assert!(error_uri.is_empty() || error_uri.to_ascii_lowercase().starts_with("http"), "{error_uri}");

    // Whom such a server asks for keys, for a token of its issuer.
    let claims = serde_json::json!({
        "iss": issuer, "aud": audience, "sub": "a", "client_id": "c", "jti": "j", "iat": NOW, "exp": NOW + 300,
    });
    let header = encode(br#"{"alg":"EdDSA","typ":"at+jwt"}"#);
    let token = format!("{header}.{}.{}", encode(claims.to_string().as_bytes()), encode(&[0; 64]));
    if token.len() > 16_000 {
        return;
    }
    let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {token}"));
    let answer = send(&server.problem_json().require(authenticated()), request.body(()).unwrap());
    assert_eq!(answer.code(), "unavailable");
    let asked = client.0.lock().unwrap_or_else(PoisonError::into_inner);
    let expected = if jwks_uri.is_empty() {
        format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer))
    } else {
        jwks_uri.to_owned()
    };
    assert!(matches!(&asked[..], [url] if same_url(url, &expected)), "{asked:?} / {expected}");
}

/// What a builder and its error say of these URLs.
fn said(issuer: &str, jwks_uri: &str) -> [String; 2] {
    let server = ResourceServer::builder(TrustedIssuer::new(issuer).jwks_uri(jwks_uri))
        .with_http_client(Recorder::default());
    [format!("{server:?}"), server.build().unwrap_err().to_string()]
}

/// The URL with other user information of the same length.
fn without_user_info(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("//") else { return url.to_owned() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some(end) = rest[..authority].rfind('@') else { return url.to_owned() };
    format!("{scheme}//{}{}", "x".repeat(end), &rest[end..])
}

/// An issuer that cannot be reached; keeps what it was asked.
#[derive(Clone, Debug, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl HttpClient for Recorder {
    fn send(
        &self,
        request: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request.uri().to_string());
        Box::pin(std::future::ready(Err(FetchError::TimedOut)))
    }
}
