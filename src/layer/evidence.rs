use std::sync::Arc;

use http::{HeaderValue, Request, header};

use crate::bearer::{CarriedToken, Carrier, Carriers, Credential, credential};

/// The very credential that was validated, so that it can be recognised.
#[derive(Clone)]
pub(super) enum Evidence {
    /// The value of the `Authorization` field.
    Field(HeaderValue),
    /// The token, where it stood elsewhere.
    Elsewhere(Carrier, Arc<str>),
}

impl Evidence {
    /// What was found in this request.
    pub(super) fn of<B>(request: &Request<B>, found: &CarriedToken<'_>) -> Self {
        match (found.carrier(), request.headers().get(header::AUTHORIZATION)) {
            (Carrier::Authorization, Some(presented)) => Self::Field(presented.clone()),
            (carrier, _) => Self::Elsewhere(carrier, found.token().expose_secret().into()),
        }
    }

    pub(super) fn carrier(&self) -> Carrier {
        match self {
            Self::Field(_) => Carrier::Authorization,
            Self::Elsewhere(carrier, _) => *carrier,
        }
    }

    /// Whether the request has exactly this credential now, and may use it.
    pub(super) fn is_in<B>(&self, request: &Request<B>, carriers: &Carriers) -> bool {
        match self {
            Self::Field(presented) => {
                let mut lines = request.headers().get_all(header::AUTHORIZATION).iter();
                lines.next() == Some(presented) && lines.next().is_none()
            }
            Self::Elsewhere(carrier, presented) => {
                let now = credential(request.method(), request.uri(), request.headers(), carriers);
                matches!(now, Ok(Credential::Bearer(found))
                    if found.carrier() == *carrier && found.token().expose_secret() == &**presented)
            }
        }
    }
}
