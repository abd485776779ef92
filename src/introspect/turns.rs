use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::oneshot;

/// Who may ask now, and who waits for that, first come first served.
///
/// A turn belongs to an entry of the table of exchanges, and not to the future that uses it: a future on a runtime that
/// nobody drives is never dropped, and would keep its turn for ever.
pub(super) struct Turns {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    queue: VecDeque<(Weak<Stage>, oneshot::Sender<()>)>,
}

/// The turn of one exchange, had or waited for.
pub(super) struct Turn(Arc<Stage>);

/// How far an exchange has come with its turn. It is had by one at a time and ended once, whoever else calls or leaves at that
/// moment.
struct Stage(AtomicU8);

const WAITING: u8 = 0;
const HAD: u8 = 1;
const ENDED: u8 = 2;

/// Until it is somebody's turn.
pub(super) type Wait = Option<oneshot::Receiver<()>>;

impl Turns {
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// Takes a turn, or a place in the queue for one.
    pub(super) fn take(&self) -> (Turn, Wait) {
        let mut state = self.state();
        if state.taken < self.most {
            state.taken = state.taken.saturating_add(1);
            return (Turn(Arc::new(Stage(AtomicU8::new(HAD)))), None);
        }
        // Before it grows, those who are gone leave it.
        if state.queue.len() == state.queue.capacity() {
            state.queue.retain(|(turn, _)| turn.strong_count() > 0);
        }
        let (turn, (called, wait)) = (Arc::new(Stage(AtomicU8::new(WAITING))), oneshot::channel());
        state.queue.push_back((Arc::downgrade(&turn), called));
        (Turn(turn), Some(wait))
    }

    /// Passes a turn on, if it was had. Not to be called under a lock: it wakes somebody.
    pub(super) fn give_back(&self, turn: Turn) {
        let had = turn.0.end();
        // Whoever was not called yet is found gone when the queue comes to them.
        drop(turn);
        if had {
            self.pass_on();
        }
    }

    fn pass_on(&self) {
        loop {
            let mut state = self.state();
            let Some((turn, called)) = state.next() else {
                state.taken = state.taken.saturating_sub(1);
                return;
            };
            drop(state);
            if called.send(()).is_ok() {
                return;
            }
            // The future was dropped. Unless somebody noticed already and passed its turn on, that is for us to do.
            if !turn.end() {
                return;
            }
        }
    }

    pub(super) fn is_any_free(&self) -> bool {
        self.state().taken < self.most
    }

    pub(super) fn is_anyone_waiting(&self) -> bool {
        self.state().queue.iter().any(|(turn, _)| turn.strong_count() > 0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next who is still there. It is their turn.
    fn next(&mut self) -> Option<(Arc<Stage>, oneshot::Sender<()>)> {
        while let Some((turn, called)) = self.queue.pop_front() {
            if let Some(turn) = turn.upgrade().filter(|turn| turn.begin()) {
                return Some((turn, called));
            }
        }
        None
    }
}

impl Stage {
    /// `false` if whose it is has left.
    fn begin(&self) -> bool {
        self.0.compare_exchange(WAITING, HAD, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether it was had until now.
    fn end(&self) -> bool {
        self.0.swap(ENDED, Ordering::AcqRel) == HAD
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    fn is_called(wait: &mut Wait) -> bool {
        wait.as_mut().is_none_or(|wait| wait.try_recv().is_ok())
    }

    #[test]
    fn a_turn_that_is_given_back_goes_to_the_next_who_is_still_there() {
        let turns = Turns::new(1);
        let (first, mut free) = turns.take();
        assert!(is_called(&mut free));
        let [mut gone, mut dropped, mut next, mut last] = [(); 4].map(|()| turns.take());
        assert!(!is_called(&mut gone.1) && turns.is_anyone_waiting());
        turns.give_back(gone.0);
        // Its future is gone, and nobody has noticed.
        dropped.1 = None;
        turns.give_back(first);
        assert!(is_called(&mut next.1) && !is_called(&mut last.1));
        // What is noticed later passes nothing on a second time.
        turns.give_back(dropped.0);
        assert!(!is_called(&mut last.1));
        turns.give_back(next.0);
        assert!(is_called(&mut last.1) && !turns.is_anyone_waiting());
        turns.give_back(last.0);
        assert!(is_called(&mut turns.take().1) && !is_called(&mut turns.take().1));
    }

    #[test]
    fn a_turn_is_taken_from_a_future_that_is_never_dropped() {
        let turns = Turns::new(1);
        let (held, _) = turns.take();
        let (undriven, wait) = turns.take();
        turns.give_back(held);
        // It was called and does not come.
        let (next, mut called) = turns.take();
        assert!(!is_called(&mut called));
        turns.give_back(undriven);
        assert!(is_called(&mut called));
        drop((wait, next));
    }

    #[test]
    fn whoever_leaves_while_it_is_called_takes_no_turn_along() {
        for _ in 0..2_000 {
            let turns = Turns::new(1);
            let ((held, _), (leaving, _undriven)) = (turns.take(), turns.take());
            let start = Barrier::new(2);
            let give_back = |turn| {
                start.wait();
                turns.give_back(turn);
            };
            thread::scope(|scope| {
                scope.spawn(|| give_back(held));
                give_back(leaving);
            });
            assert!(turns.take().1.is_none(), "the turn is free");
        }
    }

    #[test]
    fn those_who_are_gone_do_not_fill_the_queue() {
        let turns = Turns::new(1);
        let _held = turns.take();
        let patient = turns.take();
        for _ in 0..10_000 {
            let (turn, _) = turns.take();
            turns.give_back(turn);
        }
        assert!(turns.state().queue.capacity() < 100);
        assert!(turns.is_anyone_waiting());
        drop(patient);
        assert!(!turns.is_anyone_waiting());
    }
}
