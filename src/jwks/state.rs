use std::time::Duration;

use super::failure::Failure;
use super::load_error::LoadError;
use super::located::Located;
use super::lookup::Missing;
use super::record::Record;
use super::schedule::{Advice, Schedule};
use super::status::{KeyState, KeysUnavailable};
use super::timing::KeyTiming;
use crate::flight::{Flight, InFlight, MOST_WAITING};

/// What the lock of a remote set guards.
pub(super) struct State {
    pub(super) schedule: Schedule,
    pub(super) flight: Option<InFlight>,
    /// Whether that fetch is one in the background, of keys that were in memory.
    pub(super) refreshing: bool,
    pub(super) located: Option<Located>,
    pub(super) record: Record,
}

/// A failed fetch, to be told of when the lock is released.
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) retry_in: Option<Duration>,
}

/// A place among those who wait for the fetch under way.
pub(super) enum Seat {
    Free(Flight),
    /// Too many wait. The flight is for whoever releases the lock to drop; `first` is the first of its fetch.
    Taken {
        _flight: Flight,
        first: bool,
    },
}

impl State {
    pub(super) fn new(timing: KeyTiming) -> Self {
        Self {
            schedule: Schedule::new(timing),
            flight: None,
            refreshing: false,
            located: None,
            record: Record::default(),
        }
    }

    /// Takes away a fetch that was dropped or is lost. Giving it up may run code of others: not under the lock.
    pub(super) fn settle(&mut self, now: Duration) -> Option<(Option<InFlight>, Failed)> {
        let dropped = self.flight.as_ref().is_some_and(InFlight::was_dropped);
        if !dropped && !self.schedule.is_lost(now) {
            return None;
        }
        // What was dropped says nothing about the issuer; what did not end does.
        if dropped {
            self.schedule.dropped();
        } else {
            self.schedule.failed();
        }
        Some((self.flight.take(), self.note(now, Failure::of(&LoadError::GivenUp))))
    }

    /// Whether the keys made room for others, and could be had again.
    pub(super) fn made_room(&self, now: Duration) -> bool {
        self.schedule.state(now) == KeyState::Evicted && !self.schedule.is_failing()
    }

    /// Notes a success without taking what it brought; `confirmed` if that was a 304.
    pub(super) fn forgo(&mut self, confirmed: bool, now: Duration) {
        self.schedule.succeeded(now, Duration::ZERO, 0);
        self.schedule.evicted();
        if confirmed {
            self.record.not_modified(now);
        } else {
            self.record.succeeded(now);
        }
    }

    pub(super) fn failed(&mut self, now: Duration, failure: Failure) -> Failed {
        self.schedule.failed();
        self.note(now, failure)
    }

    fn note(&mut self, now: Duration, failure: Failure) -> Failed {
        self.record.failed(now, failure.clone());
        Failed { failure, retry_in: self.schedule.retry_in(now) }
    }

    pub(super) fn missing(&self, now: Duration) -> Missing {
        match self.schedule.for_missing_key(now) {
            Advice::Fetch | Advice::Join => Missing::Fetch,
            Advice::Unknown => Missing::Unknown,
            Advice::Unavailable { retry_after } => Missing::Unavailable { retry_after },
        }
    }

    pub(super) fn join(&mut self) -> Option<Seat> {
        let flight = self.flight.as_ref().and_then(InFlight::join)?;
        // One more is kept for those who come later.
        let waiting = flight.strong_count().map(|count| count.saturating_sub(1));
        if waiting.is_none_or(|waiting| waiting <= MOST_WAITING) {
            return Some(Seat::Free(flight));
        }
        Some(Seat::Taken { _flight: flight, first: self.record.too_many_waiting() })
    }

    pub(super) fn unavailable(&self, now: Duration) -> KeysUnavailable {
        KeysUnavailable {
            state: self.schedule.state(now),
            last_error: self.record.last_error(now).filter(|_| self.schedule.is_failing()),
            retry_after: self.schedule.pause(now).unwrap_or_default(),
        }
    }
}
