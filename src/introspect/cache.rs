use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::answer::{Answer, Refusal};
use super::digest::TokenDigest;
use crate::clock::Clock;
use crate::token::ValidatedToken;

/// An answer weighs as much as its text, and at least this much: so bytes bound the memory, and entries the number.
const LEAST_WEIGHT: u32 = 4 * 1024;

/// For how long answers are kept, and how many.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Keeping {
    /// Zero: not at all.
    pub(crate) active: Duration,
    pub(crate) inactive: Duration,
    pub(crate) entries: u32,
}

/// Answers of one endpoint, to one configuration. It belongs to that, so no other can ever read it.
///
/// Those that admit and those that refuse are apart: whoever sends junk by the thousands displaces junk.
pub(super) struct AnswerCache {
    keeping: Keeping,
    active: Cache<TokenDigest, Kept<ValidatedToken>>,
    refused: Cache<TokenDigest, Kept<Refusal>>,
    /// How often everything was forgotten.
    era: AtomicU64,
}

#[derive(Clone)]
struct Kept<T> {
    said: T,
    /// In monotonic time.
    until: Duration,
    /// The cache below forgets what is older than an instant, and two things can happen at one. So we count.
    era: u64,
}

/// One instant, on both sides of a clock. It is read before a lock is taken: a clock may be the user's own.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) monotonic: Duration,
    /// Since the Unix epoch.
    unix: Duration,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { active: Duration::from_secs(60), inactive: Duration::from_secs(10), entries: 10_000 }
    }
}

impl Keeping {
    /// The same, without keeping longer what refuses than what admits.
    pub(crate) fn capped(self) -> Self {
        Self { inactive: self.inactive.min(self.active), ..self }
    }
}

impl AnswerCache {
    pub(super) fn new(keeping: Keeping) -> Self {
        let capacity = u64::from(keeping.entries).saturating_mul(u64::from(LEAST_WEIGHT));
        // Which entry is good is for our clock to say, at each hit; this only frees memory.
        let active = Cache::builder()
            .max_capacity(capacity)
            .weigher(|_, active: &Kept<ValidatedToken>| weight(&active.said))
            .time_to_live(keeping.active)
            .build();
        // The last ones: none of them is worth more than another.
        let refused = Cache::builder()
            .max_capacity(u64::from(keeping.entries))
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(keeping.inactive)
            .build();
        Self { keeping, active, refused, era: AtomicU64::new(0) }
    }

    /// The answer that is kept for a token, if it may still be used.
    pub(super) fn get(&self, digest: &TokenDigest, now: Now) -> Option<Answer> {
        let era = self.era.load(Ordering::Acquire);
        if let Some(active) = self.active.get(digest) {
            let usable = active.is_usable(era, now) && !has_expired(&active.said, now);
            return usable.then_some(Answer::Active(active.said));
        }
        let refused = self.refused.get(digest)?;
        refused.is_usable(era, now).then_some(Answer::Refused(refused.said))
    }

    /// Keeps an answer to a question that was put at the instant `asked`, of monotonic time: what was revoked right after it
    /// is found out no later than if it had been revoked right before.
    pub(super) fn put(&self, digest: TokenDigest, answer: &Answer, asked: Duration, now: Now) {
        let era = self.era.load(Ordering::Acquire);
        match answer {
            Answer::Active(token) if !self.keeping.active.is_zero() && !has_expired(token, now) => {
                let until = asked.saturating_add(self.keeping.active);
                self.refused.invalidate(&digest);
                self.active.insert(digest, Kept { said: token.clone(), until, era });
            }
            Answer::Active(_) => self.forget(&digest),
            Answer::Refused(_) if self.keeping.inactive.is_zero() => self.forget(&digest),
            Answer::Refused(refusal) => {
                let until = asked.saturating_add(self.keeping.inactive);
                self.active.invalidate(&digest);
                self.refused.insert(digest, Kept { said: refusal.clone(), until, era });
            }
        }
    }

    pub(super) fn forget(&self, digest: &TokenDigest) {
        self.active.invalidate(digest);
        self.refused.invalidate(digest);
    }

    pub(super) fn forget_all(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
        self.active.invalidate_all();
        self.refused.invalidate_all();
    }

    /// How many tokens are kept as active, about.
    pub(super) fn len(&self) -> u64 {
        self.active.entry_count()
    }
}

impl<T> Kept<T> {
    fn is_usable(&self, era: u64, now: Now) -> bool {
        self.era == era && now.monotonic < self.until
    }
}

impl Now {
    pub(super) fn of(clock: &dyn Clock) -> Self {
        Self { monotonic: clock.monotonic(), unix: clock.unix_time() }
    }
}

/// RFC 7662 §4: nothing is kept beyond its `exp`, to which no leeway is added here: the endpoint can still be asked.
fn has_expired(token: &ValidatedToken, now: Now) -> bool {
    token.expires_at().is_some_and(|expires_at| expires_at.since_epoch() <= now.unix)
}

fn weight(token: &ValidatedToken) -> u32 {
    u32::try_from(token.claims().size()).unwrap_or(u32::MAX).max(LEAST_WEIGHT)
}
