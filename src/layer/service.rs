use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::answer::answer;
use super::core::Core;
use super::future::ResponseFuture;
use super::gate::{Authentication, Gate};
use crate::policy::Policy;

/// Layer that applies the [`Require`] middleware. Made by [`ResourceServer::require`](crate::ResourceServer::require).
#[derive(Clone)]
pub struct RequireLayer {
    gate: Arc<Gate>,
}

/// Middleware that lets a request reach the inner service only with a valid token that meets a policy.
///
/// The inner service is `Clone`, as every service behind a server is, and its response body has a `Default`, which is
/// the empty body of a refusal. Around a service whose body has none (a layer below that changes bodies, `hyper`'s
/// `Incoming`) put this layer inside the one that changes the body, or map the response.
///
/// See the [crate docs](crate#how-a-request-is-judged) for the rules and an example.
#[derive(Clone)]
pub struct Require<S> {
    inner: S,
    gate: Arc<Gate>,
}

impl RequireLayer {
    pub(super) fn new(core: Arc<Core>, policy: Box<dyn Policy>) -> Self {
        Self { gate: Arc::new(Gate { core, policy }) }
    }

    /// Wraps a service. The same as [`Layer::layer`], without having to import that trait.
    pub fn layer<S>(&self, inner: S) -> Require<S> {
        Require { inner, gate: Arc::clone(&self.gate) }
    }
}

impl<S> Layer<S> for RequireLayer {
    type Service = Require<S>;

    fn layer(&self, inner: S) -> Require<S> {
        Self::layer(self, inner)
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Require<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: Default,
{
    type Response = S::Response;
    // A refusal is a response: the error type of the inner service stays as it is.
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match self.gate.authenticate(&request) {
            Authentication::Known(principal) => match self.gate.admit(request, principal) {
                // The usual path: no clone of the inner service, no allocation for the future.
                Ok(permitted) => ResponseFuture::inner(permitted.call(&mut self.inner)),
                Err(rejection) => {
                    // What the service reserved by being ready is not used: a clone gives it back, or a refused
                    // client could hold it for as long as its connection lives.
                    self.inner = self.inner.clone();
                    ResponseFuture::refused(answer(rejection, &self.gate.core.realm))
                }
            },
            Authentication::Pending(validation) => {
                // Deliberately not `mem::replace` and a call of the ready service later: whoever waits for keys
                // would hold capacity of the service (a permit of a concurrency limit, say) that others could
                // use meanwhile. The ready one is dropped, which frees what it had reserved, and a clone is
                // polled ready when the request is permitted.
                let waiting = self.inner.clone();
                self.inner = waiting.clone();
                ResponseFuture::waiting(validation, request, waiting, Arc::clone(&self.gate))
            }
        }
    }
}

impl fmt::Debug for RequireLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireLayer").field("policy", &self.gate.policy).finish_non_exhaustive()
    }
}

impl<S: fmt::Debug> fmt::Debug for Require<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require")
            .field("inner", &self.inner)
            .field("policy", &self.gate.policy)
            .finish_non_exhaustive()
    }
}
