//! Token introspection (RFC 7662), plain or signed (RFC 9701): whoever issued a token is asked about it, once for all who
//! present it, and the answer is kept for a while.
//!
//! What comes out is what the endpoint says of a token. Whether that makes the token valid *here*, at this instant, is judged
//! by the rules of its issuer, whether the answer is new or kept.

mod answer;
mod cache;
mod digest;
mod error;
mod events;
mod exchange;
mod flights;
mod introspector;
mod place;
mod record;
mod signed;
mod status;
mod turns;

pub(crate) use answer::{Answer, Refusal};
pub(crate) use cache::Keeping;
pub(crate) use error::IntrospectionError;
pub(crate) use exchange::Manner;
pub(crate) use flights::{Outcome, WaitingForAnswer};
pub(crate) use introspector::{Introspector, Looked, Settings};
pub(crate) use place::Place;
pub(crate) use signed::SignedAnswers;
pub use status::{IntrospectionCounters, IntrospectionFailure, IntrospectionStatus};
