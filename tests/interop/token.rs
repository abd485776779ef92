//! Tokens of either server: both know the client `svc`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::{Request, Response, header};

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
    let Granted { access_token, refresh_token } =
        serde_json::from_str(post(endpoint, parameters).body()).unwrap();
    (Token(access_token), refresh_token.map(Token))
}

/// RFC 7009 §2.1
pub(crate) fn revoke(endpoint: &str, token: &Token) {
    post(endpoint, &format!("token={}", token.as_str()));
}

fn post(endpoint: &str, form: &str) -> Response<String> {
    let request = Request::post(endpoint)
        .header(header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(format!("svc:{SECRET}"))))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.to_owned())
        .unwrap();
    let answer = send(&request);
    assert_eq!(answer.status(), 200, "{}", answer.body());
    answer
}

impl Token {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The JOSE header: tells whether the provider signed as it was asked to.
    pub(crate) fn header(&self) -> HashMap<String, String> {
        let (header, _) = self.0.split_once('.').unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
    }
}
