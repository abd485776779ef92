use std::borrow::Cow;
use std::time::Duration;

use http::{Extensions, Method, Request};

use super::fact::{Fact, Facts, Told};
use super::percent::octets;
use crate::clock::{Clock as _, SystemClock};
use crate::token::ValidatedToken;

/// How far clocks may differ where no server says.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

/// What a policy sees. Never the token's text, a key, or the request's body.
#[derive(Clone, Copy, Debug)]
pub struct PolicyInput<'a> {
    token: Option<&'a ValidatedToken>,
    method: &'a Method,
    path: &'a str,
    extensions: &'a Extensions,
    parameters: Option<&'a dyn PathParameters>,
    facts: Option<&'a dyn Facts>,
    now: Duration,
    leeway: Duration,
}

/// The parts of a path that a template gives names to.
pub(crate) trait PathParameters: std::fmt::Debug + Sync {
    /// The part of this name, percent-encoding and all.
    fn raw(&self, name: &str) -> Option<&str>;
}

impl<'a> PolicyInput<'a> {
    /// What a policy would see of this request by `token` (`None`: without a credential), now: for tests of policies, and for
    /// tools that [explain](crate::Policy::explain) them.
    ///
    /// ```
    /// use portcullis::{Claims, Decision, Policy as _, PolicyInput, ValidatedToken, scope};
    ///
    /// let token = ValidatedToken::assertion(Claims::from_json(r#"{"scope":"orders:read"}"#)?);
    /// let request = http::Request::get("/orders").body(())?;
    /// assert_eq!(scope("orders:read").decide(&PolicyInput::of(Some(&token), &request)), Decision::Allow);
    /// assert!(matches!(scope("orders:write").decide(&PolicyInput::of(Some(&token), &request)), Decision::Deny(_)));
    /// assert!(matches!(scope("orders:read").decide(&PolicyInput::of(None, &request)), Decision::Deny(_)));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of<B>(token: Option<&'a ValidatedToken>, request: &'a Request<B>) -> Self {
        let now = SystemClock::new().unix_time();
        Self::new(token, request.method(), request.uri().path(), request.extensions(), now, DEFAULT_LEEWAY)
    }

    pub(crate) fn new(
        token: Option<&'a ValidatedToken>,
        method: &'a Method,
        path: &'a str,
        extensions: &'a Extensions,
        now: Duration,
        leeway: Duration,
    ) -> Self {
        Self { token, method, path, extensions, parameters: None, facts: None, now, leeway }
    }

    /// The same at another time: since the Unix epoch.
    #[must_use]
    pub fn at(self, now: Duration) -> Self {
        Self { now, ..self }
    }

    /// The same, with names for parts of the path.
    pub(crate) fn with_parameters(self, parameters: &'a dyn PathParameters) -> Self {
        Self { parameters: Some(parameters), ..self }
    }

    /// The same, with what is known of a resource.
    pub(super) fn with_facts(self, facts: &'a dyn Facts) -> Self {
        Self { facts: Some(facts), ..self }
    }

    /// Where there is no resource, nothing can be told of it.
    pub(super) fn told(&self, fact: &Fact) -> Told {
        self.facts.map_or(Told::Answer(None), |facts| facts.told(fact))
    }

    /// The validated token of the request. `None` only where [`Policy::takes_anonymous`](crate::Policy::takes_anonymous)
    /// says so and the request has no credential.
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
    /// the requirement on the route, or in a table of rules, instead of comparing paths.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The part of the path that the rule's template calls `name`, without percent-encoding. `None` outside a table of
    /// rules, where the template has no such name, and where the part is not UTF-8.
    #[must_use]
    pub fn path_parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        decoded(self.parameters?.raw(name)?)
    }

    /// What outer layers and the server attached to the request.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// The time of the decision, since the Unix epoch, by the clock of the server.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// How far the clocks of issuers and server may differ.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        self.leeway
    }
}

/// RFC 3986 §2.1, as routers hand parts of a path on.
fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('%') {
        return Some(Cow::Borrowed(raw));
    }
    String::from_utf8(octets(raw)?).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_is_decoded_once_or_not_at_all() {
        for (raw, expected) in [
            ("a", Some("a")),
            ("a%20b", Some("a b")),
            ("%C3%A9", Some("é")),
            ("%2541", Some("%41")),
            ("a+b", Some("a+b")),
            ("%", None),
            ("%4", None),
            ("%+4", None),
            ("%zz", None),
            ("%ff", None),
            ("%é", None),
        ] {
            assert_eq!(decoded(raw).as_deref(), expected, "{raw}");
        }
    }
}
