use std::time::Duration;

use crate::boxed::BoxError;

/// A question that has no answer: whether the request may be let in cannot be told now.
#[derive(Debug, thiserror::Error)]
#[error("cannot be told now: {what}")]
pub(super) struct Unanswered {
    what: String,
    source: BoxError,
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct TimedOut(Duration);

impl Unanswered {
    /// Who was asked knows of no better time, and neither do we.
    pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

    pub(super) fn failed(what: &str, source: BoxError) -> Self {
        Self { what: what.to_owned(), source }
    }

    pub(super) fn timed_out(what: &str, limit: Duration) -> Self {
        Self::failed(what, TimedOut(limit).into())
    }
}
