use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde::Serialize;
use tower_service::Service;

use super::documented::{Documented, operations};
use crate::bearer::is_token;

/// Methods that are tried where the document has no operation for them. Not OPTIONS, which layers for CORS answer
/// themselves, on every path.
const USUAL: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Asserts that no operation of an OpenAPI document takes a request without a token, but for those that are declared open.
/// [`Probe`] says what is tried, and has settings.
///
/// `openapi` is JSON text, or what serializes to the document: a `serde_json::Value`, or an `OpenApi` of the crate `utoipa`. The
/// first type is that of the requests' bodies, which Axum's router leaves open.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use portcullis::testing::assert_no_route_is_open;
/// use portcullis::{ResourceServer, scope};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let openapi = r#"{"openapi": "3.1.0", "info": {"title": "Orders", "version": "1"}, "paths": {
///     "/health": {"get": {}},
///     "/orders": {"get": {}, "post": {}},
///     "/orders/{id}": {"get": {}}
/// }}"#;
/// let auth = ResourceServer::builder("https://id.example.com").audience("https://api.example.com").build()?;
/// let orders = Router::new()
///     .route("/orders", get(async || "orders").post(async || "made"))
///     .route("/orders/{id}", get(async || "an order"))
///     .route_layer(auth.require(scope("orders")));
/// let app = orders.route("/health", get(async || "well"));
/// assert_no_route_is_open::<Body, _>(app.clone(), openapi, &["GET /health"]).await;
///
/// // A route beside the layer, and a promise that is not kept: both are told.
/// let open = app.route("/invoices", get(async || "invoices"));
/// let openapi = openapi.replace("/orders/{id}", "/invoices");
/// let failed = tokio::spawn(assert_no_route_is_open::<Body, _>(open, openapi, &["GET /orders", "GET /health"]));
/// let panic = failed.await.unwrap_err().into_panic();
/// let message = panic.downcast_ref::<String>().unwrap();
/// assert!(message.contains("\n- GET /invoices: 200"), "{message}");
/// assert!(message.contains("\n- GET /orders: 401"), "{message}");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// With a list of all that is not so; see [`Probe`].
pub async fn assert_no_route_is_open<B: Default, R>(
    service: impl Service<Request<B>, Response = Response<R>, Error: fmt::Debug>,
    openapi: impl Serialize,
    open: &[&str],
) {
    Probe::new(openapi).open(open).assert_no_route_is_open(service).await;
}

/// Requests without a token to every operation that an OpenAPI document has.
///
/// | a request | the answer must be |
/// |---|---|
/// | to an operation, HEAD and OPTIONS included where they are documented | 401 with a challenge (`WWW-Authenticate`) |
/// | to an operation that is [declared open](Self::open) | anything else than 401 |
/// | to one of these paths by GET, HEAD, POST, PUT, PATCH or DELETE where the document does not have that | 401, 403, 404, 405 or 501 |
///
/// Parameters of a path get the example, default or first value that the document has, or one of their type. Everything else
/// (queries, fields, bodies) is left out: who asks for a token first does not look at it.
///
/// What is *not* checked: routes that the document does not have, and what a valid token may do. gRPC is not covered: its refusals
/// are no 401, and its methods are in no such document. Nor are webhooks and callbacks, which others serve. An open route *runs* for
/// such a request, so try a service whose data may be lost.
#[derive(Debug)]
#[must_use]
pub struct Probe {
    operations: Vec<Documented>,
    open: Vec<String>,
    only_documented: bool,
    prefix: String,
}

impl Probe {
    /// Reads a document, OpenAPI 3: JSON text, or what serializes to it.
    ///
    /// # Panics
    ///
    /// If it cannot be read to its last operation, or has none.
    #[track_caller]
    pub fn new(openapi: impl Serialize) -> Self {
        let operations = operations(openapi);
        Self { operations, open: Vec::new(), only_documented: false, prefix: String::new() }
    }

    /// Operations that take requests without a token, as the document writes them: `GET /health`.
    pub fn open(mut self, operations: &[&str]) -> Self {
        self.open.extend(operations.iter().map(|&operation| operation.to_owned()));
        self
    }

    /// Leaves out the methods that the document does not have.
    pub fn only_documented_methods(mut self) -> Self {
        self.only_documented = true;
        self
    }

    /// What the paths of the service begin with, where those of the document do not: `/v1`. Default: nothing. The `servers`
    /// of the document are not looked at.
    pub fn below(mut self, prefix: &str) -> Self {
        self.prefix = prefix.trim_end_matches('/').to_owned();
        self
    }

