use std::time::Duration;

use super::failure::Failure;
use super::schedule::Schedule;
use super::status::{KeyCounters, KeyError, KeyState, KeyStatus};

/// What happened so far, for those who ask.
#[derive(Debug, Default)]
pub(super) struct Record {
    counters: KeyCounters,
    last_success: Option<Duration>,
    last_failure: Option<(Duration, Failure)>,
    /// Whether it was told that too many wait for the fetch under way.
    told_of_crowd: bool,
    /// Whether it was told that the keys in memory are no longer trusted.
    told_of_expiry: bool,
}

impl Record {
    pub(super) fn begun(&mut self) {
        count(&mut self.counters.fetches);
        self.told_of_crowd = false;
    }

    /// A fetch brought a key set.
    pub(super) fn succeeded(&mut self, now: Duration) {
        count(&mut self.counters.succeeded);
        self.renewed(now);
    }

    /// A fetch brought word that the key set in memory is still the right one.
    pub(super) fn not_modified(&mut self, now: Duration) {
        count(&mut self.counters.not_modified);
        self.renewed(now);
    }

    fn renewed(&mut self, now: Duration) {
        self.last_success = Some(now);
        self.told_of_expiry = false;
    }

    pub(super) fn failed(&mut self, now: Duration, failure: Failure) {
        count(&mut self.counters.failed);
        self.last_failure = Some((now, failure));
    }

    pub(super) fn unknown_key(&mut self) {
        count(&mut self.counters.unknown_keys);
    }

    /// Whether this is the first who may not wait for the fetch under way.
    pub(super) fn too_many_waiting(&mut self) -> bool {
        count(&mut self.counters.too_many_waiting);
        !std::mem::replace(&mut self.told_of_crowd, true)
    }

    pub(super) fn evicted(&mut self) {
        count(&mut self.counters.evicted);
    }

    /// Whether keys are found expired for the first time.
    pub(super) fn finds_expired(&mut self, schedule: &Schedule, now: Duration) -> bool {
        let expired = matches!(schedule.state(now), KeyState::Expired { .. });
        expired && !std::mem::replace(&mut self.told_of_expiry, true)
    }

    pub(super) fn last_error(&self, now: Duration) -> Option<KeyError> {
        self.last_failure.as_ref().map(|(then, failure)| KeyError {
            code: failure.code,
            message: failure.message.as_ref().into(),
            ago: now.saturating_sub(*then),
        })
    }

    /// Everything but the keys themselves.
    pub(super) fn status(&self, schedule: &Schedule, now: Duration) -> KeyStatus {
        KeyStatus {
            state: schedule.state(now),
            fetching: schedule.is_under_way(),
            cooldown: schedule.pause(now),
            retry_in: schedule.retry_in(now),
            keys: Vec::new(),
            last_success: self.last_success.map(|then| now.saturating_sub(then)),
            last_error: self.last_error(now),
            counters: self.counters,
        }
    }
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::KeyTiming;

    #[test]
    fn a_set_that_did_not_change_is_counted_apart_and_is_a_success() {
        let (mut record, schedule) = (Record::default(), Schedule::new(KeyTiming::default()));
        record.begun();
        record.not_modified(Duration::from_secs(5));
        let status = record.status(&schedule, Duration::from_secs(7));
        assert_eq!(
            (status.counters.fetches, status.counters.succeeded, status.counters.not_modified),
            (1, 0, 1)
        );
        assert_eq!(status.last_success, Some(Duration::from_secs(2)));
    }
}
