use std::fmt;

use http::{Extensions, Method, Request};

use super::answer::Dialect;
use super::asking::ask;
use super::mark::Mark;
use super::original_uri::original_uri;
use super::refused::Refused;
use super::rejection::Reason;
use crate::policy::{Decision, Denial, Inquiry, PolicyInput, ResourceRequirement, Step};
use crate::token::ValidatedToken;

/// What a handler needs to judge the request once more, now that it knows the resource.
///
/// In Axum it is an extractor; elsewhere [`Access::of`] makes it of the request. Nothing but a layer can have admitted it.
///
/// ```
/// use axum::{Json, Router, extract::Path, routing::get};
/// use portcullis::testing::Issuer;
/// use portcullis::{
///     Access, Identity, Refused, ResourceRequirement, ResourceServer, TrustedIssuer, authenticated, owner, scope,
/// };
/// use tower::ServiceExt as _;
///
/// struct Order {
///     issuer: String,
///     owner: String,
/// }
///
/// fn may_read() -> ResourceRequirement<Order> {
///     owner(|order: &Order| Identity::new(&order.issuer, &order.owner)).or(scope("orders:read:all"))
/// }
///
/// async fn get_order(access: Access, Path(id): Path<u64>) -> Result<Json<u64>, Refused> {
///     let order = Order { issuer: "https://id.example.com".into(), owner: "alice".into() }; // from somewhere
///     access.check(&may_read(), &order).await?;
///     Ok(Json(id))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let issuer = Issuer::offline("https://id.example.com");
/// let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set()))
///     .audience("https://api.example.com")
///     .build()?;
/// let app = Router::new().route("/orders/{id}", get(get_order)).layer(auth.require(authenticated()));
/// let send = async |subject: &str| {
///     let token = issuer.token("https://api.example.com").subject(subject).sign();
///     let request = http::Request::get("/orders/7").header("authorization", format!("Bearer {token}"));
///     app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap()
/// };
///
/// assert_eq!(send("alice").await.status(), 200);
/// let refused = send("bob").await;
/// assert_eq!(refused.status(), 403);
/// assert!(refused.headers()["www-authenticate"].to_str()?.ends_with(r#"scope="orders:read:all""#));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// The requirement is judged for the token, method, path and extensions with which the request came to the handler, at the
/// time of the check: a token that has expired meanwhile is refused. What is *not* checked: that a handler calls
/// [`check`](Self::check) at all, and before it does anything; the policy of the layer, which the request has met already; and whether the token was
/// revoked meanwhile: nobody is asked about it again.
pub struct Access {
    mark: Mark,
    method: Method,
    path: Box<str>,
    extensions: Extensions,
    dialect: Dialect,
}

