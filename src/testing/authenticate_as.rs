use std::fmt;
use std::task::{Context, Poll};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::claims::Claims;
use crate::layer::{EmptyBody, ResourceServer};
use crate::token::ValidatedToken;

/// Layer that authenticates every request as somebody, without a token. Made by
/// [`ResourceServer::dangerous_authenticate_as`].
#[derive(Clone)]
pub struct AuthenticateAs<R = EmptyBody> {
    server: ResourceServer<R>,
    token: ValidatedToken,
}

/// Middleware that applies [`AuthenticateAs`].
#[derive(Clone)]
pub struct AuthenticatedAs<S, R = EmptyBody> {
    inner: S,
    layer: AuthenticateAs<R>,
}

impl<R: Clone> ResourceServer<R> {
    /// A layer for tests: around an app, it makes every request look as if this server had validated a token with
    /// these claims. The policies inside are asked as always, so a test says who is calling and sees what they may do.
    ///
    /// Binding and expiry are judged, too. Roles are read from the claim `roles`, wherever the server finds them
    /// otherwise. What credential the request has does not matter. A route without a layer of this server stays without a
    /// token. Only with the feature `testing`.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use portcullis::testing::assert_insufficient_scope;
    /// use portcullis::{Claims, ResourceServer, ValidatedToken, scope};
    /// use tower::ServiceExt as _;
    ///
    /// async fn orders(token: ValidatedToken) -> String {
    ///     format!("orders of {}", token.subject().unwrap_or_default())
    /// }
    ///
    /// fn app(auth: &ResourceServer) -> Router {
    ///     Router::new().route("/orders", get(orders).route_layer(auth.require(scope("orders:read"))))
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// // No issuer is asked: nothing is fetched for such requests.
    /// let auth = ResourceServer::builder("https://id.example.com").audience("https://api.example.com").build()?;
    /// let get_as = async |claims: &str| {
    ///     let app = app(&auth).layer(auth.dangerous_authenticate_as(Claims::from_json(claims).unwrap()));
    ///     app.oneshot(http::Request::get("/orders").body(axum::body::Body::empty()).unwrap()).await.unwrap()
    /// };
    /// assert_eq!(get_as(r#"{"sub":"alice","scope":"orders:read"}"#).await.status(), 200);
    /// assert_insufficient_scope(&get_as(r#"{"sub":"bob"}"#).await, &["orders:read"]);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dangerous_authenticate_as(&self, claims: Claims) -> AuthenticateAs<R> {
        AuthenticateAs { server: self.clone(), token: ValidatedToken::assertion(claims) }
    }
}

impl<S, R: Clone> Layer<S> for AuthenticateAs<R> {
    type Service = AuthenticatedAs<S, R>;

    fn layer(&self, inner: S) -> AuthenticatedAs<S, R> {
        AuthenticatedAs { inner, layer: self.clone() }
    }
}

impl<S, R, B> Service<Request<B>> for AuthenticatedAs<S, R>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        self.layer.server.pretend_validated(&mut request, self.layer.token.clone());
        self.inner.call(request)
    }
}

impl<R> fmt::Debug for AuthenticateAs<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateAs").finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, R> fmt::Debug for AuthenticatedAs<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatedAs").field("inner", &self.inner).finish_non_exhaustive()
    }
}
