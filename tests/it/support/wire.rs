//! A real server on loopback, and a client that writes octets.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderName, HeaderValue, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use portcullis::testing::Issuer;
use portcullis::{Rejection, RequireLayer, ResourceServer, TrustedIssuer, ValidatedToken, authenticated};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tower::Service;
use tower::util::{MapResponse, MapResponseLayer};

use super::{AUDIENCE, Challenge, ISSUER};

/// Where the typed reason of a refusal stands in the answers of these servers.
const CODE: HeaderName = HeaderName::from_static("x-code");

/// No answer takes longer; who waits for one in vain fails here.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How the server is put together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stack {
    /// `axum::serve` with a router.
    Axum,
    /// hyper's own connections, without axum.
    Hyper,
}

/// An API behind `auth.require(authenticated())`, served over HTTP/1.1 and HTTP/2 until the test ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) issuer: Issuer,
    calls: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(stack: Stack) -> Self {
        let issuer = Issuer::offline(ISSUER);
        let server =
            ResourceServer::builder(TrustedIssuer::new(ISSUER).jwk_set(issuer.jwk_set())).audience(AUDIENCE);
        Self::with(stack, server.build().unwrap().require(authenticated()), issuer).await
    }

    pub(crate) async fn with(stack: Stack, layer: RequireLayer, issuer: Issuer) -> Self {
        let calls = Arc::<AtomicUsize>::default();
        let inner = Inner(Arc::clone(&calls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = match stack {
            Stack::Axum => {
                let app = axum::Router::new().fallback_service(inner).layer(layer);
                let app = app.layer(MapResponseLayer::new(with_code));
                tokio::spawn(async move { axum::serve(listener, app).await.unwrap() })
            }
            Stack::Hyper => {
                let service =
                    TowerToHyperService::new(MapResponse::new(layer.layer(inner), with_code::<String>));
                tokio::spawn(async move {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        let service = service.clone();
                        tokio::spawn(async move {
                            let server = auto::Builder::new(TokioExecutor::new());
                            // A client that hangs up is no event here.
                            let _ = server.serve_connection(TokioIo::new(stream), service).await;
                        });
                    }
                })
            }
        };
        Self { address, issuer, calls, task }
    }

    /// How often the inner service was called so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// A token that is right in every respect.
    pub(crate) fn token(&self) -> String {
        self.issuer.token(AUDIENCE).sign()
    }

    /// The octets of a GET with this `Authorization` value.
    pub(crate) fn get(value: impl AsRef<[u8]>) -> Vec<u8> {
        [b"GET / HTTP/1.1\r\nHost: api\r\nAuthorization: ", value.as_ref(), b"\r\n\r\n"].concat()
    }

    pub(crate) async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { stream, buffer: BytesMut::new() }
    }

    /// The server runs on, and a new client with a valid token is served.
    pub(crate) async fn assert_alive(&self) {
        self.assert_alive_with(&format!("Bearer {}", self.token())).await;
    }

    /// The same with a credential of the test's own.
    pub(crate) async fn assert_alive_with(&self, credential: &str) {
        self.serves(&mut self.connect().await, credential).await;
        assert!(!self.task.is_finished(), "the server goes on");
    }

    /// This connection is still good for a valid request, which reaches the inner service once.
    pub(crate) async fn assert_serves(&self, connection: &mut Connection) {
        self.serves(connection, &format!("Bearer {}", self.token())).await;
    }

    async fn serves(&self, connection: &mut Connection, credential: &str) {
        let before = self.calls();
        connection.send(Self::get(credential)).await;
        connection.answer().await.expect("an answer").assert_admitted();
        assert_eq!(self.calls(), before + 1);
    }

    /// Sends these octets on a connection of their own; the inner service must not see them. What the layer
    /// refuses leaves the connection as good as it was; what the HTTP stack refuses may end it.
    pub(crate) async fn refuses(&self, octets: impl AsRef<[u8]>, expected: Expected) {
        let (mut connection, before) = (self.connect().await, self.calls());
        connection.send(octets).await;
        let answer = connection.answer().await.expect("an answer");
        answer.assert_is(expected);
        assert_eq!(self.calls(), before, "a refused request does not reach the inner service");
        if let Expected::Stack(_) = expected {
            assert!(connection.answer().await.is_none(), "one answer, and the connection is closed");
            self.assert_alive().await;
        } else {
            self.assert_serves(&mut connection).await;
            assert!(!self.task.is_finished(), "the server goes on");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is to come back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// 401 without an error code.
    Missing,
    /// 400 `invalid_request`, for this reason.
    Malformed(&'static str),
    /// 401 `invalid_token`, for this reason.
    Invalid(&'static str),
    /// 403 `insufficient_scope`, where no scope would cure it.
    Denied,
    /// The HTTP stack refuses, with this status, before the layer sees a request.
    Stack(u16),
}

/// The inner service: counts its calls, and says whom it serves and how many `X-Admin` lines it saw.
#[derive(Clone)]
struct Inner(Arc<AtomicUsize>);

impl<B> Service<Request<B>> for Inner {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.fetch_add(1, Ordering::SeqCst);
        let token = ValidatedToken::of(request.extensions()).expect("admitted requests carry their token");
        let mut response = Response::new(token.subject().unwrap_or("nobody").to_owned());
        let seen = request.headers().get_all("x-admin").iter().count();
        response.headers_mut().insert("x-seen", seen.into());
        std::future::ready(Ok(response))
    }
}

fn with_code<B>(mut response: Response<B>) -> Response<B> {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        let code = HeaderValue::from_static(rejection.code());
        response.headers_mut().insert(CODE, code);
    }
    response
}

/// One HTTP/1.1 connection, as octets.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

/// What came over the wire.
#[derive(Debug)]
pub(crate) struct WireAnswer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// Writes as much as the server takes.
    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        let written = tokio::time::timeout(PATIENCE, self.stream.write_all(octets.as_ref())).await;
        // It may have refused and closed before the end: its answer tells.
        let _ = written.expect("the server reads on or closes");
    }

    /// Says that nothing more will come.
    pub(crate) async fn end(&mut self) {
        // The server may have closed before.
        let _ = self.stream.shutdown().await;
    }

    /// The next answer; `None` if the connection ends instead.
    pub(crate) async fn answer(&mut self) -> Option<WireAnswer> {
        self.read(true).await
    }

    /// The answer to a HEAD request, which has no content (RFC 9110 §9.3.2).
    pub(crate) async fn answer_to_head(&mut self) -> Option<WireAnswer> {
        self.read(false).await
    }

    async fn read(&mut self, has_body: bool) -> Option<WireAnswer> {
        let head_ends = loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None if self.more().await => {}
                None => {
                    assert!(self.buffer.is_empty(), "half an answer: {:?}", self.buffer);
                    return None;
                }
            }
        };
        let head = self.buffer.split_to(head_ends);
        let head = String::from_utf8(head.to_vec()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let field = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let mut answer = WireAnswer { status, fields: lines.map(field).collect(), body: Vec::new() };
        if has_body && status >= 200 {
            assert!(answer.field("transfer-encoding").is_none(), "{answer:?}");
            let length: usize = answer.field("content-length").map_or(0, |length| length.parse().unwrap());
            while self.buffer.len() < length {
                assert!(self.more().await, "half a body");
            }
            answer.body = self.buffer.split_to(length).to_vec();
        }
        Some(answer)
    }

    async fn more(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
        // A reset is an end, too: the server closed while we were still writing.
        read.expect("an answer in time").is_ok_and(|count| count > 0)
    }
}

