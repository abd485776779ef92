use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::asking::Unanswered;
use crate::bearer::CredentialError;
use crate::claims::ClaimsMismatch;
use crate::policy::Denial;
use crate::validate::{InvalidToken, Unavailable, ValidationError};

/// Why a request was refused.
///
/// It is in the extensions of every refusal, so an outer layer can log or reshape the answer. Its `Display`
/// and its sources are for operators; the response itself says no more than RFC 6750 asks for. Nothing in it
/// comes from the token.
///
/// ```
/// use http::{Request, Response};
/// use portcullis::{Rejection, RejectionKind, ResourceServer, authenticated};
/// use tower::{ServiceBuilder, ServiceExt as _, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let auth = ResourceServer::builder("https://id.example.com").audience("https://api.example.com").build()?;
/// let service = ServiceBuilder::new()
///     .map_response(|response: Response<String>| {
///         if let Some(rejection) = response.extensions().get::<Rejection>() {
///             println!("{}: {rejection}", rejection.code());
///         }
///         response
///     })
///     .layer(auth.require(authenticated()))
///     .service(service_fn(async |_| Ok::<_, std::convert::Infallible>(Response::new(String::new()))));
///
/// let refused = service.oneshot(Request::get("/").body(())?).await?;
/// let rejection = refused.extensions().get::<Rejection>().unwrap();
/// assert_eq!((rejection.kind(), rejection.code()), (RejectionKind::MissingCredential, "missing_credential"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rejection {
    reason: Arc<Reason>,
}

#[derive(Debug)]
pub(super) enum Reason {
    Credential(CredentialError),
    /// With what a policy said that was asked all the same.
    Missing(Option<Denial>),
    Invalid(InvalidToken),
    Unavailable(Unavailable),
    Denied(Denial),
    Unanswered(Unanswered),
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "only extractors find this"))]
    ClaimsMismatch(ClaimsMismatch),
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "only extractors find this"))]
    NoLayer,
}

/// What a client is told.
pub(super) struct Said {
    /// The error code of RFC 6750 §3.1, where one fits.
    pub(super) error: Option<&'static str>,
    /// Within `%x20-21 / %x23-5B / %x5D-7E` (RFC 6750 §3), and nothing that `grpc-message` or JSON would escape.
    pub(super) detail: &'static str,
}

/// The kinds of [`Rejection`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The credential cannot be read unambiguously: 400 `invalid_request`.
    MalformedCredential,
    /// The token is in a cookie, and nothing shows that a page of this site made the request: 403.
    CrossSite,
    /// There is no credential of a supported scheme: 401 without an error code.
    MissingCredential,
    /// The token is not valid here: 401 `invalid_token`.
    InvalidToken,
    /// The policy asks for stronger or more recent authentication: 401 `insufficient_user_authentication` (RFC 9470).
    StepUpRequired,
    /// The policy denied the request: 403 `insufficient_scope`.
    Denied,
    /// The token's claims do not fit the type the handler asks for: 403 `insufficient_scope`.
    ClaimsMismatch,
    /// The token could not be judged, or a question that a [check](crate::asks) depends on was not answered: 503 with
    /// `Retry-After`.
    Unavailable,
    /// An extractor was used where no layer ran: 500. A mistake of the program, not of the request.
    LayerMissing,
}

