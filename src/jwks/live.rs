//! How many key sets of one server are in memory at a time.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// The sets of one server that hold fetched keys.
///
/// A set that comes to hold keys is admitted, and beyond the bound others give theirs up: first those whose keys never
/// verified a signature, then the one whose last verified use is longest ago; never those that somebody waits for, who
/// is about to look at them. So whoever names many issuers in forged tokens costs those that are in use at most one place.
/// There may be more than the bound, by as many as came at one instant, until the next one comes.
pub(crate) struct LiveKeys {
    most: usize,
    /// In the order of their admission.
    sets: Mutex<Vec<Entry>>,
}

struct Entry {
    /// Weak, so that the set of an issuer that was removed vanishes.
    set: Weak<dyn LiveSet>,
    last_use: Arc<LastUse>,
}

/// A set that can give up its keys.
pub(super) trait LiveSet: Send + Sync {
    fn give_keys_up(&self);
}

/// How much keys are needed.
#[derive(Debug, Default)]
pub(super) struct LastUse {
    /// When they last verified a signature, in seconds and one more; 0: never. A token that was not verified does not
    /// count, or strangers could keep sets alive that nobody uses.
    verified: AtomicU64,
    /// How many wait for them.
    awaited: AtomicUsize,
}

/// Somebody waits for keys, until this is dropped.
pub(crate) struct Awaited(Arc<LastUse>);

impl LiveKeys {
    /// At most `most` sets. The newest is always one of them.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, sets: Mutex::default() }
    }

    /// Admits a set that was not live. The others that are returned, never this one, have to give up their keys: by the
    /// caller, who holds no lock.
    pub(super) fn admit(&self, set: Weak<dyn LiveSet>, last_use: Arc<LastUse>) -> Vec<Arc<dyn LiveSet>> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|entry| entry.set.strong_count() > 0);
        let mut leaving = Vec::new();
        while sets.len() >= self.most {
            // The first of those alike: among sets that were never used, requests may still be waiting for the newest.
            let idle = sets.iter().enumerate().filter(|(_, entry)| !entry.last_use.is_awaited());
            let longest_ago = idle.min_by_key(|(_, entry)| entry.last_use.seconds());
            let Some(longest_ago) = longest_ago.map(|(index, _)| index) else { break };
            leaving.extend(sets.remove(longest_ago).set.upgrade());
        }
        sets.push(Entry { set, last_use });
        leaving
    }
}

impl LastUse {
    /// Notes a verified signature. Costs a load, and once per second a store.
    pub(super) fn note(&self, now: Duration) {
        let seconds = now.as_secs().saturating_add(1);
        if self.verified.load(Ordering::Relaxed) != seconds {
            self.verified.store(seconds, Ordering::Relaxed);
        }
    }

    /// The keys are gone; those that come next have verified nothing.
    pub(super) fn forget(&self) {
        self.verified.store(0, Ordering::Relaxed);
    }

    pub(super) fn await_keys(self: &Arc<Self>) -> Awaited {
        self.awaited.fetch_add(1, Ordering::AcqRel);
        Awaited(Arc::clone(self))
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Acquire) > 0
    }

    fn seconds(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.awaited.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set with a name, which notes that it was told to leave.
    struct Set {
        name: &'static str,
        last_use: Arc<LastUse>,
        left: Mutex<Vec<&'static str>>,
    }

    impl LiveSet for Set {
        fn give_keys_up(&self) {
            self.left.lock().unwrap().push(self.name);
        }
    }

    fn set(name: &'static str) -> Arc<Set> {
        Arc::new(Set { name, last_use: Arc::default(), left: Mutex::default() })
    }

    /// Whether these, and none else, have to leave for `newcomer`.
    #[track_caller]
    fn assert_leaving(live: &LiveKeys, newcomer: &Arc<Set>, expected: &[&Arc<Set>]) {
        let weak = Arc::downgrade(newcomer);
        let leaving = live.admit(weak, Arc::clone(&newcomer.last_use));
        assert_eq!(leaving.len(), expected.len());
        for (set, expected) in leaving.iter().zip(expected) {
            set.give_keys_up();
            assert_eq!(expected.left.lock().unwrap().pop(), Some(expected.name));
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn beyond_the_bound_unused_sets_leave_first_and_then_the_one_used_longest_ago() {
        let live = LiveKeys::new(3);
        let [a, b, c, d, e, f, g] = ["a", "b", "c", "d", "e", "f", "g"].map(set);
        for set in [&a, &b, &c] {
            assert_leaving(&live, set, &[]);
        }
        a.last_use.note(at(0));
        c.last_use.note(at(5));
        assert_leaving(&live, &d, &[&b]);
        // The newcomer of before was not used: it goes, and not what is in use.
        assert_leaving(&live, &e, &[&d]);
        e.last_use.note(at(7));
        assert_leaving(&live, &f, &[&a]);
        f.last_use.note(at(8));
        c.last_use.note(at(9));
        assert_leaving(&live, &g, &[&e]);
    }

    #[test]
    fn strangers_who_name_many_issuers_cost_those_in_use_one_place() {
        let live = LiveKeys::new(10);
        let (used, named) = ([(); 10].map(|()| set("used")), [(); 100].map(|()| set("named")));
        for set in &used {
            assert_leaving(&live, set, &[]);
            set.last_use.note(at(1));
        }
        assert_leaving(&live, &named[0], &[&used[0]]);
        for pair in named.windows(2) {
            assert_leaving(&live, &pair[1], &[&pair[0]]);
        }
    }

    #[test]
    fn sets_that_are_gone_take_no_place() {
        let live = LiveKeys::new(2);
        let [a, b, c, d] = ["a", "b", "c", "d"].map(set);
        assert_leaving(&live, &a, &[]);
        assert_leaving(&live, &b, &[]);
        drop(a);
        assert_leaving(&live, &c, &[]);
        assert_leaving(&live, &d, &[&b]);
    }

    #[test]
    fn there_is_always_room_for_the_newcomer() {
        let live = LiveKeys::new(0);
        let [a, b] = ["a", "b"].map(set);
        assert_leaving(&live, &a, &[]);
        assert_leaving(&live, &b, &[&a]);
    }

    #[test]
    fn keys_that_were_forgotten_count_as_unused() {
        let last_use = LastUse::default();
        assert_eq!(last_use.seconds(), 0);
        last_use.note(Duration::ZERO);
        assert_ne!(last_use.seconds(), 0);
        last_use.forget();
        assert_eq!(last_use.seconds(), 0);
    }
}
