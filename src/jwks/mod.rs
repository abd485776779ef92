//! Where an issuer's keys come from, and what is known of them right now.

mod cache_control;
mod file;
mod flight;
mod keys;
mod lookup;
mod remote;
mod schedule;
mod source;
mod timing;

pub(crate) use file::{FileKeys, KeyFile, KeyFormat};
pub(crate) use keys::Keys;
pub(crate) use lookup::{Flight, Lookup, Missing};
pub(crate) use remote::RemoteKeys;
pub(crate) use source::{Location, Source};
pub use timing::KeyTiming;
