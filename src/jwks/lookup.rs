use std::time::Duration;

use super::live::Awaited;
use crate::flight::Flight;
use crate::jose::VerifiedJws;

/// What a caller made of the keys for a token: the proof that one of them verified its signature, and what else it has
/// found, or why it refuses the token. By the proof we know which keys are in use.
pub(crate) type Verified<R, E> = Result<(VerifiedJws, R), E>;

/// A place among those who wait for a fetch. Whoever has it still needs what the fetch brings.
pub(crate) struct Waiting {
    flight: Flight,
    _awaited: Option<Awaited>,
}

impl Waiting {
    pub(super) fn new(flight: Flight, awaited: Option<Awaited>) -> Self {
        Self { flight, _awaited: awaited }
    }

    /// Until the fetch has ended, however it did. Keep the place until the keys were looked at.
    pub(crate) async fn landed(&mut self) {
        (&mut self.flight).await;
    }
}

/// What is known, in memory and without waiting, about the keys for one token.
pub(crate) enum Lookup<R> {
    /// There were keys; this is what the caller made of them.
    Found(R),
    /// There were none.
    Missing(Missing),
}

/// What can be said about a key that is not in memory.
pub(crate) enum Missing {
    /// The issuer has no such key, as far as a recent successful fetch shows.
    Unknown,
    /// A fetch can tell. Not yet begun: the caller may still refuse the token for a cheaper reason.
    Fetch,
    /// Nobody can tell now: the issuer cannot be reached and what is in memory is too old or does not fit.
    Unavailable { retry_after: Duration },
}
