//! Extractors for axum.

use std::fmt;

use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::access::Access;
use super::answer::Dialect;
use super::mark::Mark;
use super::original_uri::original_uri;
use super::refused::Refused;
use super::rejection::Reason;
use crate::token::ValidatedToken;

/// Extractor for the token that [`ResourceServer::require`](crate::ResourceServer::require) validated.
///
/// A request that was admitted without a token ([`anyone`](crate::anyone)) gets 401. Where no such layer ran it answers 500 and logs what to add: a handler that forgot its layer is closed,
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
        let mark = Mark::of(&parts.extensions).ok_or_else(Refused::no_layer)?;
        mark.token().cloned().ok_or_else(|| Refused::by(mark, Dialect::Http, Reason::Missing(None)))
    }
}

/// Extractor for routes that take requests without a credential, behind [`anyone`](crate::anyone): `None` for those.
///
/// A credential that is there and not valid was refused by the layer, so `None` never stands for a bad token. Where
/// no layer ran it answers 500.
///
/// ```
/// use axum::{Router, routing::get};
/// use portcullis::testing::{Flaw, Issuer};
/// use portcullis::{ResourceServer, TrustedIssuer, ValidatedToken, anyone};
/// use tower::ServiceExt as _;
///
/// async fn greet(token: Option<ValidatedToken>) -> String {
///     format!("hello, {}", token.as_ref().and_then(|token| token.subject()).unwrap_or("stranger"))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let issuer = Issuer::offline("https://id.example.com");
/// let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set()))
///     .audience("https://api.example.com")
///     .build()?;
/// let app = Router::new().route("/", get(greet).route_layer(auth.require(anyone())));
/// let send = async |request: http::request::Builder| {
///     let response = app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
///     let status = response.status().as_u16();
///     (status, axum::body::to_bytes(response.into_body(), 100).await.unwrap())
/// };
/// let with = |token: String| http::Request::get("/").header("authorization", format!("Bearer {token}"));
/// let token = issuer.token("https://api.example.com");
///
/// assert_eq!(send(http::Request::get("/")).await, (200, "hello, stranger".into()));
/// assert_eq!(send(with(token.clone().sign())).await, (200, "hello, alice".into()));
/// assert_eq!(send(with(token.flaw(Flaw::Expired).sign())).await, (401, "".into()));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
impl<S: Sync> OptionalFromRequestParts<S> for ValidatedToken {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Refused> {
        Mark::of(&parts.extensions).map(|mark| mark.token().cloned()).ok_or_else(Refused::no_layer)
    }
}

/// Extractor for the validated token's claims as a type of your own.
///
/// Claims that do not fit are the token's fault: 403 with code `claims_mismatch`. Where no layer ran it
/// answers 500, like [`ValidatedToken`].
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use portcullis::{Claims, CustomClaims, ResourceServer, authenticated};
/// use tower::ServiceExt as _;
///
/// #[derive(serde::Deserialize)]
/// struct Tenant {
///     tenant: String,
/// }
///
/// async fn list(CustomClaims(claims): CustomClaims<Tenant>) -> String {
///     format!("orders of {}", claims.tenant)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let auth = ResourceServer::builder("https://id.example.com").audience("https://api.example.com").build()?;
/// let status = async |claims: &str| {
///     let app = Router::new().route("/", get(list)).layer(auth.require(authenticated()));
///     let app = app.layer(auth.dangerous_authenticate_as(Claims::from_json(claims).unwrap()));
///     app.oneshot(http::Request::get("/").body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
/// };
/// assert_eq!(status(r#"{"tenant":"t1"}"#).await, 200);
/// assert_eq!(status(r#"{"tenant":1}"#).await, 403);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct CustomClaims<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for CustomClaims<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        let mark = Mark::of(&parts.extensions).ok_or_else(Refused::no_layer)?;
        let token = mark.token().ok_or_else(|| Refused::by(mark, Dialect::Http, Reason::Missing(None)))?;
        let claims = token.claims().deserialize();
        claims
            .map(CustomClaims)
            .map_err(|mismatch| Refused::by(mark, Dialect::Http, Reason::ClaimsMismatch(mismatch)))
    }
}

/// Extractor for [`Access`]. Where no layer ran it answers 500.
impl<S: Sync> FromRequestParts<S> for Access {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        let path = original_uri(&parts.uri, &parts.extensions).path();
        let dialect = Dialect::of(&parts.method, parts.version, &parts.headers);
        Self::new(&parts.extensions, &parts.method, path, dialect).ok_or_else(Refused::no_layer)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.into_http().map(Body::from)
    }
}

impl<T> fmt::Debug for CustomClaims<T> {
    // Claims are somebody's data, whatever type they are read as.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomClaims").finish_non_exhaustive()
    }
}
