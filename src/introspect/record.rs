use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::answer::Answer;
use super::error::IntrospectionError;
use super::events;
use super::status::{IntrospectionCounters, IntrospectionFailure};
use crate::fetch::in_words;

/// What happened so far, for those who ask.
#[derive(Default)]
pub(super) struct Record {
    /// Counted on every hit, so without the lock.
    from_memory: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    counters: IntrospectionCounters,
    last_success: Option<Duration>,
    last_failure: Option<Failure>,
    /// The code of the failures that were told of and have not ended.
    failing: Option<&'static str>,
    told_of_crowd: bool,
}

#[derive(Clone)]
struct Failure {
    code: &'static str,
    message: String,
    at: Duration,
}

impl Record {
    pub(super) fn answered_from_memory(&self) {
        self.from_memory.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn begun(&self) {
        count(&mut self.inner().counters.exchanges);
    }

    pub(super) fn joined(&self) {
        count(&mut self.inner().counters.joined);
    }

    pub(super) fn too_many_waiting(&self, issuer: &str) {
        let mut inner = self.inner();
        count(&mut inner.counters.too_many_waiting);
        let first = !std::mem::replace(&mut inner.told_of_crowd, true);
        drop(inner);
        if first {
            events::too_many_waiting(issuer);
        }
    }

    /// Notes how an exchange ended. Of failures, the first of its kind in a row is told: there may be thousands. And of a
    /// crowd, its beginning: it lasts as long as `anyone_waits` for a turn.
    pub(super) fn ended(
        &self,
        issuer: &str,
        result: &Result<Answer, std::sync::Arc<IntrospectionError>>,
        now: Duration,
        anyone_waits: bool,
    ) {
        let mut inner = self.inner();
        inner.told_of_crowd &= anyone_waits;
        match result {
            Ok(answer) => {
                count(match answer {
                    Answer::Active(_) => &mut inner.counters.active,
                    Answer::Refused(_) => &mut inner.counters.refused,
                });
                inner.last_success = Some(now);
                if inner.failing.take().is_some() {
                    drop(inner);
                    events::recovered(issuer);
                }
            }
            Err(error) => {
                count(&mut inner.counters.failed);
                let (code, message) = (error.code(), in_words(&**error));
                let new = inner.failing.replace(code) != Some(code);
                inner.last_failure = Some(Failure { code, message: message.clone(), at: now });
                drop(inner);
                if new {
                    events::failed(issuer, code, &message, error.is_ours());
                }
            }
        }
    }

    pub(super) fn counters(&self) -> IntrospectionCounters {
        let from_memory = self.from_memory.load(Ordering::Relaxed);
        IntrospectionCounters { from_memory, ..self.inner().counters }
    }

    /// How long ago the endpoint last answered, and the last failure.
    pub(super) fn last(&self, now: Duration) -> (Option<Duration>, Option<IntrospectionFailure>) {
        let inner = self.inner();
        let failure = inner.last_failure.clone().map(|failure| IntrospectionFailure {
            code: failure.code,
            message: failure.message,
            ago: now.saturating_sub(failure.at),
        });
        (inner.last_success.map(|then| now.saturating_sub(then)), failure)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
