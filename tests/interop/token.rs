//! Tokens of either server: both know the client `svc`.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::{Request, Response, header};
use jsonwebtoken::jwk::{CommonParameters, Jwk};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use crate::wire::send;

/// The secret of every client, but for the odd one of `interop/clients.mjs`.
pub(crate) const SECRET: &str = "a-secret-that-only-this-test-knows";

/// A token, as the server gave it.
pub(crate) struct Token(String);

/// RFC 6749 §5.1
#[derive(serde::Deserialize)]
struct Granted {
    access_token: String,
    refresh_token: Option<String>,
}

/// Asks a token endpoint for an access token, and for a refresh token where the grant has one. No parameter of ours
/// has a character that would need an escape to be read right.
pub(crate) fn request(endpoint: &str, parameters: &str) -> (Token, Option<Token>) {
    let answer = post("svc", endpoint, parameters, &[]);
    let Granted { access_token, refresh_token } = serde_json::from_str(answer.body()).unwrap();
    (Token(access_token), refresh_token.map(Token))
}

/// Asks for an access token that is bound to a new key, which nobody keeps (RFC 9449 §5).
pub(crate) fn request_bound(endpoint: &str, parameters: &str) -> Token {
    let answer = post("svc", endpoint, parameters, &[("dpop", &proof_of_a_new_key(endpoint))]);
    assert!(answer.body().contains(r#""token_type":"DPoP""#), "it is bound");
    Token(serde_json::from_str::<Granted>(answer.body()).unwrap().access_token)
}

/// RFC 9449 §4.2
fn proof_of_a_new_key(endpoint: &str) -> String {
    let key = EncodingKey::from_ec_der(&rcgen::KeyPair::generate().unwrap().serialize_der());
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    jwk.common = CommonParameters::default();
    let header = Header { typ: Some("dpop+jwt".to_owned()), jwk: Some(jwk), ..Header::new(Algorithm::ES256) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "jti": "the only one", "htm": "POST", "htu": endpoint, "iat": now });
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

/// The signed answer about a token, which `rs-jwt` gets (RFC 9701 §5).
pub(crate) fn signed_answer(endpoint: &str, token: &Token) -> Token {
    let accept = ("accept", "application/token-introspection+jwt");
    Token(post("rs-jwt", endpoint, &format!("token={}", token.as_str()), &[accept]).into_body())
}

/// RFC 7009 §2.1
pub(crate) fn revoke(endpoint: &str, token: &Token) {
    post("svc", endpoint, &format!("token={}", token.as_str()), &[]);
}

fn post(client: &str, endpoint: &str, form: &str, fields: &[(&str, &str)]) -> Response<String> {
    let credentials = BASE64_STANDARD.encode(format!("{client}:{SECRET}"));
    let mut request = Request::post(endpoint)
        .header(header::AUTHORIZATION, format!("Basic {credentials}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let answer = send(&request.body(form.to_owned()).unwrap());
    assert_eq!(answer.status(), 200, "{}", answer.body());
    answer
}

impl Token {
    /// A text that no server gave out.
    pub(crate) fn made_up(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The JOSE header: tells whether the provider signed as it was asked to.
    pub(crate) fn header(&self) -> HashMap<String, String> {
        let (header, _) = self.0.split_once('.').unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
    }
}
