use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::answer::Answer;
use super::digest::TokenDigest;
use super::error::IntrospectionError;
use super::turns::{Turn, Turns, Wait};
use crate::flight::{Flight, InFlight, Landing, MOST_WAITING};

/// How many exchanges with one endpoint are under way at a time.
pub(super) const MOST_AT_ONCE: usize = 64;
/// And how many more wait for their turn.
const MOST_IN_ALL: usize = MOST_AT_ONCE + MOST_WAITING;

/// How often it is looked for exchanges that were dropped, apart from the one about the token of a request.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How an exchange ended.
pub(crate) type Outcome = Result<Answer, Arc<IntrospectionError>>;

/// The exchanges under way, by token: who presents the same one waits for the same answer.
pub(super) struct Flights {
    /// No exchange takes this long, with all that belongs to it; a client that does not keep its limit is not waited for.
    overdue: Duration,
    turns: Turns,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_token: HashMap<TokenDigest, UnderWay>,
    /// Those whose answers are not to be kept. They hold places all the same, and may have to be given up.
    forgotten: Vec<UnderWay>,
    /// When to look for what is lost: before anything can be overdue.
    sweep_at: Duration,
}

struct UnderWay {
    in_flight: InFlight,
    turn: Turn,
    outcome: Arc<OnceLock<Outcome>>,
    begun: Duration,
}

/// A place among those who wait for an answer.
pub(crate) struct WaitingForAnswer {
    flight: Flight,
    outcome: Arc<OnceLock<Outcome>>,
}

/// What became of a request that asked for a place.
pub(super) enum Place {
    /// The answer came in between.
    Kept(Answer),
    Begun(WaitingForAnswer),
    Joined(WaitingForAnswer),
    /// Too many wait. The flight is for whoever releases the lock to drop.
    None {
        _flight: Option<Flight>,
    },
}

impl WaitingForAnswer {
    pub(crate) async fn landed(self) -> Outcome {
        self.flight.await;
        self.outcome.get().cloned().unwrap_or_else(|| Err(Arc::new(IntrospectionError::GivenUp)))
    }
}

impl UnderWay {
    fn is_lost(&self, overdue: Duration, now: Duration) -> bool {
        self.in_flight.was_dropped() || now.saturating_sub(self.begun) >= overdue
    }
}

impl Flights {
    pub(super) fn new(overdue: Duration) -> Self {
        Self { overdue, turns: Turns::new(MOST_AT_ONCE), table: Mutex::default() }
    }

    /// Joins the exchange about a token, or begins one where `kept` finds no answer. Says, too, how many exchanges were given
    /// up for it.
    pub(super) fn enter(
        &self,
        digest: TokenDigest,
        now: Duration,
        kept: impl FnOnce() -> Option<Answer>,
        begin: impl FnOnce(Wait, Arc<OnceLock<Outcome>>) -> (InFlight, Flight),
    ) -> (Place, usize) {
        let mut table = self.table();
        // Dropped behind the lock: code of the user's may be in them.
        let lost = table.take_lost(&digest, !self.turns.is_any_free(), self.overdue, now);
        let place = table.enter(digest, now, &self.turns, kept, begin);
        drop(table);
        (place, self.give_up(lost))
    }

    /// Ends an exchange, and keeps its answer unless it was forgotten meanwhile. `false` if it was given up before.
    pub(super) fn land(&self, digest: &TokenDigest, landing: &Landing, keep: impl FnOnce()) -> bool {
        let mut table = self.table();
        let ended = if table.by_token.get(digest).is_some_and(|under_way| under_way.in_flight.is(landing)) {
            let ended = table.by_token.remove(digest);
            // Under the lock, so that nothing is forgotten in between.
            keep();
            ended
        } else {
            let forgotten = table.forgotten.iter().position(|under_way| under_way.in_flight.is(landing));
            forgotten.map(|at| table.forgotten.swap_remove(at))
        };
        drop(table);
        let Some(ended) = ended else { return false };
        self.turns.give_back(ended.turn);
        true
    }

    /// Answers to exchanges that are under way now are not kept. `forget` is what to forget beside.
    pub(super) fn forget(&self, digest: Option<&TokenDigest>, forget: impl FnOnce()) {
        let mut table = self.table();
        let Table { by_token, forgotten, .. } = &mut *table;
        match digest {
            Some(digest) => forgotten.extend(by_token.remove(digest)),
            None => forgotten.extend(by_token.drain().map(|(_, under_way)| under_way)),
        }
        forget();
    }

