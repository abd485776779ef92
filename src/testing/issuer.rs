use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use super::documents::{Documents, Requests};
use super::endpoint::Endpoint;
use super::fault::Fault;
use super::server;
use super::token::TokenBuilder;
use crate::boxed::BoxFuture;
use crate::clock::Clock;
use crate::fetch::{FetchError, FetchLimits, HttpClient};
use crate::jose::{JwkSet, SignatureAlgorithm};

/// An authorization server for tests: it has keys, signs any token or hands out opaque ones, and (if started) serves its
/// metadata, key set and introspection endpoint on loopback, counting the requests.
///
/// It starts with one ES256 key. A key for another algorithm is made, and published, when a token first needs
/// it. Clones are the same issuer.
///
/// It is an [`HttpClient`] too, which answers for itself from memory: with `with_http_client(issuer.clone())` the server
/// under test fetches metadata and keys, and introspects, without a network.
#[derive(Clone)]
pub struct Issuer {
    documents: Arc<Documents>,
}

impl Issuer {
    /// An issuer without a network: give its [`jwk_set`](Self::jwk_set) to the server under test.
    #[must_use]
    pub fn offline(url: &str) -> Self {
        Self { documents: Arc::new(Documents::new(url)) }
    }

    /// An issuer that serves its documents, and introspection, on a free port of loopback, for as long as the runtime lives.
    ///
    /// The server under test needs
    /// [`dangerous_allow_loopback_http`](crate::ResourceServerBuilder::dangerous_allow_loopback_http).
    ///
    /// # Panics
    ///
    /// If loopback has no free port.
    pub async fn start() -> Self {
        let listener = server::bind().await;
        let address = listener.local_addr().expect("a listener has an address");
        let issuer = Self::offline(&format!("http://{address}"));
        server::serve(listener, Arc::clone(&issuer.documents));
        issuer
    }

    /// The same issuer, dating its tokens and judging their time by this clock. So do its clones.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        self.documents.set_clock(clock);
        self
    }

    /// The issuer identifier.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.documents.issuer
    }

    /// Starts a token that is right in every respect, for `audience`, valid from now for five minutes:
    /// [`sign`](TokenBuilder::sign) makes an RFC 9068 access token of it, signed with ES256, and
    /// [`opaque`](TokenBuilder::opaque) a text that only introspection explains.
    pub fn token(&self, audience: &str) -> TokenBuilder {
        TokenBuilder::new(Arc::clone(&self.documents), audience, self.documents.now())
    }

    /// Signs a header and a payload as they are, whatever they are.
    #[must_use]
    pub fn sign(&self, algorithm: SignatureAlgorithm, header: &str, payload: &[u8]) -> String {
        self.documents.sign(algorithm, header, payload)
    }

    /// The `kid` of the current key for this algorithm.
    #[must_use]
    pub fn key_id(&self, algorithm: SignatureAlgorithm) -> String {
        self.documents.key(algorithm).key_id().to_owned()
    }

    /// Replaces every key by a new one, all at once: the hard rotation.
    pub fn rotate(&self) {
        self.documents.rotate();
    }

    /// First step of a rotation with notice: publishes a next key beside each key. Tokens are still signed by the
    /// present ones.
    pub fn publish_next(&self) {
        self.documents.publish_next();
    }

    /// Second step: signs by the next keys. The old ones stay published.
    ///
    /// # Panics
    ///
    /// If no next keys were published.
    pub fn activate_next(&self) {
        self.documents.activate_next();
    }

    /// Last step: no longer publishes the old keys.
    pub fn retire(&self) {
        self.documents.retire();
    }

    /// From now on, every request for metadata or keys meets this fault. Introspection does not: for that there is
    /// [`fail_introspection`](Self::fail_introspection).
    pub fn fail(&self, fault: Fault) {
        self.documents.faults.set(Some(fault));
    }

    /// From now on, requests are answered rightly again, those for introspection too.
    pub fn mend(&self) {
        self.documents.faults.set(None);
        self.documents.introspection.faults.set(None);
    }

    /// The JWK Set, as a document.
    #[must_use]
    pub fn jwks_json(&self) -> Value {
        self.documents.jwks()
    }

    /// The JWK Set as it is now, as the server's configuration takes it. A key that is made later, for a token of
    /// another algorithm, is not in it: make such a token (or ask for its [`key_id`](Self::key_id)) first.
    ///
    /// # Panics
    ///
    /// Never: the set is our own.
    #[must_use]
    pub fn jwk_set(&self) -> JwkSet {
        self.documents.jwk_set()
    }

    /// The metadata, as a document.
    #[must_use]
    pub fn metadata_json(&self) -> Value {
        self.documents.metadata()
    }

    /// How often this issuer was asked since it started.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.documents.requests()
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.documents.introspection
    }
}

impl HttpClient for Issuer {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let documents = Arc::clone(&self.documents);
        Box::pin(async move {
            let request = below(&documents.issuer, request)?;
            let answer = tokio::time::timeout(limits.timeout, server::answer(&documents, &request)).await;
            let response = answer.map_err(|_| FetchError::TimedOut)?;
            let response = response.map_err(|broken| FetchError::Failed(broken.into()))?;
            if response.body().len() > limits.max_body { Err(FetchError::TooLarge) } else { Ok(response) }
        })
    }
}

/// A request to this issuer, as one that goes to a path below it.
fn below(issuer: &str, mut request: Request<Bytes>) -> Result<Request<Bytes>, FetchError> {
    let url = request.uri().to_string();
    let path = url.strip_prefix(issuer.trim_end_matches('/')).filter(|path| path.starts_with('/'));
    let path = path.and_then(|path| path.parse().ok());
    *request.uri_mut() = path.ok_or_else(|| FetchError::Failed("another place than the issuer".into()))?;
    Ok(request)
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("url", &self.url()).finish_non_exhaustive()
    }
}
