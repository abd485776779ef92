use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::boxed::{BoxError, BoxFuture};

/// Sends HTTP requests to the authorization server.
///
/// The default is reqwest with rustls; it needs a tokio runtime with I/O and time enabled, and honours the
/// system's proxies (not for plain http, which stays on this machine). Replace it to go through your own client
/// or service mesh. The contract:
///
/// - **The request is sent as it is**: its method, its header fields and, where it is a POST, its body, which may
///   hold a token and goes nowhere else.
/// - **Limits hold while streaming.** The answer is refused as soon as its body exceeds
///   [`FetchLimits::max_body`], and the whole exchange as soon as it takes longer than [`FetchLimits::timeout`].
/// - **No redirect is followed.** A `3xx` is an answer like any other; following it would let whoever controls
///   one response choose where keys come from.
/// - **Certificates are validated** for the host of the request.
/// - **Header fields come through**, both ways: `ETag` and `If-None-Match` save fetching keys that have not changed, and
///   `Cache-Control` says how long they are fresh. A client with a cache of its own may answer from it, with `Age`.
/// - **It ends.** An exchange that outlives its limit is given up when the keys are next asked for, not before.
/// - `send` does not block; every failure is in the future's answer.
///
/// `testing::assert_http_client_contract` tries a client against most of this.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use portcullis::testing::{Issuer, validate};
/// use portcullis::{BoxFuture, FetchError, FetchLimits, HttpClient, ResourceServer, TrustedIssuer, Validation};
///
/// /// Knows the issuer by another name inside the cluster.
/// #[derive(Debug)]
/// struct Inside<C>(C);
///
/// impl<C: HttpClient> HttpClient for Inside<C> {
///     fn send(
///         &self,
///         mut request: Request<Bytes>,
///         limits: FetchLimits,
///     ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
///         let inside = request.uri().to_string().replace("https://id.example.com", "https://id.internal");
///         match inside.parse() {
///             Ok(uri) => *request.uri_mut() = uri,
///             Err(_) => return Box::pin(async { Err(FetchError::Failed("no such place".into())) }),
///         }
///         self.0.send(request, limits)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let inside = Issuer::offline("https://id.internal");
/// let auth = ResourceServer::builder(TrustedIssuer::new("https://id.example.com").jwks_uri("https://id.example.com/jwks"))
///     .audience("https://api.example.com")
///     .with_http_client(Inside(inside.clone()))
///     .build()?;
/// let request = |token| http::Request::get("/").header("authorization", format!("Bearer {token}")).body(());
/// let token = inside.token("https://api.example.com").claim("iss", "https://id.example.com");
///
/// let Validation::Pending(admitted) = validate(&auth, &request(token.clone().sign())?) else { panic!("keys are fetched") };
/// assert!(admitted.await.is_ok());
/// let Validation::Ready(refused) = validate(&auth, &request(token.without("exp").sign())?) else { panic!("keys are there") };
/// assert!(refused.is_err());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait HttpClient: fmt::Debug + Send + Sync + 'static {
    /// Sends one request and reads the whole answer.
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>>;
}

/// What one exchange may cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FetchLimits {
    /// The largest body of an answer, in bytes. Default: 256 KiB.
    pub max_body: usize,
    /// The longest time for the whole exchange, the body included. Default: 5 s.
    pub timeout: Duration,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { max_body: 256 * 1024, timeout: Duration::from_secs(5) }
    }
}

/// A fetch that gave no usable answer. It is always the server's or the network's fault, never the caller's token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The exchange took longer than [`FetchLimits::timeout`].
    #[error("the request timed out")]
    TimedOut,
    /// The body is larger than [`FetchLimits::max_body`].
    #[error("the answer is too large")]
    TooLarge,
    /// The status is not 200, or 304 where a key set was asked for with `If-None-Match`. Redirects end here.
    #[error("the answer has status {0}")]
    Status(StatusCode),
    /// The connection, TLS, or the client itself failed.
    #[error("the request failed")]
    Failed(#[source] BoxError),
}

impl FetchError {
    /// A stable name, for events and statuses.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::TooLarge => "too_large",
            Self::Status(_) => "bad_status",
            Self::Failed(_) => "request_failed",
        }
    }
}
