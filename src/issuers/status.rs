use std::fmt;
use std::time::Duration;

use crate::introspect::IntrospectionStatus;
use crate::jwks::{KeyStatus, KeysUnavailable};

/// What is known of one issuer at one instant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IssuerStatus {
    /// Its identifier, as configured.
    pub issuer: String,
    /// Its keys.
    pub keys: KeyStatus,
    /// How its tokens are introspected. `None` where none is.
    pub introspection: Option<IntrospectionStatus>,
}

/// The issuers whose keys are not there, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NotReady {
    /// Each of them, in no order that counts.
    pub issuers: Vec<IssuerNotReady>,
}

/// One issuer whose keys are not there, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IssuerNotReady {
    /// Its identifier, as configured.
    pub issuer: String,
    /// Its keys.
    pub keys: KeysUnavailable,
}

impl NotReady {
    /// How long until every one of them may be asked again.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        self.issuers.iter().map(|issuer| issuer.keys.retry_after).max().unwrap_or_default()
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, IssuerNotReady { issuer, keys }) in self.issuers.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}no keys of {issuer}: {keys}")?;
        }
        Ok(())
    }
}

impl std::error::Error for NotReady {}
