use std::sync::Arc;

use super::input::PolicyInput;
use super::resource::{Answering, ResourceRequirement};
use super::words::ClaimAt;
use crate::token::{Identity, ValidatedToken};

/// Requires that the token speaks for the owner of the resource: the same subject of the same issuer
/// ([`ValidatedToken::identity`]; RFC 8725 §3.8). A subject alone is no identity, so resources have to keep both.
///
/// It is not met, and `not` of it neither, where the token has no identity or the owner's issuer or subject is the empty
/// text.
///
/// See [`Access`](crate::Access) for an example.
#[must_use]
pub fn owner<T: ?Sized>(
    of: impl for<'a> Fn(&'a T) -> Identity<'a> + Send + Sync + 'static,
) -> ResourceRequirement<T> {
    let look = move |resource: &T, input: &PolicyInput<'_>| {
        let (owner, caller) = (of(resource), input.token()?.identity()?);
        let is_somebody = !owner.issuer.is_empty() && !owner.subject.is_empty();
        is_somebody.then_some(owner == caller)
    };
    ResourceRequirement::looking("owner of the resource", Arc::new(look))
}

/// Requires what a closure of your own says of the resource, and of the request if it likes. As with [`predicate`](crate::predicate),
/// it has a name, answers at once, and the same for the same input; a panic in it unwinds through the handler, and admits nothing.
/// It is called once for each check, whatever the rest of the requirement says.
///
/// A request without a token is admitted by it only beside [`anyone`](crate::anyone):
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use portcullis::{Access, ResourceRequirement, ResourceServer, anyone, resource_predicate, role};
/// use tower::ServiceExt as _;
///
/// struct Article {
///     published: bool,
/// }
///
/// fn may_read() -> ResourceRequirement<Article> {
///     resource_predicate("published", |article: &Article, _| article.published).and(anyone()).or(role("editor"))
/// }
///
/// assert_eq!(may_read().to_string(), "(resource predicate `published` and anyone) or role `editor`");
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let auth = ResourceServer::builder("https://id.example.com").audience("https://api.example.com").build()?;
/// let status = async |published| {
///     let read = move |access: Access| async move { access.check(&may_read(), &Article { published }).await };
///     let app = Router::new().route("/", get(read)).layer(auth.require(anyone()));
///     app.oneshot(http::Request::get("/").body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
/// };
/// assert_eq!(status(true).await, 200);
/// assert_eq!(status(false).await, 401);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If `name` is empty.
#[must_use]
#[track_caller]
pub fn resource_predicate<T: ?Sized>(
    name: &str,
    test: impl for<'a> Fn(&'a T, &PolicyInput<'_>) -> bool + Send + Sync + 'static,
) -> ResourceRequirement<T> {
    assert!(!name.is_empty(), "a predicate has a name");
    let look = move |resource: &T, input: &PolicyInput<'_>| Some(test(resource, input));
    ResourceRequirement::looking(&format!("resource predicate `{name}`"), Arc::new(look))
}

/// Requires what somebody else has to be asked: a database, or another service. For checks in handlers only; a layer never waits for one.
///
/// - It is asked only where its answer matters: not where the rest of the requirement has decided, and not about a request without a token.
/// - Questions are asked one after the other, in the order in which they are written.
/// - An error, and no answer within 5 s (or [`answered_within`](ResourceRequirement::answered_within)), is neither yes nor no, so neither it nor `not` of it
///   admits. Where it would decide, the answer is 503 with the code `unavailable`, and no other question is asked; another
///   way to be admitted is not cut off by it.
/// - A panic in it unwinds through the handler, and admits nothing. Whoever drops the check drops the question.
///
/// ```
/// use std::collections::HashSet;
/// use std::sync::Arc;
///
/// use axum::{Router, body::Body, routing::get};
/// use portcullis::{
///     Access, BoxError, Claims, ResourceRequirement, ResourceServer, ValidatedToken, asks, authenticated,
/// };
/// use tower::ServiceExt as _;
///
/// struct Order {
///     team: u64,
/// }
///
/// struct Members(HashSet<(u64, String)>);
///
/// impl Members {
///     async fn include(&self, team: u64, subject: Option<&str>) -> Result<bool, BoxError> {
///         Ok(subject.is_some_and(|subject| self.0.contains(&(team, subject.to_owned()))))
///     }
/// }
///
/// fn may_read(members: Arc<Members>) -> ResourceRequirement<Order> {
///     asks("is in the team", move |order: &Order, token: &ValidatedToken| {
///         let members = Arc::clone(&members);
///         Box::pin(async move { members.include(order.team, token.subject()).await })
///     })
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let members = Arc::new(Members(HashSet::from([(1, "alice".to_owned())])));
/// let auth = ResourceServer::builder("https://id.example.com").audience("https://api.example.com").build()?;
/// let status = async |subject: &str| {
///     let may_read = may_read(Arc::clone(&members));
///     let read = move |access: Access| async move { access.check(&may_read, &Order { team: 1 }).await };
///     let app = Router::new().route("/", get(read)).layer(auth.require(authenticated()));
///     let claims = Claims::from_json(format!(r#"{{"sub":"{subject}"}}"#)).unwrap();
///     let app = app.layer(auth.dangerous_authenticate_as(claims));
///     app.oneshot(http::Request::get("/").body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
/// };
/// assert_eq!(status("alice").await, 200);
/// assert_eq!(status("bob").await, 403);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If `name` is empty.
#[must_use]
#[track_caller]
pub fn asks<T: ?Sized>(
    name: &str,
    question: impl for<'a> Fn(&'a T, &'a ValidatedToken) -> Answering<'a> + Send + Sync + 'static,
) -> ResourceRequirement<T> {
    assert!(!name.is_empty(), "a question has a name");
    ResourceRequirement::asking(&format!("question `{name}`"), Arc::new(question))
}

impl ClaimAt {
    /// Requires the text that the resource has: `claim("tenant").equals_resource(|order: &Order| &order.tenant)`. The empty text
    /// is nobody's: neither met nor not met.
    #[must_use]
    pub fn equals_resource<T: ?Sized>(
        self,
        text: impl for<'a> Fn(&'a T) -> &'a str + Send + Sync + 'static,
    ) -> ResourceRequirement<T> {
        let sentence = format!("claim `{}` equal to the resource's", self.0);
        let look = move |resource: &T, input: &PolicyInput<'_>| {
            let wanted = Some(text(resource)).filter(|text| !text.is_empty())?;
            // As with other claims: what is not there is not equal, and what is no text cannot be told.
            match input.token()?.find_claim(&self.0).ok()? {
                Some(value) => Some(value.as_str()? == wanted),
                None => Some(false),
            }
        };
        ResourceRequirement::looking(&sentence, Arc::new(look))
    }
}
