use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first second of the year 10000. A date beyond it is a mistake or an attempt at "never expires".
const YEAR_10000: f64 = 253_402_300_800.0;

/// Seconds since the Unix epoch, with or without a fraction (RFC 7519 §2), between 1970 and the year 9999.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct NumericDate(Duration);

impl NumericDate {
    pub(crate) fn from_seconds(seconds: f64) -> Option<Self> {
        // The range excludes NaN, the infinities and negative numbers, so nothing can wrap or panic.
        (0.0..YEAR_10000)
            .contains(&seconds)
            .then(|| Duration::try_from_secs_f64(seconds).ok().map(Self))
            .flatten()
    }

    /// Time since the Unix epoch.
    #[must_use]
    pub fn since_epoch(self) -> Duration {
        self.0
    }

    /// As the standard library's time; `None` where that cannot hold it.
    #[must_use]
    pub fn to_system_time(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(self.0)
    }
}
