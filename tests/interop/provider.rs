//! The provider: `interop/provider.mjs`, its tokens, and its admin port.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::{Request, header};

use crate::node::node;
use crate::process::Running;
use crate::wire::send;

/// The client that the provider knows, and its secret.
const CLIENT: &str = "svc:a-secret-that-only-this-test-knows";

/// A provider with keys of its own, until it is dropped.
pub(crate) struct Provider {
    _process: Running,
    urls: Urls,
}

#[derive(serde::Deserialize)]
struct Urls {
    issuer: String,
    admin: String,
}

#[derive(serde::Deserialize)]
struct Granted {
    access_token: String,
}

/// An access token, as the provider gave it.
pub(crate) struct Token(String);

impl Provider {
    pub(crate) fn start() -> Self {
        Self::start_at(0)
    }

    /// Starts on a given port: an issuer is known by its address.
    pub(crate) fn start_at(port: u16) -> Self {
        let mut provider = node("provider.mjs");
        provider.args(["--port", &port.to_string()]);
        let (process, urls) = Running::start("the provider", &mut provider, "READY ");
        Self { _process: process, urls: serde_json::from_str(&urls).unwrap() }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.urls.issuer
    }

    pub(crate) fn port(&self) -> u16 {
        self.issuer().parse::<http::Uri>().unwrap().port_u16().unwrap()
    }

    /// A token for the client itself. `resource` picks audience, algorithm and lifetime: see `provider.mjs`.
    pub(crate) fn token(&self, resource: &str, scope: &str) -> Token {
        self.request_token(&format!("&resource={resource}&scope={scope}"))
    }

    /// A token for no resource in particular: only the provider can read it.
    pub(crate) fn opaque_token(&self) -> Token {
        let token = self.request_token("");
        assert!(!token.0.contains('.'), "a JWT, not an opaque token");
        token
    }

    /// Puts new keys in the place of all old ones.
    pub(crate) fn rotate_keys(&self) {
        let request = Request::post(format!("{}/rotate", self.urls.admin)).body(String::new()).unwrap();
        assert_eq!(send(&request).status(), 200);
    }

    /// How often a path of the provider was asked for.
    pub(crate) fn hits(&self, path: &str) -> u32 {
        let request = Request::get(format!("{}/hits", self.urls.admin)).body(String::new()).unwrap();
        let hits: HashMap<String, u32> = serde_json::from_str(send(&request).body()).unwrap();
        hits.get(path).copied().unwrap_or(0)
    }

    /// RFC 6749 §4.4. No parameter of ours has a character that would need an escape to be read right.
    fn request_token(&self, parameters: &str) -> Token {
        let request = Request::post(format!("{}/token", self.urls.issuer))
            .header(header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(CLIENT)))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials{parameters}"))
            .unwrap();
        let answer = send(&request);
        assert_eq!(answer.status(), 200, "{}", answer.body());
        let Granted { access_token } = serde_json::from_str(answer.body()).unwrap();
        Token(access_token)
    }
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
