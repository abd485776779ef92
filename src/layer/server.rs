use std::fmt;
use std::sync::Arc;

use http::Response;

use super::challenges::Challenges;
use super::core::Core;
use super::rejection::Rejection;
use super::respond::{EmptyBody, ProblemJson, RespondWith};
use super::service::RequireLayer;
use crate::bearer::{Carriers, Protection};
#[cfg(feature = "policy-file")]
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::issuers::Issuers;
use crate::policy::Policy;
use crate::validate::{DEFAULT_LEEWAY, TokenValidator};

/// A protected API in the sense of RFC 6749 §1.1: what it takes to validate access tokens, once, and
/// [`require`](Self::require) for as many layers as there are routes.
///
/// A cheap handle: clones share keys and configuration. `R` is how refusals look: [`EmptyBody`] unless it was changed
/// with [`problem_json`](Self::problem_json) or [`respond_with`](Self::respond_with).
#[derive(Clone)]
pub struct ResourceServer<R = EmptyBody> {
    pub(super) core: Arc<Core>,
    respond: R,
}

impl ResourceServer {
    /// A server with a validator of your own. Extraction, binding, policy and answers stay as they are.
    #[must_use]
    pub fn from_validator(validator: impl TokenValidator) -> Self {
        Self::new(Core {
            validator: Box::new(validator),
            issuers: Issuers::none(),
            carriers: Carriers::default(),
            challenges: Challenges::new(Protection::api()),
            clock: Arc::new(SystemClock::new()),
            leeway: DEFAULT_LEEWAY,
        })
    }

    pub(crate) fn new(core: Core) -> Self {
        Self { core: Arc::new(core), respond: EmptyBody }
    }
}

impl<R> ResourceServer<R> {
    /// The same server, whose refusals have a body of type `application/problem+json` (RFC 9457): `type`
    /// (`about:blank`), `title`, `status`, `detail`, and as in the challenge `error`, `scope`, `acr_values` and `max_age` (a number). For services whose
    /// response body is `From<Bytes>`; gRPC requests get an empty one.
    ///
    /// Handles of one server share its validated tokens, however they answer.
    #[must_use]
    pub fn problem_json(self) -> ResourceServer<ProblemJson> {
        ResourceServer { core: self.core, respond: ProblemJson }
    }

    /// The same server, whose refusals are what `respond` makes of them.
    ///
    /// It is given the reason, and a response that lacks nothing but its body: status, challenge, `Retry-After` and
    /// `Cache-Control` are there. Keep them (`head.map(|()| body)`) unless you have a reason: a 401 without a challenge
    /// is not HTTP (RFC 9110 §15.5.2). For a gRPC request it is a Trailers-Only
    /// response, which has a field `grpc-status`; leave its body empty. The
    /// [`Rejection`](crate::Rejection) is put into the extensions of whatever comes back.
    ///
    /// Extractors, whose body type is Axum's, answer with an empty body then.
    ///
    /// ```
    /// use http::Response;
    /// use portcullis::testing::Issuer;
    /// use portcullis::{Rejection, RejectionKind, ResourceServer, TrustedIssuer, authenticated};
    /// use tower::{ServiceExt as _, service_fn};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set()))
    ///     .audience("https://api.example.com")
    ///     .build()?
    ///     .respond_with(|rejection: &Rejection, head: Response<()>| match rejection.kind() {
    ///         RejectionKind::MissingCredential => head.map(|()| "log in first".to_owned()),
    ///         _ => head.map(|()| String::new()),
    ///     });
    /// let inner = service_fn(async |_: http::Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(Response::new("hello".to_owned()))
    /// });
    /// let service = auth.require(authenticated()).layer(inner);
    ///
    /// let refused = service.clone().oneshot(http::Request::get("/").body(())?).await?;
    /// assert_eq!((refused.status().as_u16(), refused.body().as_str()), (401, "log in first"));
    ///
    /// let token = issuer.token("https://api.example.com").sign();
    /// let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
    /// assert_eq!(service.oneshot(request.body(())?).await?.body(), "hello");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn respond_with<B>(
        self,
        respond: impl Fn(&Rejection, Response<()>) -> Response<B> + Send + Sync + 'static,
    ) -> ResourceServer<RespondWith<B>> {
        ResourceServer { core: self.core, respond: RespondWith::new(respond) }
    }

    /// The issuers whose tokens are taken: their state, and how to change them while the server runs.
    #[must_use]
    pub fn issuers(&self) -> &Issuers {
        &self.core.issuers
    }

    #[cfg(feature = "policy-file")]
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.core.clock
    }

    /// A layer that admits the requests which have a valid token and meet `policy`.
    ///
    /// Put it on a route, on a router, or around a whole service. Layers nest: every policy on the way must
    /// pass, and where an outer layer of the same server has already validated this request's token, the
    /// inner one reuses the result. See the [crate docs](crate#how-a-request-is-judged) for the rules.
    ///
    /// ```
    /// use portcullis::testing::Issuer;
    /// use portcullis::{ResourceServer, TrustedIssuer, scope};
    /// use tower::{ServiceExt as _, service_fn};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set()))
    ///     .audience("https://api.example.com")
    ///     .build()?;
    ///
    /// // Any `Service<http::Request<_>>` whose response body has a default.
    /// let inner = service_fn(async |_: http::Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(http::Response::new("orders".to_owned()))
    /// });
    /// let service = auth.require(scope("orders:read")).layer(inner);
    ///
    /// let token = issuer.token("https://api.example.com").scope("orders:read").sign();
    /// let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
    /// let admitted = service.clone().oneshot(request.body(())?).await?;
    /// assert_eq!(admitted.status(), 200);
    ///
    /// let refused = service.oneshot(http::Request::get("/").body(())?).await?;
    /// assert_eq!(refused.status(), 401);
    /// assert_eq!(refused.headers()["www-authenticate"], r#"Bearer realm="api""#);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn require(&self, policy: impl Policy) -> RequireLayer<R>
    where
        R: Clone,
    {
        RequireLayer::new(Arc::clone(&self.core), Box::new(policy), self.respond.clone())
    }
}

impl<R> fmt::Debug for ResourceServer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceServer").field("validator", &self.core.validator).finish_non_exhaustive()
    }
}
