use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::private_key::{Signer, unreadable};
use crate::clock::Clock;
use crate::error::ConfigProblem;
use crate::jose::unique_id;

/// How long an assertion is valid: long enough for one request, and for clocks that differ a little.
const LIFETIME: Duration = Duration::from_secs(60);

/// Makes assertions of who this client is (RFC 7523 §2.2, OpenID Connect Core §9), a new one for each request.
pub(super) struct Assertion {
    pub(super) client_id: Box<str>,
    /// The server that they are for. One name: what is good for two servers, one of them can use at the other.
    pub(super) audience: Box<str>,
    pub(super) signer: Signer,
    pub(super) clock: Arc<dyn Clock>,
}

/// RFC 7523 §3.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: u64,
    exp: u64,
}

impl Assertion {
    pub(super) async fn make(&self) -> Result<String, ConfigProblem> {
        let key = self.signer.key.read().await?;
        let now = self.clock.unix_time();
        let signed = unique_id().and_then(|jti| {
            let claims = Claims {
                iss: &self.client_id,
                sub: &self.client_id,
                aud: &self.audience,
                jti: &jti,
                iat: now.as_secs(),
                exp: now.saturating_add(LIFETIME).as_secs(),
            };
            key.sign_jwt(self.signer.key_id.as_deref(), &claims)
        });
        signed.ok_or_else(|| unreadable("does not sign: the system has no random numbers".to_owned()))
    }
}
