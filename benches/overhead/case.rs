//! What a case is, and the requests and services of which cases are made.

use std::convert::Infallible;
use std::rc::Rc;

use axum::body::Body;
use axum::{Router, routing::get};
use futures_util::FutureExt as _;
use http::{Request, Response};
use tower::{Service, ServiceExt as _};

/// Cases that are compared with each other. The first is the unit of the table.
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) cases: Vec<Case>,
}

/// One thing to measure.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The case whose cost is taken off this one's.
    pub(crate) base: Option<String>,
    /// Runs once and says whether it did what it should.
    pub(crate) run: Box<dyn FnMut() -> bool>,
}

impl Case {
    pub(crate) fn new(name: impl Into<String>, run: impl FnMut() -> bool + 'static) -> Self {
        Self { name: name.into(), base: None, run: Box::new(run) }
    }

    /// A request that the service answers with this status.
    pub(crate) fn answered<S, R>(
        name: impl Into<String>,
        token: Option<&str>,
        service: S,
        expected: u16,
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>, Error = Infallible> + Clone + 'static,
    {
        let token = token.map(str::to_owned);
        Self::new(name, move || status(&mut service.clone(), request(token.as_deref())) == expected)
    }

    /// The same, with one token after the other.
    pub(crate) fn answered_in_turn<S, R>(
        name: impl Into<String>,
        tokens: &Rc<[String]>,
        service: S,
        expected: u16,
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>, Error = Infallible> + Clone + 'static,
    {
        let (tokens, mut turn) = (Rc::clone(tokens), 0);
        Self::new(name, move || {
            turn = (turn + 1) % tokens.len();
            status(&mut service.clone(), request(Some(&tokens[turn]))) == expected
        })
    }

    pub(crate) fn over(mut self, base: impl Into<String>) -> Self {
        self.base = Some(base.into());
        self
    }
}

/// The route that is protected, without protection.
pub(crate) fn router() -> Router {
    Router::new().route("/orders", get(async || "orders"))
}

pub(crate) fn request(token: Option<&str>) -> Request<Body> {
    let mut request = Request::get("/orders");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Body::empty()).unwrap()
}

/// Drives a service to its answer, which every one of these has at once.
pub(crate) fn status<S, R>(service: &mut S, request: Request<Body>) -> u16
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible>,
{
    let ready = service.ready().now_or_never().unwrap().unwrap();
    ready.call(request).now_or_never().unwrap().unwrap().status().as_u16()
}
