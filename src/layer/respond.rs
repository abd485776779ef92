use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::grpc;
use super::problem::problem_json;
use super::rejection::Rejection;
use super::style::{BodyStyle, Style};

/// How refusals look: [`EmptyBody`], [`ProblemJson`], or [`RespondWith`] a closure. Sealed: the closure is the way
/// to anything else.
pub trait Respond<B>: Style {
    /// Completes an answer whose status and header fields are there already.
    #[doc(hidden)]
    fn respond(&self, rejection: &Rejection, head: Response<()>) -> Response<B>;
}

/// Refusals have an empty body. The default; for every response body that is `Default`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct EmptyBody;

/// Refusals have a body of type `application/problem+json` (RFC 9457). For every response body that is `From<Bytes>`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ProblemJson;

/// Refusals are whatever a closure makes of them. For response bodies of type `B`.
pub struct RespondWith<B> {
    closure: Arc<Closure<B>>,
}

type Closure<B> = dyn Fn(&Rejection, Response<()>) -> Response<B> + Send + Sync;

impl<B> RespondWith<B> {
    pub(super) fn new(
        closure: impl Fn(&Rejection, Response<()>) -> Response<B> + Send + Sync + 'static,
    ) -> Self {
        Self { closure: Arc::new(closure) }
    }
}

impl Style for EmptyBody {
    fn style(&self) -> BodyStyle {
        BodyStyle::Empty
    }
}

impl<B: Default> Respond<B> for EmptyBody {
    fn respond(&self, _: &Rejection, head: Response<()>) -> Response<B> {
        head.map(|()| B::default())
    }
}

impl Style for ProblemJson {
    fn style(&self) -> BodyStyle {
        BodyStyle::ProblemJson
    }
}

impl<B: From<Bytes>> Respond<B> for ProblemJson {
    fn respond(&self, rejection: &Rejection, mut head: Response<()>) -> Response<B> {
        // A gRPC client reads nothing but its own frames.
        if grpc::is_trailers_only(&head) {
            return head.map(|()| Bytes::new().into());
        }
        // RFC 9457 §3.
        let media_type = HeaderValue::from_static("application/problem+json");
        head.headers_mut().insert(header::CONTENT_TYPE, media_type);
        head.map(|()| Bytes::from(problem_json(rejection)).into())
    }
}

impl<B: 'static> Style for RespondWith<B> {
    /// Extractors do not know `B`.
    fn style(&self) -> BodyStyle {
        BodyStyle::Empty
    }
}

impl<B: 'static> Respond<B> for RespondWith<B> {
    fn respond(&self, rejection: &Rejection, head: Response<()>) -> Response<B> {
        (self.closure)(rejection, head)
    }
}

impl<B> Clone for RespondWith<B> {
    fn clone(&self) -> Self {
        Self { closure: Arc::clone(&self.closure) }
    }
}

impl<B> fmt::Debug for RespondWith<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RespondWith").finish_non_exhaustive()
    }
}
