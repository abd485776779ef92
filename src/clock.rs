use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where time comes from.
///
/// Two clocks in one, because they answer different questions: claims such as `exp` are compared with *wall*
/// time, while lifetimes, cooldowns and backoff are measured in *monotonic* time, which no administrator and no
/// NTP step can turn back. The default is [`SystemClock`]; tests replace it with a clock they move by hand.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Time since the Unix epoch, as RFC 7519 §2 counts it (leap seconds ignored).
    fn unix_time(&self) -> Duration;

    /// Time since any fixed point. It never runs backwards.
    fn monotonic(&self) -> Duration;
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Creates a clock whose monotonic time starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where monotonic time is read")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where wall time is read")]
    fn unix_time(&self) -> Duration {
        // A clock set before 1970 is broken. In the farthest future every token has expired: fail closed.
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}
