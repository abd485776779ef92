use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// A clock that moves only when told to. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct ManualClock {
    started: Duration,
    elapsed_nanos: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that stands at this many seconds since the Unix epoch.
    #[must_use]
    pub fn at(unix_seconds: u64) -> Self {
        Self { started: Duration::from_secs(unix_seconds), elapsed_nanos: Arc::default() }
    }

    /// Moves wall time and monotonic time forward.
    ///
    /// # Panics
    ///
    /// If `by` is longer than five centuries.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).expect("a test does not take centuries");
        self.elapsed_nanos.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_time(&self) -> Duration {
        self.started + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.elapsed_nanos.load(Ordering::SeqCst))
    }
}
