//! The API: `examples/axum.rs`, and what it answers.

use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use http::{Request, Response, header};

use crate::example::build;
use crate::process::Running;
use crate::token::Token;
use crate::wire::send;

/// What the API is called in `aud`.
pub(crate) const AUDIENCE: &str = "https://api.test";

/// The example, until it is dropped.
pub(crate) struct Api {
    _process: Running,
    address: String,
}

pub(crate) struct Answer(Response<String>);

impl Api {
    /// Starts the example for one issuer, which need not be there yet.
    pub(crate) fn trusting(issuer: &str) -> Self {
        static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
        let mut example = Command::new(EXAMPLE.get_or_init(|| build("axum")));
        example.envs([
            ("ISSUER", issuer),
            ("AUDIENCE", AUDIENCE),
            ("LISTEN", "127.0.0.1:0"),
            ("READ_SCOPE", crate::READ),
            // The issuer is on this machine, whatever proxy is set here for others.
            ("NO_PROXY", "127.0.0.1"),
        ]);
        let (process, address) = Running::start("the API", &mut example, "listening on ");
        Self { _process: process, address }
    }

    pub(crate) fn get(&self, path: &str, token: Option<&Token>) -> Answer {
        let mut request = Request::get(format!("{}{path}", self.address));
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.as_str()));
        }
        Answer(send(&request.body(String::new()).unwrap()))
    }

    /// The resource that needs a scope.
    pub(crate) fn orders(&self, token: &Token) -> Answer {
        self.get("/orders", Some(token))
    }
}

impl Answer {
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
        assert_eq!((self.status().as_u16(), self.challenge()), (200, None));
        assert_eq!(self.body(), "orders of svc\n");
    }

    /// 401 `invalid_token`.
    #[track_caller]
    pub(crate) fn assert_invalid(&self) {
        assert_eq!((self.status().as_u16(), &**self.body()), (401, ""));
        let challenge = self.challenge().unwrap_or_default();
        assert!(challenge.starts_with("Bearer realm=\"api\", error=\"invalid_token\", "), "{challenge}");
        assert!(!challenge.contains("scope="), "{challenge}");
    }

    /// 503 that says nothing about the token, and after what pause to come back.
    #[track_caller]
    pub(crate) fn assert_unavailable(&self) -> Duration {
        assert_eq!((self.status().as_u16(), self.challenge(), &**self.body()), (503, None, ""));
        let seconds = self.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        Duration::from_secs(seconds)
    }
}

impl Deref for Answer {
    type Target = Response<String>;

    fn deref(&self) -> &Response<String> {
        &self.0
    }
}
