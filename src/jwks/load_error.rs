use crate::fetch::FetchError;
use crate::jose::JwkSetError;
use crate::metadata::DiscoveryError;

/// How many keys a fetched set may have.
pub(super) const MAX_PUBLISHED_KEYS: usize = 100;

/// Why a fetch brought no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("the metadata of {issuer} did not lead to its keys")]
    Discovery { issuer: Box<str>, source: DiscoveryError },
    #[error("the key set at {endpoint} could not be fetched")]
    Fetch { endpoint: String, source: FetchError },
    #[error("the key set is unusable")]
    Set(#[source] JwkSetError),
    #[error("the key set has {0} keys, more than {MAX_PUBLISHED_KEYS}")]
    TooManyKeys(usize),
    #[error("none of the {0} keys of the set can be used")]
    NoUsableKey(usize),
    #[error(
        "the metadata leads to {to}: another host is followed when it has been named for a day, after a restart, or when the issuer is removed and inserted again; no keys from {from}"
    )]
    Moved { from: String, to: String, source: Option<Box<Self>> },
    #[error("the fetch was dropped or did not end")]
    GivenUp,
}