    /// Sends them, one after the other.
    ///
    /// # Panics
    ///
    /// With a list of every answer that is not as it must be, and of everything declared open that is no operation.
    #[expect(clippy::panic, reason = "an assertion")]
    pub async fn assert_no_route_is_open<B: Default, R>(
        self,
        mut service: impl Service<Request<B>, Response = Response<R>, Error: fmt::Debug>,
    ) {
        let mut offenders = Vec::new();
        for open in &self.open {
            if !self.operations.iter().any(|own| *open == format!("{} {}", own.method, own.path)) {
                offenders.push(format!("{open}: declared open, and no operation of the document"));
            }
        }
        let tried = self.requests();
        for request in &tried {
            let answer = match send(&mut service, &request.method, &request.sent).await {
                Ok(answer) => answer,
                Err(failure) => {
                    offenders.push(format!("{request}: {failure}"));
                    continue;
                }
            };
            if let Some(wish) = request.wish.unmet(answer) {
                let Answer { status, is_challenge } = answer;
                let lack = if status == StatusCode::UNAUTHORIZED && !is_challenge {
                    " without a challenge"
                } else {
                    ""
                };
                offenders.push(format!("{request}: {}{lack}, and not {wish}", status.as_u16()));
            }
        }
        if !offenders.is_empty() {
            let (wrong, all) = (offenders.len(), tried.len());
            panic!("{wrong} wrong after {all} requests without a token:\n- {}", offenders.join("\n- "));
        }
    }

    fn requests(&self) -> Vec<Try> {
        let is_open = |method: &Method, path: &str| self.open.contains(&format!("{method} {path}"));
        let (mut tries, mut paths) = (Vec::new(), BTreeMap::<&str, (&str, Vec<&Method>)>::new());
        for own in &self.operations {
            let wish = if is_open(&own.method, &own.path) { Wish::Open } else { Wish::Refused };
            tries.push(self.one(&own.method, &own.path, &own.sent, wish));
            paths.entry(&own.path).or_insert((&own.sent, Vec::new())).1.push(&own.method);
        }
        for (path, (sent, documented)) in paths {
            // RFC 9110 §9.3.2: where GET is open, so is HEAD.
            let is_meant = |method: &&Method| {
                let as_get = **method == Method::HEAD && is_open(&Method::GET, path);
                !self.only_documented && !documented.contains(method) && !as_get
            };
            let others = USUAL.iter().filter(is_meant);
            tries.extend(others.map(|method| self.one(method, path, sent, Wish::NotServed)));
        }
        tries
    }

    fn one(&self, method: &Method, path: &str, sent: &str, wish: Wish) -> Try {
        let sent = format!("{}{sent}", self.prefix);
        Try { method: method.clone(), path: path.to_owned(), sent, wish }
    }
}

/// One request.
struct Try {
    method: Method,
    path: String,
    sent: String,
    wish: Wish,
}

#[derive(Clone, Copy)]
enum Wish {
    Refused,
    Open,
    /// Refused, or not there.
    NotServed,
}

#[derive(Clone, Copy)]
struct Answer {
    status: StatusCode,
    is_challenge: bool,
}

impl Wish {
    /// What was wished for, if this is not it.
    fn unmet(self, answer: Answer) -> Option<&'static str> {
        let status = answer.status.as_u16();
        let (met, wish) = match self {
            Self::Refused => (status == 401 && answer.is_challenge, "401 with a challenge"),
            Self::Open => (status != 401, "open, as declared"),
            Self::NotServed => {
                (matches!(status, 401 | 403 | 404 | 405 | 501), "refused: the document does not have it")
            }
        };
        (!met).then_some(wish)
    }
}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if self.sent == self.path { Ok(()) } else { write!(f, " (sent to {})", self.sent) }
    }
}

async fn send<B: Default, R>(
    service: &mut impl Service<Request<B>, Response = Response<R>, Error: fmt::Debug>,
    method: &Method,
    target: &str,
) -> Result<Answer, String> {
    let request = Request::builder().method(method).uri(target).body(B::default());
    let request = request.map_err(|error| format!("it cannot be sent: {error}"))?;
    let failed = "the service failed";
    poll_fn(|context| service.poll_ready(context)).await.map_err(|error| format!("{failed}: {error:?}"))?;
    let response = service.call(request).await.map_err(|error| format!("{failed}: {error:?}"))?;
    Ok(Answer { status: response.status(), is_challenge: has_challenge(response.headers()) })
}

/// RFC 9110 §11.6.1: a challenge begins with the name of a scheme.
fn has_challenge(headers: &HeaderMap) -> bool {
    headers.get_all(WWW_AUTHENTICATE).iter().any(|line| {
        let scheme = line.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(is_token)
    })
}
