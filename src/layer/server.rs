use std::fmt;
use std::sync::Arc;

use super::core::Core;
use super::service::RequireLayer;
use crate::bearer::Realm;
use crate::clock::SystemClock;
use crate::policy::Policy;
use crate::validate::{DEFAULT_LEEWAY, TokenValidator};

/// A protected API in the sense of RFC 6749 §1.1: what it takes to validate access tokens, once, and
/// [`require`](Self::require) for as many layers as there are routes.
///
/// A cheap handle: clones share keys and configuration.
#[derive(Clone)]
pub struct ResourceServer {
    core: Arc<Core>,
}

impl ResourceServer {
    /// A server with a validator of your own. Extraction, binding, policy and answers stay as they are.
    #[must_use]
    pub fn from_validator(validator: impl TokenValidator) -> Self {
        Self::new(Core {
            validator: Box::new(validator),
            realm: Realm::api(),
            clock: Arc::new(SystemClock::new()),
            leeway: DEFAULT_LEEWAY,
        })
    }

    pub(crate) fn new(core: Core) -> Self {
        Self { core: Arc::new(core) }
    }

    /// A layer that admits the requests which have a valid token and meet `policy`.
    ///
    /// Put it on a route, on a router, or around a whole service. Layers nest: every policy on the way must
    /// pass, and where an outer layer of the same server has already validated this request's token, the
    /// inner one reuses the result. See the [crate docs](crate#how-a-request-is-judged) for the rules.
    ///
    /// ```
    /// use portcullis::testing::Issuer;
    /// use portcullis::{ResourceServer, scope};
    /// use tower::{ServiceExt as _, service_fn};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let auth = ResourceServer::builder(issuer.url())
    ///     .audience("https://api.example.com")
    ///     .jwk_set(issuer.jwk_set())
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
    pub fn require(&self, policy: impl Policy) -> RequireLayer {
        RequireLayer::new(Arc::clone(&self.core), Box::new(policy))
    }
}

impl fmt::Debug for ResourceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceServer").field("validator", &self.core.validator).finish_non_exhaustive()
    }
}
