use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where time comes from.
///
/// Two clocks in one, because they answer different questions: claims such as `exp` are compared with *wall*
/// time, while lifetimes, cooldowns and backoff are measured in *monotonic* time, which no administrator and no
/// NTP step can turn back. The default is [`SystemClock`]; tests replace it with a clock they move by hand.
///
/// ```
/// use std::time::Duration;
///
/// use portcullis::testing::{Issuer, ManualClock, validate};
/// use portcullis::{ResourceServer, TrustedIssuer, Validation};
///
/// let clock = ManualClock::at(1_800_000_000);
/// let issuer = Issuer::offline("https://id.example.com").with_clock(clock.clone());
/// let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set()))
///     .audience("https://api.example.com")
///     .with_clock(clock.clone())
///     .build()?;
/// let token = issuer.token("https://api.example.com").expires_in(Duration::from_secs(300)).sign();
/// let request = http::Request::get("/").header("authorization", format!("Bearer {token}")).body(())?;
///
/// clock.advance(Duration::from_secs(329)); // within the leeway of 30 s
/// assert!(matches!(validate(&auth, &request), Validation::Ready(Ok(_))));
/// clock.advance(Duration::from_secs(1));
/// assert!(matches!(validate(&auth, &request), Validation::Ready(Err(_))));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
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
