use std::path::PathBuf;

/// What the fetches of one issuer take from files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct FetchFiles {
    /// Certificates as PEM, to trust instead of the system's.
    pub(crate) ca: Option<PathBuf>,
    /// A bearer token to send (RFC 6750 §2.1).
    pub(crate) token: Option<PathBuf>,
}

impl FetchFiles {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
