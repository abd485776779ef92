//! Where an issuer's keys come from, and what is known of them right now.

mod cache_control;
mod keys;
mod lookup;
mod remote;
mod schedule;

pub(crate) use keys::Keys;
pub(crate) use lookup::{Flight, Lookup};
pub(crate) use remote::{Location, RemoteKeys, Source};
