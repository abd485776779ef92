use std::time::Duration;

use http::StatusCode;

use super::answer::NoAnswer;
use crate::claims::ClaimsError;
use crate::error::ConfigProblem;
use crate::fetch::FetchError;
use crate::jose::JoseError;
use crate::metadata::DiscoveryError;

/// Why nothing is known of a token: never its own fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntrospectionError {
    #[error("the metadata did not lead to the introspection endpoint")]
    Discovery(#[source] DiscoveryError),
    #[error(
        "the metadata leads to {0}, which is no origin of the issuer: configure it as `endpoint` if that is right"
    )]
    ForeignEndpoint(String),
    #[error("the credentials of this server cannot be had: {0}")]
    NoCredentials(ConfigProblem),
    /// RFC 7662 §2.3: it is this server whom the endpoint does not know.
    #[error("the introspection endpoint refused the credentials of this server, with status {0}")]
    CredentialsRefused(StatusCode),
    #[error("the introspection endpoint did not answer")]
    Fetch(#[source] FetchError),
    #[error("the introspection endpoint asks for a pause, with status {status}")]
    Overloaded { status: StatusCode, retry_after: Duration },
    #[error("the introspection endpoint answered with another media type than {0}")]
    OtherMediaType(&'static str),
    #[error("the answer of the introspection endpoint is {0}")]
    Unreadable(NoAnswer),
    #[error("the answer of the introspection endpoint is not UTF-8")]
    NotText,
    #[error("the signed answer of the introspection endpoint cannot be trusted")]
    Signature(#[source] SignatureError),
    #[error("the issuer's keys, which verify the answer of the introspection endpoint, are not available")]
    NoKeys { retry_after: Duration },
    #[error("too many requests wait for the introspection endpoint")]
    TooManyWaiting,
    #[error("the exchange with the introspection endpoint was dropped or did not end")]
    GivenUp,
}

/// RFC 9701 §5.
pub(super) const TYP: &str = "token-introspection+jwt";

/// Why a signed answer is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error(transparent)]
    Jose(#[from] JoseError),
    #[error("its `typ` is not `{TYP}`")]
    WrongType,
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    #[error("its `iss` is not the issuer")]
    OtherIssuer,
    #[error("its `aud` is neither this client nor an audience of this server")]
    OtherAudience,
    #[error("it has no `iat`")]
    Undated,
    #[error("its `iat` is not between the question and now (with the leeway)")]
    NotRecent,
    #[error("it is not valid yet")]
    NotYetValid,
    #[error("it has expired")]
    Expired,
    #[error("it has no object `token_introspection`")]
    Silent,
}

/// When to ask again, where nobody said.
const SOON: Duration = Duration::from_secs(1);

impl IntrospectionError {
    /// When to ask again.
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::Overloaded { retry_after, .. } | Self::NoKeys { retry_after } => (*retry_after).max(SOON),
            _ => SOON,
        }
    }

    /// A stable name, listed in `docs/introspection.md`.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Discovery(source) => source.code(),
            Self::ForeignEndpoint(_) => "foreign_endpoint",
            Self::NoCredentials(_) => "no_credentials",
            Self::CredentialsRefused(_) => "credentials_refused",
            Self::Fetch(source) => source.code(),
            Self::Overloaded { .. } => "overloaded",
            Self::OtherMediaType(_) => "other_media_type",
            Self::Unreadable(_) | Self::NotText => "unreadable_answer",
            Self::Signature(_) => "untrusted_answer",
            Self::NoKeys { .. } => "no_keys",
            Self::TooManyWaiting => "too_many_waiting",
            Self::GivenUp => "given_up",
        }
    }

    /// Whether nothing but an operator will mend it.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::NoCredentials(_) | Self::CredentialsRefused(_) | Self::ForeignEndpoint(_))
    }
}