    /// Nobody is to have any of the answers.
    pub(super) fn give_up_all(&self) {
        let mut table = self.table();
        let mut all = std::mem::take(&mut table.forgotten);
        all.extend(std::mem::take(&mut table.by_token).into_values());
        drop(table);
        self.give_up(all);
    }

    fn give_up(&self, lost: Vec<UnderWay>) -> usize {
        let count = lost.len();
        for UnderWay { in_flight, turn, .. } in lost {
            in_flight.give_up();
            self.turns.give_back(turn);
        }
        count
    }

    /// Whether exchanges wait for their turn.
    pub(super) fn are_crowded(&self) -> bool {
        self.turns.is_anyone_waiting()
    }

    pub(super) fn len(&self) -> usize {
        self.table().len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn len(&self) -> usize {
        self.by_token.len().saturating_add(self.forgotten.len())
    }

    /// Takes out what will not end by itself: the exchange about this token, and now and then any, or where it is `crowded`.
    fn take_lost(
        &mut self,
        digest: &TokenDigest,
        crowded: bool,
        after: Duration,
        now: Duration,
    ) -> Vec<UnderWay> {
        if crowded || now >= self.sweep_at {
            let lost =
                self.by_token.extract_if(|_, under_way| under_way.is_lost(after, now)).map(|(_, lost)| lost);
            let lost = lost
                .chain(self.forgotten.extract_if(.., |under_way| under_way.is_lost(after, now)))
                .collect();
            let overdue = |under_way: &UnderWay| under_way.begun.saturating_add(after);
            let earliest = self.by_token.values().chain(&self.forgotten).map(overdue).min();
            self.sweep_at = earliest.unwrap_or(Duration::MAX).min(now.saturating_add(SWEEP_EVERY));
            return lost;
        }
        let lost = self.by_token.get(digest).is_some_and(|under_way| under_way.is_lost(after, now));
        lost.then(|| self.by_token.remove(digest)).flatten().into_iter().collect()
    }

    fn enter(
        &mut self,
        digest: TokenDigest,
        now: Duration,
        turns: &Turns,
        kept: impl FnOnce() -> Option<Answer>,
        begin: impl FnOnce(Wait, Arc<OnceLock<Outcome>>) -> (InFlight, Flight),
    ) -> Place {
        if let Some(under_way) = self.by_token.get(&digest)
            && let Some(flight) = under_way.in_flight.join()
        {
            // One more is kept for those who come later.
            let waiting = flight.strong_count().map(|count| count.saturating_sub(1));
            if waiting.is_some_and(|waiting| waiting > MOST_WAITING) {
                return Place::None { _flight: Some(flight) };
            }
            return Place::Joined(WaitingForAnswer { flight, outcome: Arc::clone(&under_way.outcome) });
        }
        // Whoever looked into the memory and came here after the exchange ended has missed it in both places.
        if let Some(answer) = kept() {
            return Place::Kept(answer);
        }
        if self.len() >= MOST_IN_ALL {
            return Place::None { _flight: None };
        }
        let (outcome, (turn, wait)) = (Arc::new(OnceLock::new()), turns.take());
        let (in_flight, flight) = begin(wait, Arc::clone(&outcome));
        let waiting = WaitingForAnswer { flight, outcome: Arc::clone(&outcome) };
        let replaced = self.by_token.insert(digest, UnderWay { in_flight, turn, outcome, begun: now });
        // Whoever drove it is gone, and it is about to end: it has a turn to give back.
        self.forgotten.extend(replaced);
        Place::Begun(waiting)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[test]
    fn an_exchange_whose_last_waiter_has_just_left_still_gives_its_turn_back() {
        // covers: INT-026
        let (flights, digest) = (Flights::new(Duration::from_secs(30)), TokenDigest::of("token"));
        let mut landings = Vec::new();
        for _ in 0..3 {
            let (place, given_up) = flights.enter(
                digest,
                Duration::ZERO,
                || None,
                |_, _| {
                    InFlight::begin(|landing| {
                        landings.push(landing);
                        pending()
                    })
                },
            );
            assert!(matches!(place, Place::Begun(_)) && given_up == 0);
            // Nobody drives it any more, and that it was dropped has not been noticed.
            drop(place);
        }
        assert_eq!(flights.len(), 3);
        for landing in &landings {
            assert!(flights.land(&digest, landing, || ()));
            assert!(!flights.land(&digest, landing, || ()));
        }
        assert_eq!(flights.len(), 0);
        let turns: Vec<_> = (0..MOST_AT_ONCE).map(|_| flights.turns.take()).collect();
        assert!(turns.iter().all(|(_, wait)| wait.is_none()), "all are free");
    }
}
