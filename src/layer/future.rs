use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::answer::answer;
use super::gate::{Gate, Permitted};
use crate::boxed::BoxFuture;
use crate::token::ValidatedToken;
use crate::validate::ValidationError;

pin_project! {
    /// Response future of [`Require`](super::Require).
    pub struct ResponseFuture<S, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, ReqBody, ResBody>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>>,
    {
        // The inner service was called.
        Inner { #[pin] future: S::Future },
        // It was not, and will not be.
        Refused { response: Option<Response<ResBody>> },
        // It may be, when the validator knows. Boxed, so that the usual path does not carry its size.
        Waiting { waiting: Option<Box<Waiting<S, ReqBody>>> },
        // It will be, when it is ready.
        Readying { permitted: Option<Box<(Permitted<ReqBody>, S)>> },
    }
}

struct Waiting<S, ReqBody> {
    validation: BoxFuture<'static, Result<ValidatedToken, ValidationError>>,
    request: Request<ReqBody>,
    /// Not polled ready yet.
    inner: S,
    gate: Arc<Gate>,
}

impl<S, ReqBody, ResBody> ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn inner(future: S::Future) -> Self {
        Self { state: State::Inner { future } }
    }

    pub(super) fn refused(response: Response<ResBody>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn waiting(
        validation: BoxFuture<'static, Result<ValidatedToken, ValidationError>>,
        request: Request<ReqBody>,
        inner: S,
        gate: Arc<Gate>,
    ) -> Self {
        let waiting = Waiting { validation, request, inner, gate };
        Self { state: State::Waiting { waiting: Some(Box::new(waiting)) } }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Default,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inner { future } => return future.poll(cx),
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
                    let Waiting { request, inner, gate, .. } = *waiting;
                    match gate.admit(request, gate.accept(result)) {
                        Ok(permitted) => State::Readying { permitted: Some(Box::new((permitted, inner))) },
                        Err(rejection) => {
                            State::Refused { response: Some(answer(rejection, &gate.core.realm)) }
                        }
                    }
                }
                StateProjection::Readying { permitted } => {
                    // tower-service, "Be careful when cloning inner services": a clone is not ready.
                    let Some((_, inner)) = permitted.as_deref_mut() else { return Poll::Pending };
                    ready!(inner.poll_ready(cx))?;
                    let Some(permitted) = permitted.take() else { return Poll::Pending };
                    let (permitted, mut inner) = *permitted;
                    State::Inner { future: permitted.call(&mut inner) }
                }
            };
            state.set(next);
        }
    }
}

impl<S, ReqBody, ResBody> fmt::Debug for ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
