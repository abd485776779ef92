//! Where an issuer's keys come from, and what is known of them right now.

mod cache_control;
mod remote;
mod schedule;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};

use crate::jose::{JoseHeader, KeySet, Selected};

pub(crate) use remote::{Location, RemoteKeys, Source};

/// A fetch under way, shared by everyone who waits for it.
pub(crate) type Flight = Shared<BoxFuture<'static, ()>>;

/// The keys of one issuer.
pub(crate) enum Keys {
    /// Given by the configuration; they never change.
    Fixed(KeySet),
    /// Fetched, refreshed and bounded in age.
    Remote(Arc<RemoteKeys>),
}

/// What is known, in memory and without waiting, about the keys for one token.
pub(crate) enum Lookup<R> {
    /// There were keys; this is what the caller made of them.
    Found(R),
    /// The issuer has no such key, as far as a recent successful fetch shows.
    Unknown,
    /// A fetch can tell. Not yet begun: the caller may still refuse the token for a cheaper reason.
    Fetch,
    /// Nobody can tell now: the issuer cannot be reached and what is in memory is too old or does not fit.
    Unavailable { retry_after: Duration },
}

impl Keys {
    /// Applies `use_keys` to the keys that match `header`.
    pub(crate) fn lookup<R>(
        &self,
        header: &JoseHeader,
        use_keys: impl FnOnce(Selected<'_>) -> R,
    ) -> Lookup<R> {
        match self {
            Self::Fixed(keys) => {
                keys.select(header).map_or(Lookup::Unknown, |keys| Lookup::Found(use_keys(keys)))
            }
            Self::Remote(remote) => remote.lookup(header, use_keys),
        }
    }

    /// Joins the fetch under way, or begins one if the schedule allows it now.
    pub(crate) fn fetch(&self) -> Option<Flight> {
        match self {
            Self::Fixed(_) => None,
            Self::Remote(remote) => remote.fetch(),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Keys::Fixed(..)",
            Self::Remote(_) => "Keys::Remote(..)",
        })
    }
}
