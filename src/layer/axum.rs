//! What the layer knows of axum: extractors, and the URI as it was before `nest` took its prefix.

use std::fmt;

use axum::body::Body;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Extensions, Uri};
use serde::de::DeserializeOwned;

use super::answer::answer;
use super::mark::Mark;
use super::rejection::{Reason, Rejection};
use crate::bearer::Realm;
use crate::token::ValidatedToken;

pub(super) fn original_uri(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri)
}

/// Extractor for the token that [`ResourceServer::require`](crate::ResourceServer::require) validated.
///
/// Where no such layer ran it answers 500 and logs what to add: a handler that forgot its layer is closed,
/// not open.
///
/// ```
/// use portcullis::ValidatedToken;
///
/// async fn whoami(token: ValidatedToken) -> String {
///     token.subject().unwrap_or("a client").to_owned()
/// }
/// ```
impl<S: Sync> FromRequestParts<S> for ValidatedToken {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        Mark::of(&parts.extensions).map(|mark| mark.token().clone()).ok_or_else(Refused::no_layer)
    }
}

/// Extractor for the validated token's claims as a type of your own.
///
/// Claims that do not fit are the token's fault: 403 with code `claims_mismatch`. Where no layer ran it
/// answers 500, like [`ValidatedToken`].
///
/// ```
/// use portcullis::CustomClaims;
///
/// #[derive(serde::Deserialize)]
/// struct Tenant {
///     tenant: String,
/// }
///
/// async fn list(CustomClaims(claims): CustomClaims<Tenant>) -> String {
///     format!("orders of {}", claims.tenant)
/// }
/// ```
#[derive(Clone, Copy)]
pub struct CustomClaims<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for CustomClaims<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        let mark = Mark::of(&parts.extensions).ok_or_else(Refused::no_layer)?;
        mark.token().claims().deserialize().map(CustomClaims).map_err(|mismatch| Refused {
            rejection: Reason::ClaimsMismatch(mismatch).into(),
            realm: mark.realm().clone(),
        })
    }
}

/// The answer of an extractor that found no token, or none that fits.
#[derive(Clone, Debug)]
pub struct Refused {
    rejection: Rejection,
    realm: Realm,
}

impl Refused {
    fn no_layer() -> Self {
        Self { rejection: Reason::NoLayer.into(), realm: Realm::api() }
    }

    /// Why.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        answer::<Body>(self.rejection, &self.realm)
    }
}

impl<T> fmt::Debug for CustomClaims<T> {
    // Claims are somebody's data, whatever type they are read as.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomClaims").finish_non_exhaustive()
    }
}
