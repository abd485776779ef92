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
        Self::at(clock.unix_time(), clock)
    }

    /// Where the wall clock was looked at already.
    pub(super) fn at(unix: Duration, clock: &dyn Clock) -> Self {
        Self { monotonic: clock.monotonic(), unix }
    }
}

/// RFC 7662 §4: nothing is kept beyond its `exp`, to which no leeway is added here: the endpoint can still be asked.
fn has_expired(token: &ValidatedToken, now: Now) -> bool {
    token.expires_at().is_some_and(|expires_at| expires_at.since_epoch() <= now.unix)
}

fn weight(token: &ValidatedToken) -> u32 {
    u32::try_from(token.claims().size()).unwrap_or(u32::MAX).max(LEAST_WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{ClaimMapping, RolesAs, TokenLayout};

    const NOW: u64 = 1_800_000_000;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn at(passed: u64) -> Now {
        Now { monotonic: seconds(passed), unix: seconds(NOW).saturating_add(seconds(passed)) }
    }

    fn answer(text: &str) -> Answer {
        let mapping = ClaimMapping {
            layout: &TokenLayout::GENERIC,
            scopes_at: None,
            roles_at: None,
            roles_as: RolesAs::Array,
            answered_by: None,
        };
        Answer::read(text.to_owned(), &mapping).unwrap()
    }

    fn active() -> Answer {
        answer(r#"{"active":true}"#)
    }

    fn refused() -> Answer {
        answer(r#"{"active":false}"#)
    }

    fn of(name: &str) -> TokenDigest {
        TokenDigest::of(name)
    }

    fn kept(cache: &AnswerCache, token: &str, now: Now) -> &'static str {
        match cache.get(&of(token), now) {
            None => "nothing",
            Some(Answer::Active(_)) => "active",
            Some(Answer::Refused(_)) => "refused",
        }
    }

    #[test]
    fn an_answer_is_there_until_its_lifetime_has_passed_since_the_question() {
        // covers: INT-013, INT-014
        let cache = AnswerCache::new(Keeping::default());
        cache.put(of("good"), &active(), seconds(3), at(5));
        cache.put(of("bad"), &refused(), seconds(3), at(5));
        for (passed, good, bad) in [
            (5, "active", "refused"),
            (12, "active", "refused"),
            (13, "active", "nothing"),
            (62, "active", "nothing"),
            (63, "nothing", "nothing"),
        ] {
            assert_eq!(
                (kept(&cache, "good", at(passed)), kept(&cache, "bad", at(passed))),
                (good, bad),
                "{passed}"
            );
        }
        assert_eq!(kept(&cache, "other", at(5)), "nothing");
        // A question that took longer than its answer is kept.
        cache.put(of("late"), &active(), seconds(0), at(60));
        assert_eq!(kept(&cache, "late", at(60)), "nothing");
        cache.put(of("never"), &active(), Duration::MAX, at(60));
        assert_eq!(kept(&cache, "never", at(60)), "active");
    }

    #[test]
    fn what_has_expired_is_neither_kept_nor_used_and_displaces_what_was() {
        // covers: INT-011
        for (exp, stored) in [(NOW - 1, false), (NOW, false), (NOW + 1, true)] {
            let cache = AnswerCache::new(Keeping::default());
            cache.put(of("token"), &active(), seconds(0), at(0));
            cache.put(of("token"), &answer(&format!(r#"{{"active":true,"exp":{exp}}}"#)), seconds(0), at(0));
            assert_eq!(kept(&cache, "token", at(0)), if stored { "active" } else { "nothing" }, "{exp}");
            assert_eq!(kept(&cache, "token", at(1)), "nothing");
            assert_eq!(cache.active.contains_key(&of("token")), stored);
        }
        // Nor while the wall clock says so and the other does not.
        let cache = AnswerCache::new(Keeping::default());
        cache.put(
            of("token"),
            &answer(&format!(r#"{{"active":true,"exp":{}}}"#, NOW + 9)),
            seconds(0),
            at(0),
        );
        assert_eq!(kept(&cache, "token", Now { monotonic: seconds(0), unix: seconds(NOW + 9) }), "nothing");
        assert_eq!(kept(&cache, "token", Now { monotonic: seconds(0), unix: Duration::MAX }), "nothing");
    }

    #[test]
    fn of_two_answers_about_a_token_the_later_is_the_only_one() {
        // covers: INT-013, INT-014
        let none = Keeping { active: Duration::ZERO, inactive: Duration::ZERO, entries: 10 };
        for (keeping, after_good, after_bad) in [
            (Keeping::default(), "active", "refused"),
            (Keeping { inactive: Duration::ZERO, ..Keeping::default() }, "active", "nothing"),
            (none, "nothing", "nothing"),
        ] {
            let cache = AnswerCache::new(keeping);
            for _ in 0..2 {
                cache.put(of("token"), &active(), seconds(0), at(0));
                assert_eq!(kept(&cache, "token", at(0)), after_good);
                assert!(!cache.refused.contains_key(&of("token")));
                cache.put(of("token"), &refused(), seconds(0), at(0));
                assert_eq!(kept(&cache, "token", at(0)), after_bad);
                assert!(!cache.active.contains_key(&of("token")));
            }
        }
        let capped = Keeping { active: Duration::ZERO, ..Keeping::default() }.capped();
        assert_eq!(capped.inactive, Duration::ZERO);
    }

    #[test]
    fn what_was_forgotten_is_gone_also_if_it_was_kept_at_the_same_instant() {
        // covers: INT-013
        let cache = AnswerCache::new(Keeping::default());
        for _ in 0..10_000 {
            for (token, said) in [("good", &active()), ("bad", &refused())] {
                cache.put(of(token), said, seconds(0), at(0));
            }
            assert_eq!((kept(&cache, "good", at(0)), kept(&cache, "bad", at(0))), ("active", "refused"));
            cache.forget_all();
            assert_eq!((kept(&cache, "good", at(0)), kept(&cache, "bad", at(0))), ("nothing", "nothing"));
        }
        for (token, said) in [("good", &active()), ("bad", &refused()), ("other", &active())] {
            cache.put(of(token), said, seconds(0), at(0));
        }
        cache.forget(&of("good"));
        cache.forget(&of("bad"));
        assert_eq!((kept(&cache, "good", at(0)), kept(&cache, "bad", at(0))), ("nothing", "nothing"));
        assert_eq!(kept(&cache, "other", at(0)), "active");
        // An entry from before the era, if the cache below still had it.
        cache.era.fetch_add(1, Ordering::AcqRel);
        assert!(cache.active.contains_key(&of("other")));
        assert_eq!(kept(&cache, "other", at(0)), "nothing");
    }

    #[test]
    fn thirty_thousand_tokens_stay_within_the_bounds_of_number_and_memory() {
        // covers: INT-012, INT-014
        let cache = AnswerCache::new(Keeping::default());
        cache.put(of("good"), &active(), seconds(0), at(0));
        for number in 0..30_000 {
            cache.put(of(&format!("junk {number}")), &refused(), seconds(0), at(0));
        }
        cache.refused.run_pending_tasks();
        assert!((9_000..=10_000).contains(&cache.refused.entry_count()), "{}", cache.refused.entry_count());
        assert_eq!(
            (kept(&cache, "junk 29999", at(0)), kept(&cache, "junk 0", at(0))),
            ("refused", "nothing")
        );
        assert_eq!(kept(&cache, "good", at(0)), "active");

        for number in 0..30_000 {
            cache.put(of(&format!("good {number}")), &active(), seconds(0), at(0));
        }
        cache.active.run_pending_tasks();
        assert!((9_000..=10_000).contains(&cache.len()), "{}", cache.len());
        // What is large counts for what it takes.
        let cache = AnswerCache::new(Keeping { entries: 100, ..Keeping::default() });
        let large = answer(&format!(r#"{{"active":true,"a":"{}"}}"#, "x".repeat(40 * 1024)));
        for number in 0..300 {
            cache.put(of(&format!("large {number}")), &large, seconds(0), at(0));
        }
        cache.active.run_pending_tasks();
        assert!((1..=10).contains(&cache.len()), "{}", cache.len());
    }
}
