use std::time::Duration;

use portcullis::testing::{Flaw, Issuer, ManualClock};
use portcullis::{ResourceServer, ResourceServerBuilder, TrustedIssuer, authenticated};

use super::{AUDIENCE, Api, ISSUER, NOW, Reply, ScriptedClient};

/// Where the keys of a site are.
pub(crate) const JWKS: &str = "https://id.example.com/jwks";

/// An issuer behind a scripted network, and the clock of everybody.
pub(crate) struct Site {
    pub(crate) issuer: Issuer,
    pub(crate) client: ScriptedClient,
    pub(crate) clock: ManualClock,
}

impl Site {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let issuer = Issuer::offline(ISSUER).with_clock(clock.clone());
        Self { issuer, client: ScriptedClient::default(), clock }
    }

    pub(crate) fn server(&self, issuer: impl Into<TrustedIssuer>) -> ResourceServerBuilder {
        ResourceServer::builder(issuer)
            .audience(AUDIENCE)
            .with_clock(self.clock.clone())
            .with_http_client(self.client.clone())
    }

    /// An API that knows its `jwks_uri`.
    pub(crate) fn configured(&self) -> Api {
        let located = TrustedIssuer::new(ISSUER).jwks_uri(JWKS);
        Api::new(self.server(located).build().unwrap().require(authenticated()))
    }

    /// An API that knows its issuer only.
    pub(crate) fn discovering(&self) -> Api {
        Api::new(self.server(ISSUER).build().unwrap().require(authenticated()))
    }

    pub(crate) fn keys(&self) -> Reply {
        Reply::Json(self.issuer.jwks_json().to_string())
    }

    /// A token that stays valid for the days of a test.
    pub(crate) fn token(&self) -> String {
        self.issuer.token(AUDIENCE).expires_in(Duration::from_secs(1_000_000)).sign()
    }

    pub(crate) fn stranger(&self) -> String {
        self.issuer.token(AUDIENCE).flaw(Flaw::UnknownKey).sign()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
