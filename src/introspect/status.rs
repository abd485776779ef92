//! What can be seen of introspection from outside: for health endpoints and operators.

use std::time::Duration;

/// What is known at one instant of the introspection of one issuer's tokens. Durations are relative to it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IntrospectionStatus {
    /// Where tokens are sent to, without user information and query. `None` while the metadata has not been asked, or has never led
    /// to one, or not for a day.
    pub endpoint: Option<String>,
    /// How many exchanges are under way, or wait for one of the 64 places.
    pub under_way: usize,
    /// How many tokens are in memory as active, about: it may lag behind, and count some whose time is over.
    pub kept: u64,
    /// How long ago the endpoint last said what a token is worth, whatever it said. `None`: it never did.
    pub last_success: Option<Duration>,
    /// The last failure of an exchange, also after later successes.
    pub last_failure: Option<IntrospectionFailure>,
    /// What happened since the start.
    pub counters: IntrospectionCounters,
}

/// Why a token could not be introspected.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IntrospectionFailure {
    /// A stable, lower-case name, such as `credentials_refused`. [All codes](crate::docs::introspection).
    pub code: &'static str,
    /// For operators, in words that may change. URLs in it have neither user information nor a query, and nothing of a token is
    /// in it.
    pub message: String,
    /// How long ago.
    pub ago: Duration,
}

/// What happened to the tokens of one issuer that were introspected, since the start: of the program, or since the issuer was
/// [inserted](crate::Issuers::insert). Exchanges end as `active`, `refused` or `failed`; one that is dropped, too, has failed (`given_up`).
/// Only those of an issuer that was replaced or removed end as nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct IntrospectionCounters {
    /// Exchanges begun.
    pub exchanges: u64,
    /// Exchanges after which a token was known to be active.
    pub active: u64,
    /// Exchanges after which a token was known to be none.
    pub refused: u64,
    /// Exchanges after which nothing was known.
    pub failed: u64,
    /// Requests that were answered from memory.
    pub from_memory: u64,
    /// Requests that waited for an exchange which another had begun.
    pub joined: u64,
    /// Requests answered with 503 because too many waited already.
    pub too_many_waiting: u64,
}
