use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::follower::{Alone, Follower};
use super::patience::{PATIENCE, in_background, within};
use super::text_file::{Content, TextFile};
use crate::clock::Clock;
use crate::error::ConfigProblem;
use crate::flight::{Flight, MOST_WAITING};

/// What was read this long ago is in use, and read again in the background.
const CHECK_AFTER: Duration = Duration::from_secs(5);
/// What was read this long ago is read again before it is used: after a quiet hour, too, a change counts from its
/// first request on.
const WAIT_AFTER: Duration = Duration::from_secs(10);

/// The last good value of a file, read again while somebody asks for it.
///
/// A check is begun by the request that finds the last one too long ago, and is over with its end: nothing runs where
/// nobody asks. It has a thread of its own rather than one of a runtime's. So it needs no runtime and is not lost with
/// one, and a file system that does not answer neither stops a worker nor keeps a runtime from shutting down.
pub(crate) struct Reloaded<T> {
    file: Arc<TextFile<T>>,
    clock: Arc<dyn Clock>,
    /// How long the last good value is trusted beyond `WAIT_AFTER`, while no check succeeds.
    stale_bound: Duration,
    current: ArcSwap<Current<T>>,
    generation: AtomicU64,
    slot: Mutex<Slot>,
    patience: Duration,
    follower: Box<dyn Follower<T>>,
    /// Ourselves, for the check: it does not keep alive what nobody asks any more.
    this: Weak<Self>,
}

struct Current<T> {
    content: Arc<Content<T>>,
    trusted_until: Duration,
    /// When the last good check began.
    good: Duration,
    /// The last bad one, also after good ones. (No two begin at the same time.)
    bad: Option<(Duration, ConfigProblem)>,
    checks: Checks,
}

/// What a check found: something new, or what was there before.
type Found<T> = Result<Option<Arc<Content<T>>>, ConfigProblem>;

#[derive(Default)]
struct Slot {
    checking: Option<Flight>,
    turned_away: u64,
}

/// How checks ended, the one of `open` among them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Checks {
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    pub(crate) failed: u64,
}

/// What is known, for those who only look.
pub(crate) struct Peeked<R> {
    /// What was asked of the last good value, whether it is trusted or not.
    pub(crate) found: R,
    pub(crate) trusted: bool,
    /// How long ago the last good check began.
    pub(crate) good: Duration,
    /// How long ago the last bad one began, and what was wrong. Also after good ones.
    pub(crate) bad: Option<(Duration, ConfigProblem)>,
    pub(crate) standing: Standing,
    pub(crate) checking: bool,
    pub(crate) checks: Checks,
    /// How many could not wait for a check because too many did.
    pub(crate) turned_away: u64,
}

/// What can be said about something that is not in the value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// It is not in the file either.
    Recent,
    /// A check can tell.
    Due,
    /// Nobody can tell: the file cannot be read, or there is no sense in it.
    Failing { retry_after: Duration },
}