impl Access {
    /// Of a request that passed a layer of this crate; `None` where none ran.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Option<Self> {
        let (method, extensions) = (request.method(), request.extensions());
        let path = original_uri(request.uri(), extensions).path();
        Self::new(extensions, method, path, Dialect::of(method, request.version(), request.headers()))
    }

    /// Of a gRPC call that passed a layer of this crate, where the framework hands on the extensions of its request and not the
    /// request (tonic); `None` where none ran. `path` names the method, `/package.Service/Method`, and is what [predicates](crate::predicate) see
    /// as the path.
    #[must_use]
    pub fn of_grpc(extensions: &Extensions, path: &str) -> Option<Self> {
        Self::new(extensions, &Method::POST, path, Dialect::Grpc)
    }

    pub(super) fn new(
        extensions: &Extensions,
        method: &Method,
        path: &str,
        dialect: Dialect,
    ) -> Option<Self> {
        let mark = Mark::of(extensions)?.clone();
        let (method, extensions) = (method.clone(), extensions.clone());
        Some(Self { mark, method, path: path.into(), extensions, dialect })
    }

    /// The validated token of the request; `None` where it was admitted without one ([`anyone`](crate::anyone)).
    #[must_use]
    pub fn token(&self) -> Option<&ValidatedToken> {
        self.mark.token()
    }

    /// Refuses unless the request meets `requirement` for this resource.
    ///
    /// # Errors
    ///
    /// The layer's refusal: 403 `insufficient_scope` or 401 `insufficient_user_authentication` of a denial; 401 without an error
    /// code of a request without a token; and what [`decide`](Self::decide) cannot decide.
    ///
    /// # Panics
    ///
    /// As [`decide`](Self::decide).
    pub async fn check<T: ?Sized>(
        &self,
        requirement: &ResourceRequirement<T>,
        resource: &T,
    ) -> Result<(), Refused> {
        match self.decide(requirement, resource).await? {
            Decision::Allow => Ok(()),
            Decision::Deny(denial) => Err(self.refuse(denial)),
        }
    }

    /// The same, for a handler that answers a denial in its own way: with 404, where nobody is to learn that the resource exists.
    /// Nothing is logged of a denial that the handler keeps to itself; [`refuse`](Self::refuse) makes a refusal of it.
    ///
    /// ```
    /// # use portcullis::{Access, Decision, Refused, ResourceRequirement};
    /// # struct Order;
    /// async fn find(
    ///     access: &Access,
    ///     order: Option<Order>,
    ///     may_read: &ResourceRequirement<Order>,
    /// ) -> Result<Option<Order>, Refused> {
    ///     let Some(order) = order else { return Ok(None) };
    ///     match access.decide(may_read, &order).await? {
    ///         Decision::Allow => Ok(Some(order)),
    ///         // More authentication would help, and the client is told so.
    ///         Decision::Deny(denial) if denial.step_up().is_some() => Err(access.refuse(denial)),
    ///         Decision::Deny(_) => Ok(None),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Where there is no decision: 401 `invalid_token` if the token has expired since the request came in, or while questions were
    /// asked; 503, with the code `unavailable`, if it depends on a question that nobody answered.
    ///
    /// # Panics
    ///
    /// If there is a question to ask and the Tokio runtime has no timers, and wherever the requirement's own closures do.
    pub async fn decide<T: ?Sized>(
        &self,
        requirement: &ResourceRequirement<T>,
        resource: &T,
    ) -> Result<Decision, Refused> {
        self.check_now()?;
        let mut inquiry = Inquiry::new(requirement, resource, &self.input());
        let mut unanswered = None;
        loop {
            let (asked, token) = match (inquiry.step(&self.input()), self.token()) {
                (Step::Decided(decision), _) => return Ok(decision),
                (Step::Ask(asked), Some(token)) => (asked, token),
                // Nobody is asked about a request without a token.
                (Step::Ask(_) | Step::Unanswered, _) => {
                    return Err(self.refused(unanswered.map_or(Reason::Missing(None), Reason::Unanswered)));
                }
            };
            let answer = ask(&asked, resource, token).await;
            inquiry.tell(&asked, answer.as_ref().ok().copied());
            unanswered = answer.err().or(unanswered);
            self.check_now()?;
        }
    }

    /// The refusal that the layer would make of this denial.
    #[must_use]
    pub fn refuse(&self, denial: Denial) -> Refused {
        // RFC 9110 §15.5.2: whoever may still say who they are is asked to.
        let is_known = self.token().is_some();
        let reason = if is_known { Reason::Denied(denial) } else { Reason::Missing(Some(denial)) };
        self.refused(reason)
    }

    fn refused(&self, reason: Reason) -> Refused {
        Refused::by(&self.mark, self.dialect, reason)
    }

    /// A handler may take its time, and a stream takes longer.
    fn check_now(&self) -> Result<(), Refused> {
        let Some(token) = self.token() else { return Ok(()) };
        self.mark.core().check_now(token).map_err(|invalid| self.refused(Reason::Invalid(invalid)))
    }

    fn input(&self) -> PolicyInput<'_> {
        let core = self.mark.core();
        let (now, leeway) = (core.clock.unix_time(), core.leeway);
        PolicyInput::new(self.token(), &self.method, &self.path, &self.extensions, now, leeway)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}
