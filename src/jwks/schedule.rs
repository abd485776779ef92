//! When to fetch, when to wait, when to answer: a pure state machine on monotonic time.

use std::time::Duration;

use super::status::KeyState;
use super::timing::{FLOOR, KeyTiming};

/// Keys that had to make room are fetched again after the cooldown, but no later than this after they were last fetched: a
/// long cooldown is a statement about keys that an issuer does not have.
const LONGEST_ABSENCE: Duration = Duration::from_secs(30);

/// What happened so far, and what follows from it at any instant.
#[derive(Debug)]
pub(super) struct Schedule {
    timing: KeyTiming,
    loaded: Option<Loaded>,
    /// Whether keys were loaded and then given up.
    evicted: bool,
    last_attempt: Option<Attempt>,
    /// When the last attempt that succeeded began.
    last_good: Option<Duration>,
    /// Failed attempts since the last success.
    failures: u32,
}

/// Until when the keys in memory are what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loaded {
    /// From here on they are refreshed in the background.
    pub(super) refresh_from: Duration,
    /// Here their lifetime ends.
    fresh_until: Duration,
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
        Self { timing, loaded: None, evicted: false, last_attempt: None, last_good: None, failures: 0 }
    }

    pub(super) fn for_missing_key(&self, now: Duration) -> Advice {
        let outcome = self.last_attempt.map(|attempt| attempt.outcome);
        match (outcome, self.pause(now)) {
            (Some(Outcome::UnderWay), _) => Advice::Join,
            (_, None) => Advice::Fetch,
            // "No such key" can only be said of an issuer that answered, by those who remember the answer.
            (Some(Outcome::Succeeded), Some(_)) if !self.evicted => Advice::Unknown,
            (_, Some(retry_after)) => Advice::Unavailable { retry_after },
        }
    }

    /// For how long yet a missing key causes no fetch.
    pub(super) fn pause(&self, now: Duration) -> Option<Duration> {
        let attempt = self.last_attempt?;
        // With keys in memory, what is missing is probably not there: one question per cooldown. Without keys every token
        // waits for us, so only the backoff holds us back.
        let least = if self.is_trusted(now) { self.timing.cooldown } else { Duration::ZERO };
        let pause = if attempt.outcome == Outcome::Failed { least.max(self.backoff()) } else { least };
        left(attempt.started.saturating_add(pause).max(self.returns_at()), now)
    }

    /// Keys that were given up do not come back at once, or whoever names many issuers in turn would have each of them
    /// asked again and again. It counts from the attempt that brought them: one that fails does not make them wait longer.
    fn returns_at(&self) -> Duration {
        let absence = self.timing.cooldown.min(LONGEST_ABSENCE);
        let given_up = self.last_good.filter(|_| self.evicted);
        given_up.map_or(Duration::ZERO, |last_good| last_good.saturating_add(absence))
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

    /// How long until the next attempt after one that failed.
    pub(super) fn retry_in(&self, now: Duration) -> Option<Duration> {
        let failed = self.last_attempt.filter(|attempt| attempt.outcome == Outcome::Failed)?;
        left(failed.started.saturating_add(self.backoff()), now)
    }

    /// Whether an attempt failed, or was dropped, since the last success.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0 || self.last_attempt.is_some_and(|attempt| attempt.outcome == Outcome::Failed)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.last_attempt.is_some_and(|attempt| attempt.outcome == Outcome::UnderWay)
    }

    fn is_trusted(&self, now: Duration) -> bool {
        self.loaded.is_some_and(|loaded| now < loaded.trusted_until)
    }

    pub(super) fn state(&self, now: Duration) -> KeyState {
        let Some(Loaded { refresh_from, fresh_until, trusted_until }) = self.loaded else {
            return if self.evicted { KeyState::Evicted } else { KeyState::NotLoaded };
        };
        if let Some(refresh_in) = left(refresh_from, now) {
            KeyState::Fresh { refresh_in }
        } else if let Some(stale_in) = left(fresh_until, now) {
            KeyState::RefreshDue { stale_in }
        } else if let Some(trusted_for) = left(trusted_until, now) {
            KeyState::Stale { since: now.saturating_sub(fresh_until), trusted_for }
        } else {
            KeyState::Expired { since: now.saturating_sub(trusted_until) }
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
        self.last_good = self.last_attempt.map(|attempt| attempt.started);
        self.failures = 0;
        self.evicted = false;
        // 80 % of the lifetime, less up to 5 %.
        let spread = part(part(lifetime, 5, 100), u32::from(jitter), u32::from(u8::MAX));
        let refresh_from = now.saturating_add(part(lifetime, 80, 100)).saturating_sub(spread);
        let loaded = Loaded {
            refresh_from: refresh_from.max(self.last_good.unwrap_or(now).saturating_add(FLOOR)),
            fresh_until: now.saturating_add(lifetime),
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

    /// Notes that the keys in memory were given up.
    pub(super) fn evicted(&mut self) {
        self.evicted = true;
        self.loaded = None;
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

/// What is left until `then`, if anything.
fn left(then: Duration, now: Duration) -> Option<Duration> {
    then.checked_sub(now).filter(|left| !left.is_zero())
}

fn part(whole: Duration, numerator: u32, denominator: u32) -> Duration {
    whole.saturating_mul(numerator).checked_div(denominator).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test fails where it stands")]

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
    fn no_refresh_comes_sooner_after_an_attempt_than_any_configuration_may_ask() {
        let mut schedule = Schedule::new(KeyTiming { shortest_lifetime: FLOOR, ..KeyTiming::default() });
        let half = FLOOR / 2;
        for (took, refresh_from) in [(Duration::ZERO, FLOOR), (half, half + FLOOR * 4 / 5)] {
            schedule.begun(at(0));
            assert_eq!(schedule.succeeded(took, FLOOR, 0).refresh_from, refresh_from);
            assert!(!schedule.refresh_is_due(refresh_from - Duration::from_nanos(1)));
            assert!(schedule.refresh_is_due(refresh_from));
        }
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

    #[test]
    fn keys_that_were_given_up_are_asked_for_after_the_cooldown_and_never_unknown_until_then() {
        // covers: JWK-009
        let mut schedule = loaded_at(100);
        schedule.evicted();
        assert_eq!(schedule.state(at(101)), KeyState::Evicted);
        assert!(!schedule.refresh_is_due(at(1000)));
        assert_eq!(schedule.for_missing_key(at(101)), Advice::Unavailable { retry_after: at(29) });
        assert_eq!(schedule.for_missing_key(at(130)), Advice::Fetch);
        // After a failure they are missed like keys that were never there.
        schedule.begun(at(130));
        schedule.failed();
        assert_eq!(schedule.for_missing_key(at(130)), Advice::Unavailable { retry_after: at(1) });
        assert_eq!(schedule.for_missing_key(at(131)), Advice::Fetch);
        schedule.begun(at(160));
        schedule.succeeded(at(160), LIFETIME, 0);
        assert_eq!(schedule.for_missing_key(at(161)), Advice::Unknown);
    }

    #[test]
    fn a_failure_right_before_keys_are_given_up_does_not_bring_them_back_sooner() {
        // covers: JWK-009
        let mut schedule =
            Schedule::new(KeyTiming { lifetime: at(1), shortest_lifetime: at(1), ..KeyTiming::default() });
        schedule.begun(at(100));
        schedule.succeeded(at(100), at(1), 0);
        schedule.begun(at(101));
        schedule.failed();
        schedule.evicted();
        assert_eq!(schedule.for_missing_key(at(102)), Advice::Unavailable { retry_after: at(28) });
    }

    #[test]
    fn keys_that_were_given_up_come_back_within_half_a_minute_whatever_the_cooldown() {
        for (cooldown, absence) in [(86_400, 30), (30, 30), (10, 10)] {
            let mut schedule = Schedule::new(KeyTiming { cooldown: at(cooldown), ..KeyTiming::default() });
            schedule.begun(at(100));
            schedule.succeeded(at(100), LIFETIME, 0);
            schedule.evicted();
            let expected = Advice::Unavailable { retry_after: at(absence) };
            assert_eq!(schedule.for_missing_key(at(100)), expected);
            assert_eq!(schedule.for_missing_key(at(100 + absence)), Advice::Fetch);
        }
    }

    #[test]
    fn a_state_says_what_the_keys_are_and_until_when() {
        let mut schedule = Schedule::new(KeyTiming::default());
        assert_eq!(schedule.state(at(0)), KeyState::NotLoaded);
        schedule.begun(at(0));
        assert!(schedule.is_under_way());
        schedule.succeeded(at(0), LIFETIME, 0);
        assert!(!schedule.is_under_way());
        for (now, state) in [
            (0, KeyState::Fresh { refresh_in: at(480) }),
            (479, KeyState::Fresh { refresh_in: at(1) }),
            (480, KeyState::RefreshDue { stale_in: at(120) }),
            (600, KeyState::Stale { since: at(0), trusted_for: at(3600) }),
            (4199, KeyState::Stale { since: at(3599), trusted_for: at(1) }),
            (4200, KeyState::Expired { since: at(0) }),
        ] {
            assert_eq!(schedule.state(at(now)), state);
            assert_eq!(state.is_trusted(), now < 4200);
        }
        assert_eq!((schedule.pause(at(10)), schedule.pause(at(30))), (Some(at(20)), None));
        assert_eq!(schedule.retry_in(at(10)), None, "nothing failed");
        schedule.begun(at(480));
        schedule.failed();
        assert_eq!((schedule.retry_in(at(480)), schedule.retry_in(at(481))), (Some(at(1)), None));
    }

    /// Numbers from a fixed seed (xorshift).
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % end
        }

        /// A time of any order of magnitude between the floor of the configuration and a day.
        fn duration(&mut self, least: Duration, most: Duration) -> Duration {
            let magnitude = 1 << self.below(28);
            Duration::from_millis(self.below(magnitude)).clamp(least, most)
        }

        fn timing(&mut self) -> KeyTiming {
            let (floor, day) = (Duration::from_millis(100), Duration::from_secs(86_400));
            let (shortest_lifetime, first_backoff) = (self.duration(floor, day), self.duration(floor, day));
            let longest_lifetime = self.duration(shortest_lifetime, day);
            KeyTiming {
                lifetime: self.duration(shortest_lifetime, longest_lifetime),
                shortest_lifetime,
                longest_lifetime,
                cooldown: self.duration(floor, day),
                first_backoff,
                longest_backoff: self.duration(first_backoff, day),
                stale_bound: self.duration(Duration::ZERO, day),
                fetch_timeout: self.duration(floor, Duration::from_secs(60)),
            }
        }
    }

    /// What happened, remembered naively, and what must be so.
    struct World {
        timing: KeyTiming,
        schedule: Schedule,
        now: Duration,
        /// When the last attempt began, and whether it succeeded; `None`: it is under way.
        attempt: Option<(Duration, Option<bool>)>,
        /// When keys were last loaded, and their lifetime; `None` where they were given up.
        loaded: Option<(Duration, Duration)>,
        /// When the last attempt that succeeded began.
        last_good: Option<Duration>,
        evicted: bool,
        /// Failures in a row.
        failures: i32,
    }

    impl World {
        fn trusted(&self) -> bool {
            self.loaded.is_some_and(|(since, lifetime)| self.now - since < lifetime + self.timing.stale_bound)
        }

        fn backoff(&self) -> Duration {
            let backoff = self.timing.first_backoff.as_secs_f64() * 2_f64.powi((self.failures - 1).max(0));
            Duration::from_secs_f64(backoff.min(self.timing.longest_backoff.as_secs_f64()))
        }

        /// Whether this long has passed, give or take what a floating point number cannot tell.
        fn passed(&self, pause: Duration, since: Duration) -> bool {
            self.now - since + Duration::from_micros(1) >= pause
        }

        fn begin(&mut self) {
            assert!(!matches!(self.attempt, Some((_, None))), "one fetch at a time");
            assert!(self.attempt.is_none_or(|(started, _)| self.passed(FLOOR, started)), "below the floor");
            self.schedule.begun(self.now);
            self.attempt = Some((self.now, None));
        }

        fn end(&mut self, succeeded: bool) -> bool {
            let under_way = matches!(self.attempt, Some((_, None)));
            if let Some((_, outcome @ None)) = &mut self.attempt {
                *outcome = Some(succeeded);
            }
            under_way
        }

        fn missing_key(&mut self) -> Advice {
            let advice = self.schedule.for_missing_key(self.now);
            let (cooldown, absence) = (self.timing.cooldown, self.timing.cooldown.min(at(30)));
            let returns = if self.evicted { self.last_good.unwrap() + absence } else { Duration::ZERO };
            match (advice, self.attempt) {
                (Advice::Fetch, None) => {}
                (Advice::Fetch, Some((started, Some(succeeded)))) => {
                    assert!(!self.trusted() || self.passed(cooldown, started), "within the cooldown");
                    assert!(self.now >= returns, "back too soon");
                    assert!(succeeded || self.passed(self.backoff(), started), "within the backoff");
                }
                (Advice::Join, Some((_, None))) => {}
                (Advice::Unknown, Some((started, Some(true)))) => {
                    assert!(self.trusted(), "said by whoever has the keys");
                    assert!(self.now - started < self.timing.cooldown, "beyond the cooldown");
                }
                (Advice::Unavailable { retry_after }, Some((started, Some(succeeded)))) => {
                    assert!(!succeeded || self.evicted, "the issuer has answered");
                    assert!(!retry_after.is_zero());
                    let then = self.now + retry_after;
                    let cooldown = if self.trusted() { cooldown } else { Duration::ZERO };
                    let pause = if succeeded { cooldown } else { cooldown.max(self.backoff()) };
                    assert!(
                        then <= returns.max(started + pause + Duration::from_micros(1)),
                        "too long a pause"
                    );
                    assert_eq!(self.schedule.for_missing_key(then), Advice::Fetch, "a promise");
                }
                (advice, attempt) => panic!("{advice:?} after {attempt:?}"),
            }
            let pause = self.schedule.pause(self.now);
            assert!(matches!(advice, Advice::Join) || pause.is_none() == (advice == Advice::Fetch));
            if advice == Advice::Fetch {
                self.begin();
            }
            advice
        }

        fn refresh(&mut self) -> bool {
            let due = self.schedule.refresh_is_due(self.now);
            if due {
                let (since, lifetime) = self.loaded.expect("something to refresh");
                assert!(self.now - since >= lifetime * 3 / 4, "refreshed too early");
                let (started, outcome) = self.attempt.unwrap();
                assert!(outcome.unwrap() || self.passed(self.backoff(), started), "within the backoff");
                self.begin();
            }
            due
        }

        fn step(&mut self, random: &mut Random, seen: &mut [u32; 9]) {
            let kind = match random.below(9) {
                0 | 1 => {
                    self.now += random.duration(Duration::from_millis(1), Duration::from_secs(200_000));
                    0
                }
                2 => match self.missing_key() {
                    Advice::Fetch => 1,
                    Advice::Join => 2,
                    Advice::Unknown => 3,
                    Advice::Unavailable { .. } => 4,
                },
                3 if self.refresh() => 5,
                4 if self.end(true) => {
                    let (least, most) = (self.timing.shortest_lifetime, self.timing.longest_lifetime);
                    let lifetime = random.duration(least, most);
                    let jitter = random.below(256).try_into().unwrap();
                    self.schedule.succeeded(self.now, lifetime, jitter);
                    (self.loaded, self.evicted, self.failures) = (Some((self.now, lifetime)), false, 0);
                    self.last_good = self.attempt.map(|(started, _)| started);
                    6
                }
                5 if self.end(false) => {
                    self.schedule.failed();
                    self.failures += 1;
                    7
                }
                6 if self.end(false) => {
                    self.schedule.dropped();
                    7
                }
                7 if self.schedule.is_lost(self.now) => {
                    let (started, _) = self.attempt.unwrap();
                    assert!(self.end(false) && self.now - started >= 2 * self.timing.fetch_timeout);
                    self.schedule.failed();
                    self.failures += 1;
                    7
                }
                8 if self.loaded.is_some() => {
                    self.schedule.evicted();
                    (self.loaded, self.evicted) = (None, true);
                    8
                }
                _ => return,
            };
            seen[kind] += 1;
            assert_eq!(self.schedule.state(self.now).is_trusted(), self.trusted());
        }
    }

    #[test]
    fn whatever_happens_issuers_are_not_flooded_and_old_keys_not_trusted() {
        // covers: JWK-009, JWK-010, JWK-011, CHL-017
        let (mut random, mut seen) = (Random(0x5EED), [0; 9]);
        for _ in 0..300 {
            let timing = random.timing();
            assert_eq!(timing.check(), Ok(()));
            let (now, schedule) = (at(1000), Schedule::new(timing));
            let (attempt, loaded, last_good, evicted, failures) = (None, None, None, false, 0);
            let mut world = World { timing, schedule, now, attempt, loaded, last_good, evicted, failures };
            for _ in 0..300 {
                world.step(&mut random, &mut seen);
            }
        }
        assert!(seen.iter().all(|times| *times > 100), "every kind of step was made: {seen:?}");
    }
}
