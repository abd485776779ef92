use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What is wrong with an [`Issuer`](super::Issuer) for the time being. It concerns metadata and keys alike.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with this status and no body.
    Status(u16),
    /// Answers 200 with this body, whatever was asked for.
    Body(String),
    /// Answers rightly, but so much later (in tokio's time, which a test can pause).
    Delay(Duration),
    /// Takes requests and never answers.
    Hang,
    /// Begins its answer and breaks off the connection.
    BreakOff,
}

/// The fault of the moment.
#[derive(Default)]
pub(super) struct Faults(Mutex<Option<Fault>>);

impl Faults {
    pub(super) fn set(&self, fault: Option<Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    pub(super) fn now(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
