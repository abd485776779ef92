use std::time::Duration;

use crate::error::ConfigProblem;

/// No configuration makes us ask an issuer more often than this.
pub(super) const FLOOR: Duration = Duration::from_millis(100);
/// Nothing is trusted, and nobody is left unasked, for longer than this by configuration.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Requests wait for a fetch, so its time is bounded more tightly.
const LONGEST_FETCH: Duration = Duration::from_secs(60);

/// How long fetched keys are used, and how often their issuer is asked.
///
/// Keys are fetched when the first token needs them, refreshed in the background at 80 % of their lifetime (less up to 5 %,
/// so that a fleet that started together does not ask together), and trusted beyond it only while the issuer cannot be asked.
///
/// ```
/// use portcullis::{KeyTiming, ResourceServer};
/// use std::time::Duration;
///
/// let mut timing = KeyTiming::default();
/// timing.stale_bound = Duration::from_secs(15 * 60);
/// let server = |timing| {
///     ResourceServer::builder("https://id.example.com").audience("https://api.example.com").key_timing(timing).build()
/// };
/// assert!(server(timing).is_ok());
///
/// timing.cooldown = Duration::ZERO; // would let strangers make us flood the issuer
/// assert_eq!(server(timing).unwrap_err().problems()[0].code(), "invalid_key_timing");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyTiming {
    /// How long a key set counts as fresh where the server does not say. Default: 10 min.
    pub lifetime: Duration,
    /// The shortest lifetime that a server's `Cache-Control` is followed to. Default: 1 min; at least 100 ms.
    pub shortest_lifetime: Duration,
    /// The longest lifetime that a server's `Cache-Control` is followed to. A withdrawn key may verify for that long.
    /// Default: 1 h; at most 24 h.
    pub longest_lifetime: Duration,
    /// With keys in memory, an unknown `kid` causes at most one fetch in this time, counted from the last attempt.
    /// Keys that had to make room for others are not fetched again sooner either, nor later than 30 s after the last success.
    /// Default: 30 s; 100 ms to 24 h.
    pub cooldown: Duration,
    /// The pause after a first failed fetch. It doubles with each further one. Default: 1 s; at least 100 ms.
    pub first_backoff: Duration,
    /// The longest pause after failed fetches. Default: 60 s; at most 24 h.
    pub longest_backoff: Duration,
    /// How long the last good keys are trusted beyond the end of their lifetime, while no fetch succeeds. From then on
    /// tokens are answered with 503. Default: 1 h; at most 24 h.
    pub stale_bound: Duration,
    /// The time for one fetch in all: discovery, key set, and their bodies. Default: 5 s; 100 ms to 60 s.
    pub fetch_timeout: Duration,
}

impl Default for KeyTiming {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(10 * 60),
            shortest_lifetime: Duration::from_secs(60),
            longest_lifetime: Duration::from_secs(60 * 60),
            cooldown: Duration::from_secs(30),
            first_backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(60),
            stale_bound: Duration::from_secs(60 * 60),
            fetch_timeout: Duration::from_secs(5),
        }
    }
}

impl KeyTiming {
    /// Every field that is out of its bounds, in one problem.
    pub(crate) fn check(&self) -> Result<(), ConfigProblem> {
        let wrong: Vec<_> = [
            ("shortest_lifetime", self.shortest_lifetime, FLOOR, DAY),
            ("lifetime", self.lifetime, self.shortest_lifetime, self.longest_lifetime),
            ("longest_lifetime", self.longest_lifetime, self.shortest_lifetime, DAY),
            ("cooldown", self.cooldown, FLOOR, DAY),
            ("first_backoff", self.first_backoff, FLOOR, self.longest_backoff),
            ("longest_backoff", self.longest_backoff, FLOOR, DAY),
            ("stale_bound", self.stale_bound, Duration::ZERO, DAY),
            ("fetch_timeout", self.fetch_timeout, FLOOR, LONGEST_FETCH),
        ]
        .into_iter()
        .filter(|(_, value, least, most)| value < least || value > most)
        .map(|(name, value, least, most)| format!("`{name}` is {value:?}, outside {least:?} to {most:?}"))
        .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(ConfigProblem::new("invalid_key_timing", format!("timing of keys: {}", wrong.join(", "))))
    }

    /// A fetch that is under way for longer than this will never end: its runtime is no longer driven, or its client
    /// broke its contract.
    pub(crate) fn lost_after(&self) -> Duration {
        self.fetch_timeout.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut KeyTiming)) -> Result<(), ConfigProblem> {
        let mut timing = KeyTiming::default();
        change(&mut timing);
        timing.check()
    }

    #[track_caller]
    fn assert_names(result: &Result<(), ConfigProblem>, fields: &[&str]) {
        let problem = result.as_ref().unwrap_err();
        assert_eq!(problem.code(), "invalid_key_timing");
        let message = problem.to_string();
        let named: Vec<_> = message.split('`').skip(1).step_by(2).collect();
        assert_eq!(named, fields, "{message}");
    }

    #[test]
    fn every_bound_takes_what_is_on_it_and_names_the_field_that_is_beyond_it() {
        type Field = fn(&mut KeyTiming) -> &mut Duration;
        let (floor, day) = (Duration::from_millis(100), Duration::from_secs(86_400));
        let seconds = Duration::from_secs;
        // A bound that another field sets is among that field's rows.
        let bounds: [(&str, Field, Option<Duration>, Option<Duration>); 8] = [
            ("shortest_lifetime", |timing| &mut timing.shortest_lifetime, Some(floor), None),
            ("lifetime", |timing| &mut timing.lifetime, Some(seconds(60)), Some(seconds(3600))),
            ("longest_lifetime", |timing| &mut timing.longest_lifetime, None, Some(day)),
            ("cooldown", |timing| &mut timing.cooldown, Some(floor), Some(day)),
            ("first_backoff", |timing| &mut timing.first_backoff, Some(floor), Some(seconds(60))),
            ("longest_backoff", |timing| &mut timing.longest_backoff, None, Some(day)),
            ("stale_bound", |timing| &mut timing.stale_bound, None, Some(day)),
            ("fetch_timeout", |timing| &mut timing.fetch_timeout, Some(floor), Some(seconds(60))),
        ];
        let nanosecond = Duration::from_nanos(1);
        for (name, field, least, most) in bounds {
            for value in least.into_iter().chain(most) {
                assert_eq!(with(|timing| *field(timing) = value), Ok(()), "{name} of {value:?}");
            }
            let beyond = most.map(|most| [most + nanosecond, Duration::MAX]).into_iter().flatten();
            for value in least.map(|least| least - nanosecond).into_iter().chain(beyond) {
                let problem = with(|timing| *field(timing) = value).unwrap_err();
                assert!(problem.to_string().contains(&format!("`{name}` is {value:?}")), "{problem}");
            }
        }
        assert_eq!(with(|timing| timing.stale_bound = Duration::ZERO), Ok(()));
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let result = with(|timing| {
            timing.cooldown = Duration::ZERO;
            timing.stale_bound = Duration::from_secs(24 * 3600 + 1);
        });
        assert_names(&result, &["cooldown", "stale_bound"]);
        // What contradicts each other is named on both sides.
        let result = with(|timing| timing.longest_lifetime = Duration::from_secs(1));
        assert_names(&result, &["lifetime", "longest_lifetime"]);
        assert_eq!(KeyTiming::default().check(), Ok(()));
    }
}