impl<T: Send + Sync + 'static> Reloaded<T> {
    /// Reads the file for the first time, on this thread.
    pub(crate) fn open(
        file: TextFile<T>,
        stale_bound: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, ConfigProblem> {
        Self::with_patience(file, stale_bound, clock, PATIENCE)
    }

    fn with_patience(
        file: TextFile<T>,
        stale_bound: Duration,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Result<Arc<Self>, ConfigProblem> {
        let good = clock.monotonic();
        let content = file.first()?;
        Ok(Self::new(file, content, good, stale_bound, clock, patience, Box::new(Alone)))
    }

    /// A file that was read before, whose last good value is never too old, and somebody who follows it.
    #[cfg(feature = "policy-file")]
    pub(crate) fn following(
        file: TextFile<T>,
        content: Content<T>,
        clock: Arc<dyn Clock>,
        follower: Box<dyn Follower<T>>,
    ) -> Arc<Self> {
        let good = clock.monotonic();
        Self::new(file, content, good, Duration::MAX, clock, PATIENCE, follower)
    }

    fn new(
        file: TextFile<T>,
        content: Content<T>,
        good: Duration,
        stale_bound: Duration,
        clock: Arc<dyn Clock>,
        patience: Duration,
        follower: Box<dyn Follower<T>>,
    ) -> Arc<Self> {
        let (content, trusted_until) = (Arc::new(content), trusted_until(good, stale_bound));
        let checks = Checks { changed: 1, ..Checks::default() };
        let current = Current { content, trusted_until, good, bad: None, checks };
        Arc::new_cyclic(|this| Self {
            file: Arc::new(file),
            clock,
            stale_bound,
            current: ArcSwap::from_pointee(current),
            generation: AtomicU64::new(0),
            slot: Mutex::default(),
            patience,
            follower,
            this: Weak::clone(this),
        })
    }

    /// Applies `use_value` to the last good value, however old it is, and begins a check if it is time for one.
    #[cfg(feature = "policy-file")]
    pub(crate) fn last<R>(&self, use_value: impl FnOnce(&T) -> R) -> R {
        let current = self.current.load();
        if current.is_due(self.clock.monotonic()) {
            drop(self.check());
        }
        use_value(&current.content.value)
    }

    /// Applies `use_value` to the last good value, unless a check must come first or it is no longer trusted.
    pub(crate) fn read<R>(&self, use_value: impl FnOnce(&T) -> R) -> Option<R> {
        let now = self.clock.monotonic();
        let current = self.current.load();
        if now >= current.trusted_until || now >= current.checked().saturating_add(WAIT_AFTER) {
            return None;
        }
        if current.is_due(now) {
            drop(self.check());
        }
        Some(use_value(&current.content.value))
    }

    /// Grows with each change: who reads it before the value, and finds it the same after [`standing`](Self::standing),
    /// has seen the value which that speaks of.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn standing(&self) -> Standing {
        let now = self.clock.monotonic();
        // A check lands whole, or not yet.
        let _landed = self.slot();
        self.current.load().standing(now)
    }

    /// What is known now. It begins nothing, and hides nothing.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> Peeked<R> {
        let now = self.clock.monotonic();
        let (current, checking, turned_away) = {
            let slot = self.slot();
            (self.current.load_full(), slot.checking.is_some(), slot.turned_away)
        };
        let ago = |then: Duration| now.saturating_sub(then);
        Peeked {
            found: look(&current.content.value),
            trusted: now < current.trusted_until,
            good: ago(current.good),
            bad: current.bad.as_ref().map(|(then, problem)| (ago(*then), problem.clone())),
            standing: current.standing(now),
            checking,
            checks: current.checks,
            turned_away,
        }
    }

    /// Joins the check under way, or begins one if it is time. `None` also if too many wait for it already.
    pub(crate) fn check(&self) -> Option<Flight> {
        let now = self.clock.monotonic();
        let (ended, checking) = {
            let mut slot = self.slot();
            if let Some(checking) = &slot.checking {
                // The slot has one itself.
                if checking.strong_count().is_none_or(|count| count <= MOST_WAITING) {
                    return Some(checking.clone());
                }
                count(&mut slot.turned_away);
                return None;
            }
            if !self.current.load().is_due(now) {
                return None;
            }
            let (ended, end) = oneshot::channel::<()>();
            (ended, slot.checking.insert(end.map(drop).boxed().shared()).clone())
        };
        let (this, file, patience) = (Weak::clone(&self.this), Arc::clone(&self.file), self.patience);
        let known = Arc::clone(&self.current.load().content);
        let begun = in_background(move || {
            let reading = Arc::clone(&file);
            let result = within(patience, move || reading.read(Some(&*known)));
            let result = result.unwrap_or_else(|| Err(file.unreadable(&"the file system did not answer")));
            if let Some(this) = this.upgrade() {
                this.landed(now, result);
            }
            // Whoever waits is woken.
            drop(ended);
        });
        if begun.is_none() {
            self.landed(now, Err(self.file.unreadable(&"there is no thread to be had")));
        }
        Some(checking)
    }

    /// Takes what a check found that began at this time.
    fn landed(&self, checked: Duration, result: Result<Option<Content<T>>, ConfigProblem>) {
        let result = result.map(|content| content.map(Arc::new));
        let mut swapped = None;
        let mut swap = || swapped = Some(self.swap(checked, &result));
        match &result {
            Ok(Some(new)) => self.follower.follow(&new.value, &mut swap),
            _ => swap(),
        }
        let new = result.as_ref().ok().and_then(Option::as_ref).map(|content| &content.value);
        if let Some((before, after)) = swapped {
            self.follower.report(self.file.path(), before.problem(), after.problem(), new);
        }
    }

    /// What was known before, and what is known now.
    fn swap(&self, checked: Duration, result: &Found<T>) -> (Arc<Current<T>>, Arc<Current<T>>) {
        let mut slot = self.slot();
        let before = self.current.load_full();
        let changed = matches!(result, Ok(Some(_)));
        let mut after = Current::clone(&before);
        match result {
            Ok(content) => {
                count(if changed { &mut after.checks.changed } else { &mut after.checks.unchanged });
                after.trusted_until = trusted_until(checked, self.stale_bound);
                after.good = checked;
                after.content = content.clone().unwrap_or(after.content);
            }
            Err(problem) => {
                count(&mut after.checks.failed);
                after.bad = Some((checked, problem.clone()));
            }
        }
        let after = Arc::new(after);
        self.current.store(Arc::clone(&after));
        if changed {
            self.generation.fetch_add(1, Ordering::Release);
        }
        let ended = slot.checking.take();
        drop(slot);
        drop(ended);
        (before, after)
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        // Nothing that holds the lock can leave the slot half changed.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of what a check found good that began at this time.
fn trusted_until(checked: Duration, stale_bound: Duration) -> Duration {
    checked.saturating_add(WAIT_AFTER).saturating_add(stale_bound)
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl<T> Current<T> {
    /// What the last check found wrong.
    fn problem(&self) -> Option<&ConfigProblem> {
        self.bad.as_ref().filter(|(then, _)| *then > self.good).map(|(_, problem)| problem)
    }

    /// When the last check began.
    fn checked(&self) -> Duration {
        self.bad.as_ref().map_or(self.good, |(bad, _)| self.good.max(*bad))
    }

    fn is_due(&self, now: Duration) -> bool {
        now >= self.checked().saturating_add(CHECK_AFTER)
    }

    fn standing(&self, now: Duration) -> Standing {
        if self.is_due(now) {
            Standing::Due
        } else if self.problem().is_some() {
            let next = self.checked().saturating_add(CHECK_AFTER);
            Standing::Failing { retry_after: next.saturating_sub(now) }
        } else {
            Standing::Recent
        }
    }
}

// Not derived: that would ask for a `T` that can be cloned.
impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self { content: Arc::clone(&self.content), bad: self.bad.clone(), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::sync::atomic::AtomicUsize;

    #[derive(Debug, Default)]
    struct Hand(AtomicU64);

    impl Hand {
        fn advance(&self, seconds: u64) {
            self.0.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    impl Clock for Hand {
        fn unix_time(&self) -> Duration {
            self.monotonic()
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::SeqCst))
        }
    }

    /// A file whose text is its value, the clock, how often it was looked at, and what a look waits for.
    struct World {
        path: PathBuf,
        clock: Arc<Hand>,
        looks: Arc<AtomicUsize>,
        gate: Arc<Mutex<()>>,
        file: Arc<Reloaded<String>>,
    }

    impl World {
        fn new(name: &str) -> Self {
            Self::with_patience(name, PATIENCE)
        }

        fn with_patience(name: &str, patience: Duration) -> Self {
            let path = std::env::temp_dir().join(format!("portcullis-{name}-{}", std::process::id()));
            std::fs::write(&path, "first").unwrap();
            let (clock, looks) = (Arc::<Hand>::default(), Arc::<AtomicUsize>::default());
            let gate = Arc::<Mutex<()>>::default();
            let (counted, passed) = (Arc::clone(&looks), Arc::clone(&gate));
            let parse = move |text: &str| {
                counted.fetch_add(1, Ordering::SeqCst);
                drop(passed.lock());
                assert_ne!(text, "panic");
                Ok(text.to_owned())
            };
            let file = TextFile::new(&path, 100, |why| ConfigProblem::new("unreadable_key_file", why), parse);
            let hour = Duration::from_secs(3600);
            let file = Reloaded::with_patience(file, hour, Arc::<Hand>::clone(&clock), patience).unwrap();
            Self { path, clock, looks, gate, file }
        }

        fn write(&self, text: &str) {
            std::fs::write(&self.path, text).unwrap();
        }

        /// What a request finds, and what it can say of something else.
        fn found(&self) -> (Option<String>, Standing) {
            (self.file.read(String::clone), self.file.standing())
        }

        fn looks(&self) -> usize {
            self.looks.load(Ordering::SeqCst)
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            std::fs::remove_file(&self.path).unwrap();
        }
    }

    const FAILING: Standing = Standing::Failing { retry_after: CHECK_AFTER };

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[tokio::test]
    async fn those_who_wait_share_one_look_and_are_bounded() {
        // covers: JWK-010
        let world = World::new("shared");
        world.write("second");
        world.clock.advance(10);
        assert_eq!(world.found(), (None, Standing::Due));
        let gate = world.gate.lock().unwrap();
        let waiting: Vec<_> = std::iter::from_fn(|| world.file.check()).take(2 * MOST_WAITING).collect();
        assert_eq!(waiting.len(), MOST_WAITING);
        assert!(world.file.check().is_none());
        let peeked = world.file.peek(String::clone);
        assert_eq!((peeked.found, peeked.trusted, peeked.checking), ("first".into(), true, true));
        assert_eq!(peeked.turned_away, 2, "the iterator met its end, and so did we");
        drop(gate);
        for look in waiting {
            look.await;
        }
        assert_eq!(world.found(), (text("second"), Standing::Recent));
        assert_eq!((world.looks(), world.file.generation()), (2, 1));
        assert!(world.file.check().is_none(), "nothing is due");
    }

    #[tokio::test]
    #[expect(clippy::await_holding_lock, reason = "the file hangs meanwhile")]
    async fn a_file_system_that_hangs_holds_one_thread_and_nobody_for_long() {
        // Patience is of real time.
        let world = World::with_patience("hanging", Duration::from_millis(50));
        let why = || world.file.peek(|_| ()).bad.unwrap().1.to_string();
        world.write("second");
        let gate = world.gate.lock().unwrap();
        world.clock.advance(10);
        world.file.check().unwrap().await;
        assert_eq!(world.found(), (text("first"), FAILING));
        assert!(why().contains("did not answer"), "{}", why());
        for _ in 0..10 {
            world.clock.advance(10);
            world.file.check().unwrap().await;
            assert_eq!(world.found(), (text("first"), FAILING));
            // The next ones do not wait for it.
            assert!(why().contains("has not ended"), "{}", why());
        }
        assert_eq!(world.looks(), 2);
        drop(gate);
        for _ in 0..10_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            world.clock.advance(10);
            world.file.check().unwrap().await;
            if world.found().1 != FAILING {
                break;
            }
        }
        assert_eq!(world.found(), (text("second"), Standing::Recent));
    }

    #[tokio::test]
    async fn a_look_that_panics_is_a_failed_one() {
        let world = World::new("panic");
        for (written, found) in [
            ("panic", (text("first"), FAILING)),
            ("panic", (text("first"), FAILING)),
            ("third", (text("third"), Standing::Recent)),
        ] {
            world.write(written);
            world.clock.advance(10);
            world.file.check().unwrap().await;
            assert_eq!(world.found(), found);
        }
    }

    #[tokio::test]
    async fn nothing_looks_where_nobody_asks_and_a_look_keeps_nothing_alive() {
        let world = World::new("handles");
        world.write("second");
        world.clock.advance(3600);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(world.looks(), 1);
        let gate = world.gate.lock().unwrap();
        let look = world.file.check().unwrap();
        for _ in 0..10_000 {
            if world.looks() > 1 {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(Arc::strong_count(&world.file), 1, "with a look under way");
        drop(gate);
        look.await;
        assert_eq!((Arc::strong_count(&world.file), world.looks()), (1, 2));
        assert_eq!(world.found(), (text("second"), Standing::Recent));
    }
}
