use std::fmt;

use http::{Extensions, Method};

use super::decision::Decision;
use crate::token::ValidatedToken;

/// Decides whether a request may reach the inner service.
///
/// Synchronous and pure: the same input gives the same answer. The built-in vocabulary is [`scope`](crate::scope),
/// [`all_scopes`](crate::all_scopes), [`any_scope`](crate::any_scope), [`role`](crate::role), [`user`](crate::user), [`authenticated`](crate::authenticated) and
/// [`anyone`](crate::anyone), joined with [`Requirement::and`](crate::Requirement::and),
/// [`Requirement::or`](crate::Requirement::or) and [`not`](crate::not). A type of your own that implements this trait goes to the same place:
/// [`ResourceServer::require`](crate::ResourceServer::require).
///
/// ```
/// use http::Request;
/// use portcullis::testing::decide;
/// use portcullis::{Claims, Decision, Denial, Policy, PolicyInput, ValidatedToken};
///
/// #[derive(Debug)]
/// struct ReadOnly;
///
/// impl Policy for ReadOnly {
///     fn decide(&self, input: &PolicyInput<'_>) -> Decision {
///         if input.method().is_safe() { Decision::Allow } else { Decision::Deny(Denial::because("read-only")) }
///     }
/// }
///
/// let token = ValidatedToken::assertion(Claims::from_json("{}")?);
/// assert_eq!(decide(&ReadOnly, Some(&token), &Request::get("/").body(())?), Decision::Allow);
/// assert!(matches!(decide(&ReadOnly, Some(&token), &Request::post("/").body(())?), Decision::Deny(_)));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    note = "use `scope(..)`, `role(..)`, `authenticated()` and so on, or implement `Policy` for a type of your own"
)]
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// Decides one request.
    fn decide(&self, input: &PolicyInput<'_>) -> Decision;

    /// Whether requests without a credential are put to [`decide`](Self::decide) at all. Default: no, they are
    /// answered with 401 before, so that a policy which does not think of them cannot let them in.
    ///
    /// Where yes, [`PolicyInput::token`] is `None` for them, and a denial is answered with 401. A credential that
    /// is there and not valid is refused in any case.
    fn takes_anonymous(&self) -> bool {
        false
    }
}

/// What a policy sees. Never the token's text, a key, or the request's body.
#[derive(Clone, Copy, Debug)]
pub struct PolicyInput<'a> {
    token: Option<&'a ValidatedToken>,
    method: &'a Method,
    path: &'a str,
    extensions: &'a Extensions,
}

impl<'a> PolicyInput<'a> {
    pub(crate) fn new(
        token: Option<&'a ValidatedToken>,
        method: &'a Method,
        path: &'a str,
        extensions: &'a Extensions,
    ) -> Self {
        Self { token, method, path, extensions }
    }

    /// The validated token of the request. `None` only where [`Policy::takes_anonymous`] says so and the request
    /// has no credential.
    #[must_use]
    pub fn token(&self) -> Option<&'a ValidatedToken> {
        self.token
    }

    /// The request's method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The path of the request as the client sent it, percent-encoding and all (with `axum` on, also below
    /// `Router::nest`).
    ///
    /// A router may read a path differently (encoded letters, double slashes, dot segments). Where you can, put
    /// the requirement on the route instead of comparing paths.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// What outer layers and the server attached to the request.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }
}
