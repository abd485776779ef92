use std::path::PathBuf;

/// What the fetches of one issuer take from files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct FetchFiles {
    /// Certificates as PEM, to trust instead of the system's.
    pub(crate) ca: Option<PathBuf>,
    /// A bearer token to send (RFC 6750 §2.1).
    pub(crate) token: Option<PathBuf>,
    /// A certificate to present.
    pub(crate) identity: Option<IdentityFiles>,
}

/// A certificate of ours and its private key, as PEM (RFC 8705 §2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct IdentityFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl FetchFiles {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
