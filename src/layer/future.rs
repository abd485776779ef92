use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Request, Response, header};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::evidence::Evidence;
use super::gate::{Gate, Permitted};
use super::respond::{EmptyBody, Respond};
use crate::bearer::Carrier;
use crate::boxed::BoxFuture;
use crate::token::ValidatedToken;
use crate::validate::ValidationError;

pin_project! {
    /// Response future of [`Require`](super::Require).
    pub struct ResponseFuture<S, ReqBody, ResBody, R = EmptyBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, ReqBody, ResBody, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, ReqBody, ResBody, R>
    where
        S: Service<Request<ReqBody>>,
    {
        // The inner service was called, for a token of this carrier.
        Inner { #[pin] future: S::Future, carrier: Option<Carrier> },
        // It was not, and will not be.
        Refused { response: Option<Response<ResBody>> },
        // It may be, when the validator knows. Boxed, so that the usual path does not carry its size.
        Waiting { waiting: Option<Box<Waiting<S, ReqBody, R>>> },
        // It will be, when it is ready.
        Readying { permitted: Option<Box<(Permitted<ReqBody>, S)>> },
    }
}

pub(super) struct Waiting<S, ReqBody, R> {
    pub(super) validation: BoxFuture<'static, Result<ValidatedToken, ValidationError>>,
    pub(super) evidence: Evidence,
    pub(super) request: Request<ReqBody>,
    /// Not polled ready yet.
    pub(super) inner: S,
    pub(super) gate: Arc<Gate<R>>,
}

impl<S, ReqBody, ResBody, R> ResponseFuture<S, ReqBody, ResBody, R>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn inner(permitted: Permitted<ReqBody>, ready: &mut S) -> Self {
        Self { state: State::inner(permitted, ready) }
    }

    pub(super) fn refused(response: Response<ResBody>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn waiting(waiting: Waiting<S, ReqBody, R>) -> Self {
        Self { state: State::Waiting { waiting: Some(Box::new(waiting)) } }
    }
}

impl<S, ReqBody, ResBody, R> State<S, ReqBody, ResBody, R>
where
    S: Service<Request<ReqBody>>,
{
    fn inner(permitted: Permitted<ReqBody>, ready: &mut S) -> Self {
        let carrier = permitted.carrier;
        Self::Inner { future: permitted.call(ready), carrier }
    }
}

impl<S, ReqBody, ResBody, R> Future for ResponseFuture<S, ReqBody, ResBody, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inner { future, carrier } => {
                    let mut result = ready!(future.poll(cx));
                    if let (Ok(response), Some(Carrier::Query | Carrier::Cookie)) = (&mut result, carrier) {
                        keep_out_of_shared_caches(response);
                    }
                    return Poll::Ready(result);
                }
                StateProjection::Refused { response } => {
                    // Polled after completion: there is nothing left to say, and no panic to say it with.
                    return response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
                }
                StateProjection::Waiting { waiting } => {
                    let Some(validation) = waiting.as_mut().map(|waiting| &mut waiting.validation) else {
                        return Poll::Pending;
                    };
                    let result = ready!(validation.as_mut().poll(cx));
                    let Some(waiting) = waiting.take() else { return Poll::Pending };
                    let Waiting { request, evidence, inner, gate, .. } = *waiting;
                    match gate.admit(request, gate.accept(result, || evidence)) {
                        Ok(permitted) => State::Readying { permitted: Some(Box::new((permitted, inner))) },
                        Err(refusal) => State::Refused { response: Some(gate.answer(refusal)) },
                    }
                }
                StateProjection::Readying { permitted } => {
                    // tower-service, "Be careful when cloning inner services": a clone is not ready.
                    let Some((_, inner)) = permitted.as_deref_mut() else { return Poll::Pending };
                    ready!(inner.poll_ready(cx))?;
                    let Some(permitted) = permitted.take() else { return Poll::Pending };
                    let (permitted, mut inner) = *permitted;
                    State::inner(permitted, &mut inner)
                }
            };
            state.set(next);
        }
    }
}

/// RFC 6750 §2.3: who knows the URI knows the token, so no shared cache may keep what it leads to. Nor what a cookie
/// leads to: caches keep apart what has an `Authorization` field (RFC 9111 §3.5), and know nothing of cookies.
fn keep_out_of_shared_caches<B>(response: &mut Response<B>) {
    // Beside whatever the service said: of several directives the most restrictive holds (RFC 9111 §4.2.1).
    response.headers_mut().append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
}

impl<S, ReqBody, ResBody, R> fmt::Debug for ResponseFuture<S, ReqBody, ResBody, R>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
