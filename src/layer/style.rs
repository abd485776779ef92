/// What extractors, which know no body type but Axum's, can follow of how a server answers. In a private module, so
/// that it also seals [`Respond`](super::Respond).
#[expect(unnameable_types, reason = "sealed: nobody else implements it")]
pub trait Style: Clone + Send + Sync + 'static {
    #[doc(hidden)]
    fn style(&self) -> BodyStyle;
}

/// The bodies that need nothing but the rejection.
#[expect(unnameable_types, reason = "part of the sealed trait")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BodyStyle {
    Empty,
    ProblemJson,
}
