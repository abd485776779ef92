//! What can be seen of an issuer's keys from outside: for health endpoints and operators.

use std::time::Duration;

use crate::jose::{KeySet, ListedKey};

/// What is known of one issuer's keys at one instant. Durations are relative to it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyStatus {
    /// Whether there are keys, and how old they are.
    pub state: KeyState,
    /// Whether a fetch, or a look at the file, is under way.
    pub fetching: bool,
    /// For how long an unknown `kid` causes no fetch yet. `None`: the next one may.
    pub cooldown: Option<Duration>,
    /// After failures: how long until the next attempt may begin. `None`: it may now, or the last one succeeded.
    pub retry_in: Option<Duration>,
    /// The keys in memory that can verify an allowed algorithm, also while they are not trusted.
    pub keys: Vec<KnownKey>,
    /// How long ago a fetch last succeeded, or a look at the file that found it good began.
    pub last_success: Option<Duration>,
    /// The last failure, also after later successes.
    pub last_error: Option<KeyError>,
    /// What happened since the start.
    pub counters: KeyCounters,
}

impl KeyStatus {
    /// The status of keys of which no more than this is known.
    pub(super) fn of_state(state: KeyState) -> Self {
        Self {
            state,
            fetching: false,
            cooldown: None,
            retry_in: None,
            keys: Vec::new(),
            last_success: None,
            last_error: None,
            counters: KeyCounters::default(),
        }
    }
}

/// Whether an issuer's keys are in memory, and how old they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyState {
    /// There are none, and none is needed: every token of the issuer is introspected.
    Unused,
    /// Given by the configuration. They never change, and nothing is fetched.
    Fixed,
    /// Read from a file, which is looked at again while tokens need it.
    #[non_exhaustive]
    FromFile {
        /// Whether the last good look is recent enough: no longer ago than 10 s and the
        /// [`stale_bound`](crate::KeyTiming::stale_bound). After 10 quiet seconds a token waits for another look all the same.
        trusted: bool,
    },
    /// No fetch has succeeded yet.
    NotLoaded,
    /// They were given up, to make room for keys of other issuers. The next token that needs them may fetch them again.
    Evicted,
    /// Within their lifetime.
    #[non_exhaustive]
    Fresh {
        /// When a token first causes a refresh in the background.
        refresh_in: Duration,
    },
    /// Near the end of their lifetime: the next token causes a refresh, unless one failed just now.
    #[non_exhaustive]
    RefreshDue {
        /// What is left of their lifetime.
        stale_in: Duration,
    },
    /// Beyond their lifetime, and trusted for want of better ones.
    #[non_exhaustive]
    Stale {
        /// How long ago their lifetime ended.
        since: Duration,
        /// For how long they are trusted yet.
        trusted_for: Duration,
    },
    /// Too old to be trusted. Tokens are answered with 503 until a fetch succeeds.
    #[non_exhaustive]
    Expired {
        /// How long ago they were last trusted.
        since: Duration,
    },
}

impl KeyState {
    /// Whether tokens are verified with these keys.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        match self {
            Self::Fixed | Self::Fresh { .. } | Self::RefreshDue { .. } | Self::Stale { .. } => true,
            Self::FromFile { trusted } => *trusted,
            Self::Unused | Self::NotLoaded | Self::Evicted | Self::Expired { .. } => false,
        }
    }
}

/// A key that is in memory. Nothing of its material.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KnownKey {
    /// The `kid` it was published with.
    pub key_id: Option<String>,
    /// The names of the algorithms that it verifies here, such as `RS256`. Names, and not values of
    /// [`SignatureAlgorithm`](crate::SignatureAlgorithm): the one key of an issuer with an HMAC key is listed, too, and
    /// its algorithm is of [another type](crate::HmacAlgorithm), so that no list can have both.
    pub algorithms: Vec<&'static str>,
}

impl KnownKey {
    pub(super) fn all(keys: &KeySet) -> Vec<Self> {
        let known =
            |key: ListedKey<'_>| Self { key_id: key.key_id.map(Into::into), algorithms: key.algorithms };
        keys.listed().into_iter().map(known).collect()
    }
}

/// Why a fetch of keys, or a look at their file, failed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyError {
    /// A stable, lower-case name, such as `timed_out`. [All codes](crate::docs::keys).
    pub code: &'static str,
    /// For operators. URLs in it have neither user information nor a query.
    pub message: String,
    /// How long ago.
    pub ago: Duration,
}

/// What happened to one issuer's keys since the start. Each fetch that has ended is counted as one of succeeded, not
/// modified, and failed. Of a key file, the looks at it are counted, the first one (by `build`) included. Keys that are given
/// by the configuration have no counters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyCounters {
    /// Fetches begun.
    pub fetches: u64,
    /// Fetches that brought a key set.
    pub succeeded: u64,
    /// Fetches after which the key set in memory counts as fresh again, because the server says that it did not change.
    pub not_modified: u64,
    /// Fetches that failed, did not end, or were dropped.
    pub failed: u64,
    /// Tokens refused because the issuer has no key of their `kid` and algorithm.
    pub unknown_keys: u64,
    /// Requests answered with 503 because too many waited for a fetch already.
    pub too_many_waiting: u64,
    /// How often the keys were given up to make room for those of other issuers.
    pub evicted: u64,
}

/// Why an issuer's keys are not there, and when to ask again.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .last_error.as_ref().map_or("the keys are not available", |error| &error.message))]
#[non_exhaustive]
pub struct KeysUnavailable {
    /// Where the keys stand.
    pub state: KeyState,
    /// What went wrong since they were last fetched, if anything did.
    pub last_error: Option<KeyError>,
    /// How long until the next attempt may begin.
    pub retry_after: Duration,
}
