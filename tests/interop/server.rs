//! A server in this process, whose half minutes are half seconds.

use std::time::Duration;

use http::{Request, header};
use portcullis::testing::validate;
use portcullis::{KeyTiming, ResourceServer, Validation, ValidationError};
use tokio::runtime::Runtime;

use crate::api::AUDIENCE;
use crate::token::Token;

/// An unknown key is asked for once in this time.
pub(crate) const COOLDOWN: Duration = Duration::from_millis(500);
/// Longer than keys are trusted after they were fetched.
pub(crate) const NO_LONGER_TRUSTED: Duration = Duration::from_secs(9);
const LIFETIME: Duration = Duration::from_secs(2);

pub(crate) struct Server {
    server: ResourceServer,
    runtime: Runtime,
}

impl Server {
    pub(crate) fn trusting(issuer: &str) -> Self {
        let mut timing = KeyTiming::default();
        timing.cooldown = COOLDOWN;
        (timing.shortest_lifetime, timing.lifetime, timing.longest_lifetime) = (LIFETIME, LIFETIME, LIFETIME);
        timing.stale_bound = Duration::from_secs(6);
        (timing.first_backoff, timing.longest_backoff) = (Duration::from_millis(100), COOLDOWN);
        let server = ResourceServer::builder(issuer)
            .audience(AUDIENCE)
            .key_timing(timing)
            .dangerous_allow_loopback_http()
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { server, runtime: runtime.unwrap() }
    }

    /// What is said about a token: admitted, the code of what is wrong with it, or that nobody can tell.
    pub(crate) fn judge(&self, token: &Token) -> &'static str {
        let authorization = format!("Bearer {}", token.as_str());
        let request = Request::get("/").header(header::AUTHORIZATION, authorization).body(()).unwrap();
        let result = self.runtime.block_on(async {
            match validate(&self.server, &request) {
                Validation::Ready(result) => result,
                Validation::Pending(result) => result.await,
            }
        });
        match result {
            Ok(_) => "admitted",
            Err(ValidationError::Invalid(invalid)) => invalid.kind().code(),
            Err(ValidationError::Unavailable(_)) => "unavailable",
        }
    }
}
