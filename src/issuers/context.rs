use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::fetch::{HttpClient, LoopbackHttp};
use crate::jose::SignatureBackend;
use crate::jwks::{KeyTiming, LiveKeys};

/// What a server's issuers have in common.
#[derive(Clone)]
pub(crate) struct Context {
    /// The audiences of an issuer that has none of its own.
    pub(crate) audiences: Vec<String>,
    pub(crate) leeway: Duration,
    pub(crate) backend: SignatureBackend,
    /// The user's own client, for an issuer that has none.
    pub(crate) http_client: Option<Arc<dyn HttpClient>>,
    /// Where nobody has one. `None` without the feature `reqwest`.
    pub(crate) default_client: Option<Arc<dyn HttpClient>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) loopback_http: LoopbackHttp,
    pub(crate) timing: KeyTiming,
    pub(crate) live: Arc<LiveKeys>,
}
