use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::answer::Answer;
use super::events;
use super::flights::Outcome;
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
    failing: Option<Failing>,
    /// When each code was last told of.
    told: Vec<(&'static str, Duration)>,
    told_of_crowd: bool,
}

/// Failures in a row, of one code.
#[derive(Clone, Copy)]
struct Failing {
    code: &'static str,
    /// This code was told of.
    told: bool,
    /// Or another one, since it last worked.
    any_told: bool,
}

/// A failure is told of again after this long: whoever makes questions fail between others that do not is not to fill logs.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(60);

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

    /// Notes how an exchange ended. Of failures in a row, one is told, and the end of those that were: there may be
    /// thousands. And of a crowd, its beginning: it lasts as long as `anyone_waits` for a turn.
    pub(super) fn ended(&self, issuer: &str, result: &Outcome, now: Duration, anyone_waits: bool) {
        let mut inner = self.inner();
        inner.told_of_crowd &= anyone_waits;
        match result {
            Ok(answer) => {
                count(match answer {
                    Answer::Active(_) => &mut inner.counters.active,
                    Answer::Refused(_) => &mut inner.counters.refused,
                });
                inner.last_success = Some(now);
                if inner.failing.take().is_some_and(|failing| failing.any_told) {
                    drop(inner);
                    events::recovered(issuer);
                }
            }
            Err(error) => {
                count(&mut inner.counters.failed);
                let (code, message) = (error.code(), in_words(&**error));
                let tell = inner.is_to_be_told(code, now);
                inner.last_failure = Some(Failure { code, message: message.clone(), at: now });
                drop(inner);
                if tell {
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

impl Inner {
    fn is_to_be_told(&mut self, code: &'static str, now: Duration) -> bool {
        let told = self.failing.is_some_and(|failing| failing.code == code && failing.told);
        let last = self.told.iter_mut().find(|(told, _)| *told == code);
        let recent = |then: Duration| now.saturating_sub(then) < TOLD_AGAIN_AFTER;
        let tell = !told && !last.as_ref().is_some_and(|(_, then)| recent(*then));
        if tell {
            match last {
                Some((_, then)) => *then = now,
                None => self.told.push((code, now)),
            }
        }
        // What began with a failure that was told of ends with a word, whatever else failed meanwhile.
        let any_told = tell || self.failing.is_some_and(|failing| failing.any_told);
        self.failing = Some(Failing { code, told: told || tell, any_told });
        tell
    }
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
