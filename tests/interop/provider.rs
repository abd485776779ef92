//! The provider: `interop/provider.mjs`, its tokens, and its admin port.

use std::collections::HashMap;
use std::path::PathBuf;

use http::Request;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::api::AUDIENCE;
use crate::node::node;
use crate::service::{Files, Service, port_of};
use crate::token::{self, Token};
use crate::wire::send;

/// A provider with keys and tokens of its own, until it is dropped.
pub(crate) struct Provider {
    service: Service,
    urls: Urls,
}

#[derive(serde::Deserialize)]
struct Urls {
    issuer: String,
    /// The same, with TLS.
    tls: Option<String>,
    admin: String,
}

impl Provider {
    pub(crate) fn start() -> Self {
        Self::start_at(0)
    }

    /// Starts on a given port: an issuer is known by its address.
    pub(crate) fn start_at(port: u16) -> Self {
        Self::start_with(Files::new(), port)
    }

    /// Starts with a second address that speaks TLS, and a client that is known by its certificate, `rs-mtls`.
    /// Whoever wants to be it needs three of the files: `ca.pem`, `client.pem`, `client.key`. With `other.pem` and
    /// `other.key`, one is somebody else.
    pub(crate) fn start_with_tls() -> Self {
        let files = Files::new();
        write_certificates(&files);
        Self::start_with(files, 0)
    }

    fn start_with(files: Files, port: u16) -> Self {
        let mut provider = node("provider.mjs");
        provider.args(["--port", &port.to_string()]);
        let (mut service, ready) = Service::start("the provider", provider, files);
        let urls: Urls = serde_json::from_str(&ready).unwrap();
        service.keep_port("--port", port_of(&urls.issuer));
        if let Some(tls) = &urls.tls {
            service.keep_port("--tls-port", port_of(tls));
        }
        Self { service, urls }
    }

    /// Without a warning.
    pub(crate) fn kill(&mut self) {
        self.service.kill();
    }

    /// Starts at the same addresses, with the same keys and tokens. It counts its hits anew.
    pub(crate) fn start_again(&mut self) {
        self.urls = serde_json::from_str(&self.service.start_again()).unwrap();
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.urls.issuer
    }

    pub(crate) fn port(&self) -> u16 {
        port_of(self.issuer())
    }

    pub(crate) fn introspection_endpoint(&self) -> String {
        format!("{}/token/introspection", self.issuer())
    }

    /// RFC 8705 §5: the address that asks for a certificate.
    pub(crate) fn tls_introspection_endpoint(&self) -> String {
        format!("{}/token/introspection", self.urls.tls.as_ref().unwrap())
    }

    /// A file of its directory, such as `rs-pkjwt.pem`: the key of the caller `rs-pkjwt`.
    pub(crate) fn file(&self, name: &str) -> String {
        self.service.files().read(name)
    }

    /// Where such a file is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.service.files().path(name)
    }

    /// A token for the client itself. `resource` picks audience, algorithm and lifetime: see `provider.mjs`.
    pub(crate) fn token(&self, resource: &str, scope: &str) -> Token {
        self.request_tokens(&format!("grant_type=client_credentials&resource={resource}&scope={scope}")).0
    }

    /// A token for no resource in particular: only the provider can read it.
    pub(crate) fn opaque_token(&self) -> Token {
        let (token, _) = self.request_tokens("grant_type=client_credentials");
        assert!(!token.as_str().contains('.'), "a JWT, not an opaque token");
        token
    }

    /// An opaque access token and a refresh token of a user who consented.
    pub(crate) fn sign_in(&self, user: &str, resource: &str, scope: &str) -> (Token, Token) {
        let parameters = format!("grant_type=urn:test:sign-in&user={user}&resource={resource}&scope={scope}");
        let (access, refresh) = self.request_tokens(&parameters);
        (access, refresh.unwrap())
    }

    /// An opaque access token that is bound by DPoP (RFC 9449).
    pub(crate) fn bound_token(&self, scope: &str) -> Token {
        let parameters = format!("grant_type=client_credentials&resource={AUDIENCE}/opaque&scope={scope}");
        token::request_bound(&format!("{}/token", self.issuer()), &parameters)
    }

    /// The signed answer about a token: a JWT of this issuer that is no access token.
    pub(crate) fn signed_answer(&self, token: &Token) -> Token {
        token::signed_answer(&self.introspection_endpoint(), token)
    }

    pub(crate) fn revoke(&self, token: &Token) {
        token::revoke(&format!("{}/token/revocation", self.issuer()), token);
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

    fn request_tokens(&self, parameters: &str) -> (Token, Option<Token>) {
        token::request(&format!("{}/token", self.issuer()), parameters)
    }
}

/// The server's by an authority of its own; the client's by itself, and so another's of the same name.
fn write_certificates(files: &Files) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let (server, client) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let params = |name: &str| CertificateParams::new([name.to_owned()]).unwrap();
    files.write("ca.pem", &authority.pem());
    files.write("server.pem", &params("127.0.0.1").signed_by(&server, &authority).unwrap().pem());
    files.write("server.key", &server.serialize_pem());
    files.write("client.pem", &params("rs-mtls").self_signed(&client).unwrap().pem());
    files.write("client.key", &client.serialize_pem());
    let other = KeyPair::generate().unwrap();
    files.write("other.pem", &params("rs-mtls").self_signed(&other).unwrap().pem());
    files.write("other.key", &other.serialize_pem());
}
