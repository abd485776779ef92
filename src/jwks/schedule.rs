//! When to fetch, when to wait, when to answer: a pure state machine on monotonic time.

use std::time::Duration;

use super::timing::KeyTiming;

/// What happened so far, and what follows from it at any instant.
#[derive(Debug)]
pub(super) struct Schedule {
    timing: KeyTiming,
    loaded: Option<Loaded>,
    last_attempt: Option<Attempt>,
    /// Failed attempts since the last success.
    failures: u32,
}

/// Until when the keys in memory are what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loaded {
    /// From here on they are refreshed in the background.
    pub(super) refresh_from: Duration,
    /// From here on they are not trusted any more.
    pub(super) trusted_until: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    started: Duration,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    UnderWay,
    Succeeded,
    Failed,
}

/// What to do for a token whose key is *not* in memory, or is there but no longer trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Advice {
    /// Begin a fetch and wait for it.
    Fetch,
    /// Wait for the fetch under way.
    Join,
    /// The issuer was asked recently and has no such key.
    Unknown,
    /// The issuer cannot be asked now.
    Unavailable { retry_after: Duration },
}

impl Schedule {
    pub(super) fn new(timing: KeyTiming) -> Self {
        Self { timing, loaded: None, last_attempt: None, failures: 0 }
    }

    pub(super) fn for_missing_key(&self, now: Duration) -> Advice {
        let Some(attempt) = self.last_attempt else { return Advice::Fetch };
        let trusted = self.loaded.is_some_and(|loaded| now < loaded.trusted_until);
        // With keys in memory, what is missing is probably not there: one question per cooldown. Without keys
        // every token waits for us, so only the backoff holds us back.
        let pause = match attempt.outcome {
            Outcome::UnderWay => return Advice::Join,
            Outcome::Succeeded if trusted => self.timing.cooldown,
            Outcome::Succeeded => Duration::ZERO,
            Outcome::Failed if trusted => self.timing.cooldown.max(self.backoff()),
            Outcome::Failed => self.backoff(),
        };
        let next = attempt.started.saturating_add(pause);
        match next.checked_sub(now) {
            None | Some(Duration::ZERO) => Advice::Fetch,
            // "No such key" can only be said by an issuer that answered.
            Some(_) if attempt.outcome == Outcome::Succeeded => Advice::Unknown,
            Some(retry_after) => Advice::Unavailable { retry_after },
        }
    }

    /// Whether to refresh, in the background, keys that are in memory and trusted.
    pub(super) fn refresh_is_due(&self, now: Duration) -> bool {
        let due = self.loaded.is_some_and(|loaded| now >= loaded.refresh_from);
        due && match self.last_attempt {
            Some(Attempt { outcome: Outcome::UnderWay, .. }) => false,
            Some(Attempt { outcome: Outcome::Failed, started }) => {
                now >= started.saturating_add(self.backoff())
            }
            _ => true,
        }
    }

    /// Whether the fetch under way has taken longer than any fetch can.
    pub(super) fn is_lost(&self, now: Duration) -> bool {
        self.last_attempt.is_some_and(|attempt| {
            attempt.outcome == Outcome::UnderWay
                && now >= attempt.started.saturating_add(self.timing.lost_after())
        })
    }

    pub(super) fn begun(&mut self, now: Duration) {
        self.last_attempt = Some(Attempt { started: now, outcome: Outcome::UnderWay });
    }

    /// Notes a success. `jitter` is within 0..=255 and moves the refresh by up to 5 % of the lifetime, so that
    /// a fleet that started together does not ask together.
    pub(super) fn succeeded(&mut self, now: Duration, lifetime: Duration, jitter: u8) -> Loaded {
        self.end(Outcome::Succeeded);
        self.failures = 0;
        // 80 % of the lifetime, less up to 5 %.
        let spread = part(part(lifetime, 5, 100), u32::from(jitter), u32::from(u8::MAX));
        let loaded = Loaded {
            refresh_from: now.saturating_add(part(lifetime, 80, 100)).saturating_sub(spread),
            trusted_until: now.saturating_add(lifetime).saturating_add(self.timing.stale_bound),
        };
        self.loaded = Some(loaded);
        loaded
    }

    /// Notes that a fetch was dropped. It counts as an attempt but not as a failure of the issuer: a stranger who
    /// hangs up, where requests drive the fetch, does not make everybody wait longer and longer.
    pub(super) fn dropped(&mut self) {
        self.end(Outcome::Failed);
    }

    /// Notes a failure, or that a fetch did not end.
    pub(super) fn failed(&mut self) {
        self.end(Outcome::Failed);
        self.failures = self.failures.saturating_add(1);
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(attempt) = &mut self.last_attempt {
            attempt.outcome = outcome;
        }
    }

