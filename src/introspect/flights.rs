use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::answer::Answer;
use super::digest::TokenDigest;
use super::error::IntrospectionError;
use crate::flight::{Flight, InFlight, Landing, MOST_WAITING};

/// How many exchanges with one endpoint are under way at a time.
pub(super) const MOST_AT_ONCE: usize = 64;
/// And how many more wait for their turn.
const MOST_IN_ALL: usize = MOST_AT_ONCE + MOST_WAITING;

/// No exchange takes this long, with all that belongs to it; a client that does not keep its limit is not waited for.
const OVERDUE: Duration = Duration::from_secs(30);

/// How often it is looked for exchanges that were dropped, apart from the one about the token of a request.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How an exchange ended.
pub(crate) type Outcome = Result<Answer, Arc<IntrospectionError>>;

/// The exchanges under way, by token: who presents the same one waits for the same answer.
#[derive(Default)]
pub(super) struct Flights {
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
    fn is_lost(&self, now: Duration) -> bool {
        self.in_flight.was_dropped() || now.saturating_sub(self.begun) >= OVERDUE
    }
}

impl Flights {
    /// Joins the exchange about a token, or begins one where `kept` finds no answer. Says, too, how many exchanges were given
    /// up for it.
    pub(super) fn enter(
        &self,
        digest: TokenDigest,
        now: Duration,
        kept: impl FnOnce() -> Option<Answer>,
        begin: impl FnOnce(Arc<OnceLock<Outcome>>) -> (InFlight, Flight),
    ) -> (Place, usize) {
        let mut table = self.table();
        // Dropped behind the lock: code of the user's may be in them.
        let lost = table.take_lost(&digest, now);
        let place = table.enter(digest, now, kept, begin);
        drop(table);
        (place, give_up(lost))
    }

    /// Ends an exchange, and keeps its answer unless it was forgotten meanwhile.
    pub(super) fn land(&self, digest: TokenDigest, landing: &Landing, keep: impl FnOnce()) {
        let mut table = self.table();
        let ended = if table.by_token.get(&digest).is_some_and(|under_way| under_way.in_flight.is(landing)) {
            let ended = table.by_token.remove(&digest);
            // Under the lock, so that nothing is forgotten in between.
            keep();
            ended
        } else {
            let forgotten = table.forgotten.iter().position(|under_way| under_way.in_flight.is(landing));
            forgotten.map(|at| table.forgotten.swap_remove(at))
        };
        drop(table);
        drop(ended);
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
        give_up(all);
    }

    pub(super) fn len(&self) -> usize {
        self.table().len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn give_up(lost: Vec<UnderWay>) -> usize {
    lost.into_iter().map(|lost| lost.in_flight.give_up()).count()
}

impl Table {
    fn len(&self) -> usize {
        self.by_token.len().saturating_add(self.forgotten.len())
    }

    /// Takes out what will not end by itself: the exchange about this token, and now and then any.
    fn take_lost(&mut self, digest: &TokenDigest, now: Duration) -> Vec<UnderWay> {
        if now >= self.sweep_at || self.len() >= MOST_IN_ALL {
            let lost = self.by_token.extract_if(|_, under_way| under_way.is_lost(now)).map(|(_, lost)| lost);
            let lost =
                lost.chain(self.forgotten.extract_if(.., |under_way| under_way.is_lost(now))).collect();
            let overdue = |under_way: &UnderWay| under_way.begun.saturating_add(OVERDUE);
            let earliest = self.by_token.values().chain(&self.forgotten).map(overdue).min();
            self.sweep_at = earliest.unwrap_or(Duration::MAX).min(now.saturating_add(SWEEP_EVERY));
            return lost;
        }
        let lost = self.by_token.get(digest).is_some_and(|under_way| under_way.is_lost(now));
        lost.then(|| self.by_token.remove(digest)).flatten().into_iter().collect()
    }

    fn enter(
        &mut self,
        digest: TokenDigest,
        now: Duration,
        kept: impl FnOnce() -> Option<Answer>,
        begin: impl FnOnce(Arc<OnceLock<Outcome>>) -> (InFlight, Flight),
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
        let outcome = Arc::new(OnceLock::new());
        let (in_flight, flight) = begin(Arc::clone(&outcome));
        let waiting = WaitingForAnswer { flight, outcome: Arc::clone(&outcome) };
        self.by_token.insert(digest, UnderWay { in_flight, outcome, begun: now });
        Place::Begun(waiting)
    }
}
