//! A question of a handler, and no answer.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::boxed::BoxError;
use crate::policy::Asked;
use crate::token::ValidatedToken;

/// One answer, as long as it may take. Whoever drops this drops the question.
pub(super) async fn ask<T: ?Sized>(
    asked: &Asked<'_, T>,
    resource: &T,
    token: &ValidatedToken,
) -> Result<bool, Unanswered> {
    let (what, limit) = (asked.sentence(), asked.question.limit());
    // Without a runtime there is no timer, and nobody waits without an end.
    Handle::try_current().map_err(|error| Unanswered::failed(what, error.into()))?;
    match timeout(limit, asked.question.ask(resource, token)).await {
        Ok(answer) => answer.map_err(|error| Unanswered::failed(what, error)),
        Err(_) => Err(Unanswered::failed(what, TimedOut(limit).into())),
    }
}

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

    fn failed(what: &str, source: BoxError) -> Self {
        Self { what: what.to_owned(), source }
    }
}
