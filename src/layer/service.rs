use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::core::Core;
use super::future::{ResponseFuture, Waiting};
use super::gate::{Authentication, Gate};
use super::respond::{EmptyBody, Respond};
use crate::policy::Policy;

/// Layer that applies the [`Require`] middleware. Made by [`ResourceServer::require`](crate::ResourceServer::require).
pub struct RequireLayer<R = EmptyBody> {
    gate: Arc<Gate<R>>,
}

/// Middleware that lets a request reach the inner service only with a valid token that meets a policy.
///
/// The inner service is `Clone`, as every service behind a server is. Its response body has a `Default`, which is the
/// empty body of a refusal, unless the server was told to answer otherwise: `From<Bytes>` is enough for
/// [`problem_json`](crate::ResourceServer::problem_json), and a closure
/// ([`respond_with`](crate::ResourceServer::respond_with)) makes any body. See
/// [the crate docs](crate#bodies-without-a-default) for services whose body has neither.
///
/// See the [crate docs](crate#how-a-request-is-judged) for the rules and an example.
pub struct Require<S, R = EmptyBody> {
    inner: S,
    gate: Arc<Gate<R>>,
}

impl<R> RequireLayer<R> {
    pub(super) fn new(core: Arc<Core>, policy: Box<dyn Policy>, respond: R) -> Self {
        Self { gate: Arc::new(Gate { core, policy, respond }) }
    }

    /// Wraps a service. The same as [`Layer::layer`], without having to import that trait.
    pub fn layer<S>(&self, inner: S) -> Require<S, R> {
        Require { inner, gate: Arc::clone(&self.gate) }
    }
}

impl<S, R> Layer<S> for RequireLayer<R> {
    type Service = Require<S, R>;

    fn layer(&self, inner: S) -> Require<S, R> {
        Self::layer(self, inner)
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Require<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: Respond<ResBody>,
{
    type Response = S::Response;
    // A refusal is a response: the error type of the inner service stays as it is.
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody, ResBody, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match self.gate.authenticate(&request) {
            Authentication::Known(principal) => match self.gate.admit(request, principal) {
                // The usual path: no clone of the inner service, no allocation for the future.
                Ok(permitted) => ResponseFuture::inner(permitted, &mut self.inner),
                Err(refusal) => {
                    // What the service reserved by being ready is not used: a clone gives it back, or a refused
                    // client could hold it for as long as its connection lives.
                    self.inner = self.inner.clone();
                    ResponseFuture::refused(self.gate.answer(refusal))
                }
            },
            Authentication::Pending(validation, evidence) => {
                // Deliberately not `mem::replace` and a call of the ready service later: whoever waits for keys
                // would hold capacity of the service (a permit of a concurrency limit, say) that others could
                // use meanwhile. The ready one is dropped, which frees what it had reserved, and a clone is
                // polled ready when the request is permitted.
                let inner = self.inner.clone();
                self.inner = inner.clone();
                let gate = Arc::clone(&self.gate);
                ResponseFuture::waiting(Waiting { validation, evidence, request, inner, gate })
            }
        }
    }
}

impl<R> Clone for RequireLayer<R> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate) }
    }
}

impl<S: Clone, R> Clone for Require<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: Arc::clone(&self.gate) }
    }
}

impl<R> fmt::Debug for RequireLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireLayer").field("policy", &self.gate.policy).finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, R> fmt::Debug for Require<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require")
            .field("inner", &self.inner)
            .field("policy", &self.gate.policy)
            .finish_non_exhaustive()
    }
}
