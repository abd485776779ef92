use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::answer::{Dialect, Refusal, answer};
use super::challenges::Challenges;
use super::core::Core;
use super::mark::Mark;
use super::rejection::{Reason, Rejection};
use super::respond::{EmptyBody, ProblemJson};
use super::style::BodyStyle;
use crate::bearer::Protection;

/// A refusal by a handler, as the layer would have made it: of an extractor that found no token, or none that fits, and of a
/// [check](crate::Access::check).
///
/// In Axum it is a response. Elsewhere [`into_http`](Self::into_http) makes one.
#[derive(Clone)]
pub struct Refused {
    rejection: Rejection,
    dialect: Dialect,
    style: BodyStyle,
    /// `None`: no layer ran.
    core: Option<Arc<Core>>,
}

impl Refused {
    #[cfg(feature = "axum")]
    pub(super) fn no_layer() -> Self {
        let (rejection, dialect) = (Reason::NoLayer.into(), Dialect::Http);
        Self { rejection, dialect, style: BodyStyle::Empty, core: None }
    }

    /// In the way of the server whose layer left this mark.
    pub(super) fn by(mark: &Mark, dialect: Dialect, reason: Reason) -> Self {
        let core = Some(Arc::clone(mark.core()));
        Self { rejection: reason.into(), dialect, style: mark.style(), core }
    }

    /// Why.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }

    /// The answer: status, challenge, body, and the [`Rejection`] in its extensions, as of the layer's own refusals; it is logged
    /// as they are. (Of a server that [`respond_with`](crate::ResourceServer::respond_with) a closure the body is empty.) Where the request was
    /// gRPC it is a Trailers-Only response.
    #[must_use]
    pub fn into_http(self) -> Response<Bytes> {
        let refusal = Refusal { rejection: self.rejection, dialect: self.dialect };
        match &self.core {
            Some(core) => styled(refusal, &core.challenges, self.style),
            None => styled(refusal, &Challenges::new(Protection::api()), self.style),
        }
    }
}

fn styled(refusal: Refusal, challenges: &Challenges, style: BodyStyle) -> Response<Bytes> {
    match style {
        BodyStyle::Empty => answer(refusal, challenges, &EmptyBody),
        BodyStyle::ProblemJson => answer(refusal, challenges, &ProblemJson),
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("rejection", &self.rejection).finish_non_exhaustive()
    }
}
