//! What an API answers, be it the example or one in this process.

use std::ops::Deref;
use std::time::Duration;

use http::{Request, Response, header};

use crate::token::Token;
use crate::wire::send;

/// The field in which an API in this process says why it refused.
pub(crate) const REFUSED: &str = "refused";

pub(crate) struct Answer(Response<String>);

impl Answer {
    /// Asks for this, with a token or without.
    pub(crate) fn to_get(url: &str, token: Option<&Token>) -> Self {
        let mut request = Request::get(url);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.as_str()));
        }
        Self(send(&request.body(String::new()).unwrap()))
    }

    /// The only challenge.
    pub(crate) fn challenge(&self) -> Option<&str> {
        let mut challenges = self.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let challenge = challenges.next().map(|value| value.to_str().unwrap());
        assert_eq!(challenges.next(), None);
        challenge
    }

    /// 200, and the handler knows who asks.
    #[track_caller]
    pub(crate) fn assert_admitted(&self) {
        assert_eq!((self.status().as_u16(), self.code(), self.challenge()), (200, None, None));
        assert_eq!(self.body(), "orders of svc\n");
    }

    /// 401 `invalid_token`.
    #[track_caller]
    pub(crate) fn assert_invalid(&self) {
        assert_eq!((self.status().as_u16(), &**self.body()), (401, ""), "{:?}", self.code());
        let challenge = self.challenge().unwrap_or_default();
        assert!(challenge.starts_with("Bearer realm=\"api\", error=\"invalid_token\", "), "{challenge}");
        assert!(!challenge.contains("scope="), "{challenge}");
    }

    /// The same, and for this reason, which an API in this process tells.
    #[track_caller]
    pub(crate) fn assert_invalid_because(&self, code: &str) {
        self.assert_invalid();
        assert_eq!(self.code(), Some(code));
    }

    /// 403 `insufficient_scope`, for this scope.
    #[track_caller]
    pub(crate) fn assert_lacks(&self, scope: &str) {
        assert_eq!((self.status().as_u16(), &**self.body()), (403, ""), "{:?}", self.code());
        let challenge = self.challenge().unwrap_or_default();
        assert!(challenge.starts_with("Bearer realm=\"api\", error=\"insufficient_scope\", "), "{challenge}");
        assert!(challenge.ends_with(&format!(", scope=\"{scope}\"")), "{challenge}");
    }

    /// 503 that says nothing about the token, and after what pause to come back.
    #[track_caller]
    pub(crate) fn assert_unavailable(&self) -> Duration {
        assert_eq!((self.status().as_u16(), self.challenge(), &**self.body()), (503, None, ""));
        let seconds = self.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        Duration::from_secs(seconds)
    }

    fn code(&self) -> Option<&str> {
        self.headers().get(REFUSED).map(|code| code.to_str().unwrap())
    }
}

impl Deref for Answer {
    type Target = Response<String>;

    fn deref(&self) -> &Response<String> {
        &self.0
    }
}
