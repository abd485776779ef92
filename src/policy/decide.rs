use std::fmt;
use std::sync::Arc;

use super::decision::Decision;
use super::explanation::Explanation;
use super::input::PolicyInput;

/// Decides whether a request may reach the inner service.
///
/// Synchronous and pure: the same input gives the same answer. A [`Requirement`](crate::Requirement) is made of words
/// ([all of them](crate::docs::policies)), a [`PolicyTable`](crate::PolicyTable) of rules; [`shadow`](crate::shadow) tries one beside another. A type of
/// your own that implements this trait goes to the same place: [`ResourceServer::require`](crate::ResourceServer::require).
///
/// ```
/// use http::Request;
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
/// let decide = |request| ReadOnly.decide(&PolicyInput::of(Some(&token), &request));
/// assert_eq!(decide(Request::get("/").body(())?), Decision::Allow);
/// assert!(matches!(decide(Request::post("/").body(())?), Decision::Deny(_)));
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

    /// The same decision as [`decide`](Self::decide)'s, with all that was considered for it. Off the path of requests, so it
    /// may take its time. Default: the decision alone.
    fn explain(&self, input: &PolicyInput<'_>) -> Explanation {
        Explanation::new(self.decide(input))
    }
}

impl<P: Policy + ?Sized> Policy for Box<P> {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        (**self).decide(input)
    }

    fn takes_anonymous(&self) -> bool {
        (**self).takes_anonymous()
    }

    fn explain(&self, input: &PolicyInput<'_>) -> Explanation {
        (**self).explain(input)
    }
}

impl<P: Policy + ?Sized> Policy for Arc<P> {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        (**self).decide(input)
    }

    fn takes_anonymous(&self) -> bool {
        (**self).takes_anonymous()
    }

    fn explain(&self, input: &PolicyInput<'_>) -> Explanation {
        (**self).explain(input)
    }
}
