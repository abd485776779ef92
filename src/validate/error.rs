use std::sync::Arc;
use std::time::Duration;

use crate::boxed::BoxError;
use crate::claims::ClaimsError;
use crate::introspect::{IntrospectionError, Refusal};
use crate::jose::JoseError;

/// Why there is no validated token: its own fault, or nobody can tell now.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// The token is not valid here (401 `invalid_token`).
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    /// The token could not be judged (503). Nothing is said about the token.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A token that is not valid here. It carries nothing from the token itself.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidToken {
    kind: InvalidTokenKind,
    reason: Reason,
}

/// The kinds of [`InvalidToken`], each with a stable [`code`](InvalidTokenKind::code).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum InvalidTokenKind {
    /// `alg` names no algorithm that this issuer may use.
    AlgorithmNotAllowed,
    /// The signature does not verify.
    BadSignature,
    /// The token is bound to a key or certificate (`cnf`), and nobody verified that binding.
    BindingNotVerified,
    /// The token is encrypted (JWE).
    Encrypted,
    /// The token has expired.
    Expired,
    /// The issuer says that the token is not active: it never was one, has expired or was revoked (RFC 7662 §2.2).
    Inactive,
    /// The token claims to be issued in the future.
    IssuedInTheFuture,
    /// The token lives longer than `max_token_lifetime`.
    LivesTooLong,
    /// A required claim is missing.
    MissingClaim,
    /// The text is not a signed JWT with well-typed claims.
    Malformed,
    /// The token is not valid yet (`nbf`).
    NotYetValid,
    /// Another validator than this crate's refused the token.
    Refused,
    /// The header has a parameter that is refused (`crit`, `b64`, `jwk`, `x5c`, `enc`, `zip`) or marks a nested token.
    RefusedHeader,
    /// The issuer has no such key.
    UnknownKey,
    /// The token is of another kind: an ID, logout, DPoP or security-event token, or a `typ` outside the profile.
    WrongType,
    /// The token is meant for somebody else.
    WrongAudience,
    /// The token is from somebody else.
    WrongIssuer,
}