impl WireAnswer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(own, _)| own == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} stands twice in {self:?}");
        value
    }

    #[track_caller]
    pub(crate) fn assert_admitted(&self) {
        assert_eq!((self.status, &*self.body), (200, &b"alice"[..]), "{self:?}");
        assert!(self.field("www-authenticate").is_none() && self.field(CODE.as_str()).is_none());
    }

    #[track_caller]
    pub(crate) fn assert_is(&self, expected: Expected) {
        let (status, error, code) = match expected {
            Expected::Missing => (401, None, Some("missing_credential")),
            Expected::Malformed(code) => (400, Some("invalid_request"), Some(code)),
            Expected::Invalid(code) => (401, Some("invalid_token"), Some(code)),
            Expected::Denied => (403, Some("insufficient_scope"), Some("denied")),
            Expected::Stack(status) => (status, None, None),
        };
        assert_eq!((self.status, self.field(CODE.as_str())), (status, code), "{self:?}");
        assert_eq!(self.body, b"", "a refusal has no body");
        if code.is_none() {
            assert!(self.field("www-authenticate").is_none(), "{self:?}");
            return;
        }
        assert_eq!(self.field("cache-control"), Some("no-store"));
        let challenges = Challenge::list(self.field("www-authenticate").unwrap()).expect("a challenge");
        let [challenge] = &*challenges else { panic!("one challenge: {challenges:?}") };
        assert_eq!((&*challenge.scheme, challenge.parameter("realm")), ("Bearer", Some("api")));
        assert_eq!((challenge.parameter("error"), challenge.parameter("scope")), (error, None));
        assert_eq!(challenge.parameter("error_description").is_some(), error.is_some());
        assert_eq!(challenge.parameters.len(), if error.is_some() { 3 } else { 1 }, "{challenge:?}");
    }
}
