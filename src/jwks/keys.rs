use std::fmt;
use std::sync::Arc;

use super::file::FileKeys;
use super::lookup::{Flight, Lookup, Missing};
use super::remote::RemoteKeys;
use crate::jose::{JoseHeader, KeyOwner, KeySet, Selected};

/// The keys of one issuer.
pub(crate) enum Keys {
    /// Given by the configuration; they never change.
    Fixed(KeySet),
    /// Those of a file, which is read again when it changes.
    File(FileKeys),
    /// Fetched, refreshed and bounded in age.
    Remote(Arc<RemoteKeys>),
}

impl Keys {
    /// Applies `use_keys` to the keys that match `header` and may serve `owner`.
    pub(crate) fn lookup<R>(
        &self,
        header: &JoseHeader,
        owner: Option<KeyOwner<'_>>,
        use_keys: impl FnOnce(Selected<'_>) -> R,
    ) -> Lookup<R> {
        match self {
            Self::Fixed(keys) => match keys.select(header, owner) {
                Some(keys) => Lookup::Found(use_keys(keys)),
                None => Lookup::Missing(Missing::Unknown),
            },
            Self::File(file) => file.lookup(header, owner, use_keys),
            Self::Remote(remote) => remote.lookup(header, owner, use_keys),
        }
    }

    /// Which keys these are: the same number before and after means that they did not change in between.
    pub(crate) fn generation(&self) -> u64 {
        match self {
            Self::Fixed(_) => 0,
            Self::File(file) => file.generation(),
            Self::Remote(remote) => remote.generation(),
        }
    }

    /// What can be said about a key that is not among those in memory.
    pub(crate) fn missing(&self) -> Missing {
        match self {
            Self::Fixed(_) => Missing::Unknown,
            Self::File(file) => file.missing(),
            Self::Remote(remote) => remote.missing(),
        }
    }

    /// Joins the fetch under way, or begins one if the schedule allows it now.
    pub(crate) fn fetch(&self) -> Option<Flight> {
        match self {
            Self::Fixed(_) => None,
            Self::File(file) => file.fetch(),
            Self::Remote(remote) => remote.fetch(),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Keys::Fixed(..)",
            Self::File(_) => "Keys::File(..)",
            Self::Remote(_) => "Keys::Remote(..)",
        })
    }
}