#[derive(Clone, Debug, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    Jose(JoseError),
    #[error("{0}")]
    Claims(ClaimsError),
    #[error("{0}")]
    Text(&'static str),
    #[error("{0}: {1}")]
    Hinted(&'static str, &'static str),
    #[error("claim `{0}` is missing")]
    Missing(&'static str),
    #[error("claim `{0}` marks a token of another kind")]
    Marker(&'static str),
    #[error("`typ` is not one that `{0}` takes, but profile `{1}` would take it")]
    TypFits(&'static str, &'static str),
    #[error("`typ` is not one that `{0}` takes")]
    Typ(&'static str),
}

impl InvalidToken {
    /// A refusal by a validator of your own. `reason` is for operators and must not quote the token.
    #[must_use]
    pub fn refused(reason: &'static str) -> Self {
        Self::because(InvalidTokenKind::Refused, reason)
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> InvalidTokenKind {
        self.kind
    }

    pub(super) fn is_bad_signature(&self) -> bool {
        self.kind == InvalidTokenKind::BadSignature
    }

    pub(super) fn because(kind: InvalidTokenKind, reason: &'static str) -> Self {
        Self { kind, reason: Reason::Text(reason) }
    }

    pub(super) fn wrong_issuer() -> Self {
        Self::because(InvalidTokenKind::WrongIssuer, "`iss` is no configured issuer")
    }

    pub(super) fn missing(claim: &'static str) -> Self {
        Self { kind: InvalidTokenKind::MissingClaim, reason: Reason::Missing(claim) }
    }

    /// A token that is meant for somebody else, and what an operator should know about such tokens.
    pub(super) fn for_others(reason: &'static str, hint: Option<&'static str>) -> Self {
        let reason = hint.map_or(Reason::Text(reason), |hint| Reason::Hinted(reason, hint));
        Self { kind: InvalidTokenKind::WrongAudience, reason }
    }

    /// A token that does not say whom it is meant for.
    pub(super) fn without_audience(hint: Option<&'static str>) -> Self {
        let missing = Self::missing("aud");
        hint.map_or(missing.clone(), |hint| Self {
            reason: Reason::Hinted("claim `aud` is missing", hint),
            ..missing
        })
    }

    /// A token that carries a claim which only another kind of token has.
    pub(super) fn marked(claim: &'static str) -> Self {
        Self { kind: InvalidTokenKind::WrongType, reason: Reason::Marker(claim) }
    }

    /// A `typ` that tokens of this kind do not have. Names the profile that would take it, if there is one.
    pub(super) fn wrong_typ(profile: &'static str, fitting: Option<&'static str>) -> Self {
        let reason = fitting.map_or(Reason::Typ(profile), |fitting| Reason::TypFits(profile, fitting));
        Self { kind: InvalidTokenKind::WrongType, reason }
    }
}

impl From<JoseError> for InvalidToken {
    fn from(error: JoseError) -> Self {
        let kind = match error {
            JoseError::NotCompact | JoseError::MalformedHeader => InvalidTokenKind::Malformed,
            JoseError::Encrypted => InvalidTokenKind::Encrypted,
            JoseError::RefusedParameter(_) | JoseError::Nested => InvalidTokenKind::RefusedHeader,
            JoseError::AlgorithmNotAllowed => InvalidTokenKind::AlgorithmNotAllowed,
            JoseError::UnknownKey(_) => InvalidTokenKind::UnknownKey,
            JoseError::BadSignature => InvalidTokenKind::BadSignature,
        };
        Self { kind, reason: Reason::Jose(error) }
    }
}

impl From<Refusal> for InvalidToken {
    fn from(refusal: Refusal) -> Self {
        let inactive = |reason| Self::because(InvalidTokenKind::Inactive, reason);
        match refusal {
            Refusal::Inactive => inactive("the issuer says that the token is not active"),
            Refusal::NotTaken => inactive("the issuer does not introspect tokens of this kind"),
            Refusal::IllTyped(error) => error.into(),
        }
    }
}

impl From<ClaimsError> for InvalidToken {
    fn from(error: ClaimsError) -> Self {
        Self { kind: InvalidTokenKind::Malformed, reason: Reason::Claims(error) }
    }
}

impl InvalidTokenKind {
    /// A stable, lower-case name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::BadSignature => "bad_signature",
            Self::BindingNotVerified => "binding_not_verified",
            Self::Encrypted => "encrypted",
            Self::Expired => "expired",
            Self::Inactive => "inactive",
            Self::IssuedInTheFuture => "issued_in_the_future",
            Self::LivesTooLong => "lives_too_long",
            Self::MissingClaim => "missing_claim",
            Self::Malformed => "malformed_token",
            Self::NotYetValid => "not_yet_valid",
            Self::Refused => "refused",
            Self::RefusedHeader => "refused_header",
            Self::UnknownKey => "unknown_key",
            Self::WrongType => "wrong_type",
            Self::WrongAudience => "wrong_audience",
            Self::WrongIssuer => "wrong_issuer",
        }
    }
}

/// A token that nobody can judge now: its issuer cannot be reached, and what is in memory does not suffice.
#[derive(Debug, thiserror::Error)]
#[error("tokens cannot be validated now: {reason}")]
pub struct Unavailable {
    reason: &'static str,
    retry_after: Duration,
    #[source]
    source: Option<BoxError>,
}

impl Unavailable {
    /// An outage, and when to ask again. `reason` is for operators.
    #[must_use]
    pub fn new(reason: &'static str, retry_after: Duration) -> Self {
        Self { reason, retry_after, source: None }
    }

    pub(super) fn of_keys(retry_after: Duration) -> Self {
        Self::new("the issuer's keys are not available", retry_after)
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// When to ask again: the `Retry-After` of the answer, there rounded up to whole seconds.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        self.retry_after
    }
}

impl From<Arc<IntrospectionError>> for Unavailable {
    fn from(error: Arc<IntrospectionError>) -> Self {
        Self::new("the token could not be introspected", error.retry_after()).with_source(error)
    }
}
