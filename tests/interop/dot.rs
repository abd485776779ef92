//! The other authorization server, with opaque tokens only: `interop/dot.py`, of django-oauth-toolkit.

use crate::python::python;
use crate::service::{Files, Service, port_of};
use crate::token::{self, Token};

/// A server with tokens of its own, until it is dropped.
pub(crate) struct Dot {
    service: Service,
    urls: Urls,
}

#[derive(serde::Deserialize)]
struct Urls {
    issuer: String,
}

impl Dot {
    pub(crate) fn start() -> Self {
        let (mut service, ready) = Service::start("the Django server", python("dot.py"), Files::new());
        let urls: Urls = serde_json::from_str(&ready).unwrap();
        service.keep_port("--port", port_of(&urls.issuer));
        Self { service, urls }
    }

    /// Without a warning.
    pub(crate) fn kill(&mut self) {
        self.service.kill();
    }

    /// Starts at the same address, with the same tokens.
    pub(crate) fn start_again(&mut self) {
        self.urls = serde_json::from_str(&self.service.start_again()).unwrap();
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.urls.issuer
    }

    pub(crate) fn introspection_endpoint(&self) -> String {
        format!("{}/introspect/", self.issuer())
    }

    /// A token for the client itself, and for these resources: `&resource=...`, or nothing.
    pub(crate) fn token(&self, scope: &str, resources: &str) -> Token {
        let parameters = format!("grant_type=client_credentials&scope={scope}{resources}");
        token::request(&format!("{}/token/", self.issuer()), &parameters).0
    }

    pub(crate) fn revoke(&self, token: &Token) {
        token::revoke(&format!("{}/revoke_token/", self.issuer()), token);
    }
}