    /// By default 1 s, 2 s, 4 s and so on, at most a minute.
    fn backoff(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(31);
        self.timing.first_backoff.saturating_mul(1 << doublings).min(self.timing.longest_backoff)
    }
}

fn part(whole: Duration, numerator: u32, denominator: u32) -> Duration {
    whole.saturating_mul(numerator).checked_div(denominator).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(600);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn loaded_at(now: u64) -> Schedule {
        let mut schedule = Schedule::new(KeyTiming::default());
        schedule.begun(at(now));
        schedule.succeeded(at(now), LIFETIME, 0);
        schedule
    }

    #[test]
    fn the_first_token_fetches_and_the_others_join() {
        // covers: JWK-010
        let mut schedule = Schedule::new(KeyTiming::default());
        assert_eq!(schedule.for_missing_key(at(0)), Advice::Fetch);
        schedule.begun(at(0));
        assert_eq!(schedule.for_missing_key(at(0)), Advice::Join);
    }

    #[test]
    fn an_unknown_key_is_asked_for_once_per_cooldown_counted_from_the_attempt() {
        // covers: JWK-008, JWK-009
        let mut schedule = loaded_at(100);
        assert_eq!(schedule.for_missing_key(at(129)), Advice::Unknown);
        assert_eq!(schedule.for_missing_key(at(130)), Advice::Fetch);
        schedule.begun(at(130));
        schedule.succeeded(at(134), LIFETIME, 0);
        assert_eq!(schedule.for_missing_key(at(159)), Advice::Unknown);
        assert_eq!(schedule.for_missing_key(at(160)), Advice::Fetch);
    }

    #[test]
    fn an_unknown_key_is_unavailable_while_the_last_attempt_failed() {
        // covers: CHL-017
        let mut schedule = loaded_at(100);
        schedule.begun(at(130));
        schedule.failed();
        assert_eq!(schedule.for_missing_key(at(131)), Advice::Unavailable { retry_after: at(29) });
        assert_eq!(schedule.for_missing_key(at(160)), Advice::Fetch);
    }

    #[test]
    fn without_keys_failures_are_retried_with_growing_pauses_up_to_a_minute() {
        let mut schedule = Schedule::new(KeyTiming::default());
        let mut now = 0;
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            schedule.begun(at(now));
            schedule.failed();
            let expected = Advice::Unavailable { retry_after: at(pause) };
            assert_eq!(schedule.for_missing_key(at(now)), expected);
            now += pause;
            assert_eq!(schedule.for_missing_key(at(now)), Advice::Fetch);
        }
    }

    #[test]
    fn a_fetch_that_takes_longer_than_it_can_is_lost() {
        let mut schedule = loaded_at(0);
        assert!(!schedule.is_lost(at(100)), "what has ended is not lost");
        schedule.begun(at(100));
        assert!(!schedule.is_lost(at(109)));
        assert!(schedule.is_lost(at(110)));
        schedule.failed();
        assert!(!schedule.is_lost(at(110)));
    }

    #[test]
    fn dropped_fetches_do_not_make_the_pauses_grow() {
        let mut schedule = Schedule::new(KeyTiming::default());
        for now in 0..10 {
            schedule.begun(at(now));
            schedule.dropped();
            assert_eq!(schedule.for_missing_key(at(now)), Advice::Unavailable { retry_after: at(1) });
        }
    }

    #[test]
    fn keys_are_refreshed_ahead_of_their_end_with_jitter() {
        let mut schedule = loaded_at(0);
        assert!(!schedule.refresh_is_due(at(479)));
        assert!(schedule.refresh_is_due(at(480)));
        assert_eq!(schedule.succeeded(at(0), LIFETIME, u8::MAX).refresh_from, at(450));
    }

    #[test]
    fn a_failed_refresh_is_retried_with_backoff_and_keys_are_trusted_for_an_hour_more() {
        // covers: JWK-011
        let mut schedule = loaded_at(0);
        assert_eq!(schedule.loaded.unwrap().trusted_until, at(600 + 3600));
        schedule.begun(at(480));
        schedule.failed();
        assert!(!schedule.refresh_is_due(at(480)));
        assert!(schedule.refresh_is_due(at(481)));
        // Past the bound nothing in memory counts: the backoff alone decides.
        assert_eq!(schedule.for_missing_key(at(4200)), Advice::Fetch);
        schedule.begun(at(4200));
        schedule.failed();
        assert_eq!(schedule.for_missing_key(at(4200)), Advice::Unavailable { retry_after: at(2) });
    }
}