impl Rejection {
    /// What kind of refusal this is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        match &*self.reason {
            Reason::Credential(CredentialError::CrossSite) => RejectionKind::CrossSite,
            Reason::Credential(_) => RejectionKind::MalformedCredential,
            Reason::Missing(_) => RejectionKind::MissingCredential,
            Reason::Invalid(_) => RejectionKind::InvalidToken,
            Reason::Unavailable(_) | Reason::Unanswered(_) => RejectionKind::Unavailable,
            // RFC 9470 §3: more authentication first, whatever scope is missing beside it.
            Reason::Denied(denial) if denial.step_up().is_some() => RejectionKind::StepUpRequired,
            Reason::Denied(_) => RejectionKind::Denied,
            Reason::ClaimsMismatch(_) => RejectionKind::ClaimsMismatch,
            Reason::NoLayer => RejectionKind::LayerMissing,
        }
    }

    /// A stable, lower-case name of the exact reason, such as `expired` or `repeated_credential`: for logs, metrics and
    /// tests. [All codes](crate::docs::codes).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &*self.reason {
            Reason::Credential(error) => match error {
                CredentialError::CrossSite => "cross_site",
                CredentialError::Malformed => "malformed_credential",
                CredentialError::Repeated => "repeated_credential",
                CredentialError::SeveralMethods => "several_methods",
                CredentialError::TooLarge => "oversized_credential",
            },
            Reason::Missing(_) => "missing_credential",
            Reason::Invalid(invalid) => invalid.kind().code(),
            Reason::Unavailable(_) | Reason::Unanswered(_) => "unavailable",
            Reason::Denied(denial) if denial.step_up().is_some() => "step_up_required",
            Reason::Denied(_) => "denied",
            Reason::ClaimsMismatch(_) => "claims_mismatch",
            Reason::NoLayer => "layer_missing",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind() {
            RejectionKind::MalformedCredential => StatusCode::BAD_REQUEST,
            RejectionKind::MissingCredential
            | RejectionKind::InvalidToken
            | RejectionKind::StepUpRequired => StatusCode::UNAUTHORIZED,
            RejectionKind::CrossSite | RejectionKind::Denied | RejectionKind::ClaimsMismatch => {
                StatusCode::FORBIDDEN
            }
            RejectionKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            RejectionKind::LayerMissing => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is wrong with the credential, if it could not be read or used.
    #[must_use]
    pub fn credential_error(&self) -> Option<CredentialError> {
        match &*self.reason {
            Reason::Credential(error) => Some(*error),
            _ => None,
        }
    }

    /// What is wrong with the token, if it is not valid.
    #[must_use]
    pub fn invalid_token(&self) -> Option<&InvalidToken> {
        match &*self.reason {
            Reason::Invalid(invalid) => Some(invalid),
            _ => None,
        }
    }

    /// What the policy found missing, if a policy refused.
    #[must_use]
    pub fn denial(&self) -> Option<&Denial> {
        match &*self.reason {
            Reason::Denied(denial) => Some(denial),
            _ => None,
        }
    }

    /// When to come back, where that may help.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match &*self.reason {
            Reason::Unavailable(unavailable) => Some(unavailable.retry_after()),
            Reason::Unanswered(_) => Some(Unanswered::RETRY_AFTER),
            _ => None,
        }
    }

    pub(super) fn reason(&self) -> &Reason {
        &self.reason
    }

    pub(super) fn said(&self) -> Said {
        self.kind().said()
    }
}

impl RejectionKind {
    /// What the client is told, in the challenge and in whatever body there is. Constants: they say what to do next,
    /// and the exact reason is in the log.
    pub(super) fn said(self) -> Said {
        let (error, detail) = match self {
            Self::MissingCredential => (None, "Send a bearer token"),
            Self::MalformedCredential => {
                (Some("invalid_request"), "The request is malformed: send one bearer token, once")
            }
            Self::CrossSite => (None, "The request may come from another site"),
            Self::InvalidToken => {
                (Some("invalid_token"), "The access token is expired, malformed or not valid here")
            }
            Self::StepUpRequired => (
                Some("insufficient_user_authentication"),
                "This request needs stronger or more recent authentication of the user",
            ),
            Self::Denied | Self::ClaimsMismatch => {
                (Some("insufficient_scope"), "The access token does not grant what this request needs")
            }
            Self::Unavailable => (None, "This request cannot be judged now: try again later"),
            Self::LayerMissing => (None, "The service is not set up to answer this"),
        };
        Said { error, detail }
    }
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Self {
        Self { reason: Arc::new(reason) }
    }
}

impl From<CredentialError> for Rejection {
    fn from(error: CredentialError) -> Self {
        Reason::Credential(error).into()
    }
}

impl From<ValidationError> for Rejection {
    fn from(error: ValidationError) -> Self {
        match error {
            ValidationError::Invalid(invalid) => Reason::Invalid(invalid).into(),
            ValidationError::Unavailable(unavailable) => Reason::Unavailable(unavailable).into(),
        }
    }
}

impl From<InvalidToken> for Rejection {
    fn from(invalid: InvalidToken) -> Self {
        Reason::Invalid(invalid).into()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.reason {
            Reason::Credential(error) => error.fmt(f),
            Reason::Missing(_) => f.write_str("the request has no bearer token"),
            Reason::Invalid(invalid) => invalid.fmt(f),
            Reason::Unavailable(unavailable) => unavailable.fmt(f),
            Reason::Unanswered(unanswered) => unanswered.fmt(f),
            Reason::Denied(denial) => denial.fmt(f),
            Reason::ClaimsMismatch(mismatch) => mismatch.fmt(f),
            Reason::NoLayer => f.write_str(
                "a handler asks for the validated token or checks access, but no `auth.require(..)` layer ran before it: add \
                 `.route_layer(auth.require(..))` to its route or `.layer(auth.require(authenticated()))` to its router",
            ),
        }
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.reason {
            Reason::Unavailable(unavailable) => std::error::Error::source(unavailable),
            Reason::Unanswered(unanswered) => std::error::Error::source(unanswered),
            _ => None,
        }
    }
}
