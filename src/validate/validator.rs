use std::fmt;

use http::{Extensions, HeaderMap, Method, Uri};

use super::error::ValidationError;
use crate::bearer::BearerToken;
use crate::boxed::BoxFuture;
use crate::token::ValidatedToken;

/// Decides whether a presented token is valid, and says what it states.
///
/// The crate's own validator checks JWTs against an issuer's keys, and asks issuers about other tokens. Another one takes its place with
/// [`ResourceServer::from_validator`](crate::ResourceServer::from_validator). It must check issuer, audience
/// and expiry, or whatever makes a token of its kind trustworthy, and fail closed. Afterwards the layer itself
/// refuses a token whose binding (`cnf`) nobody verified, and one that has expired.
///
/// ```
/// use portcullis::{
///     Claims, InvalidToken, Presented, ResourceServer, TokenValidator, ValidatedToken, Validation, authenticated,
/// };
/// use tower::{ServiceExt as _, service_fn};
///
/// /// Knows one token, for a smoke test of a deployment.
/// #[derive(Debug)]
/// struct Fixed(ValidatedToken);
///
/// impl TokenValidator for Fixed {
///     fn validate(&self, presented: Presented<'_>) -> Validation {
///         Validation::Ready(match presented.token.expose_secret() {
///             "smoke-test" => Ok(self.0.clone()),
///             _ => Err(InvalidToken::refused("not the smoke test").into()),
///         })
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let token = ValidatedToken::assertion(Claims::from_json(r#"{"sub":"smoke-test"}"#)?);
/// let auth = ResourceServer::from_validator(Fixed(token));
/// let service = auth.require(authenticated()).layer(service_fn(async |request: http::Request<()>| {
///     let token = ValidatedToken::of(request.extensions());
///     let subject = token.and_then(ValidatedToken::subject).unwrap_or_default().to_owned();
///     Ok::<_, std::convert::Infallible>(http::Response::new(subject))
/// }));
/// let get = |token: &str| http::Request::get("/").header("authorization", format!("Bearer {token}")).body(());
///
/// assert_eq!(service.clone().oneshot(get("smoke-test")?).await?.body(), "smoke-test");
/// assert_eq!(service.oneshot(get("another")?).await?.status(), 401);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait TokenValidator: fmt::Debug + Send + Sync + 'static {
    /// Validates one token. An answer that is known at once costs no allocation; one that needs I/O is a
    /// future that owns what it needs.
    fn validate(&self, presented: Presented<'_>) -> Validation;
}

/// What a validator may look at: the credential and the facts of its request.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Presented<'a> {
    /// The token.
    pub token: BearerToken<'a>,
    /// The request's method.
    pub method: &'a Method,
    /// The request's original URI, as the client sent it (with `axum` on, also below `Router::nest`).
    pub uri: &'a Uri,
    /// All header fields.
    pub headers: &'a HeaderMap,
    /// What outer layers and the server attached, such as connection information.
    pub extensions: &'a Extensions,
}

impl<'a> Presented<'a> {
    pub(crate) fn new(
        token: BearerToken<'a>,
        method: &'a Method,
        uri: &'a Uri,
        headers: &'a HeaderMap,
        extensions: &'a Extensions,
    ) -> Self {
        Self { token, method, uri, headers, extensions }
    }
}

impl fmt::Debug for Presented<'_> {
    // Header values, the query and extensions may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<_> = self.headers.keys().collect();
        f.debug_struct("Presented")
            .field("token", &self.token)
            .field("method", self.method)
            .field("path", &self.uri.path())
            .field("header_names", &fields)
            .finish_non_exhaustive()
    }
}

/// The answer of a [`TokenValidator`].
pub enum Validation {
    /// Known at once.
    Ready(Result<ValidatedToken, ValidationError>),
    /// Known after some I/O.
    Pending(BoxFuture<'static, Result<ValidatedToken, ValidationError>>),
}

impl fmt::Debug for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Self::Pending(_) => f.write_str("Pending(..)"),
        }
    }
}
