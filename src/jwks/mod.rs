//! Where an issuer's keys come from, and what is known of them right now.

mod cache_control;
mod events;
mod failure;
mod file;
mod keys;
mod live;
mod load_error;
mod located;
mod lookup;
mod record;
mod remote;
mod schedule;
mod source;
mod state;
mod status;
mod timing;
mod usable;

pub(crate) use file::{FileKeys, KeyFile, KeyFormat};
pub(crate) use keys::Keys;
pub(crate) use live::LiveKeys;
pub(crate) use lookup::{Lookup, Missing, Waiting};
pub(crate) use remote::RemoteKeys;
pub(crate) use source::{Location, Source};
pub use status::{KeyCounters, KeyError, KeyState, KeyStatus, KeysUnavailable, KnownKey};
pub use timing::KeyTiming;
