//! The API: `examples/axum.rs`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::answer::Answer;
use crate::example::build;
use crate::process::Running;
use crate::token::Token;

/// What the API is called in `aud`.
pub(crate) const AUDIENCE: &str = "https://api.test";

/// The example, until it is dropped.
pub(crate) struct Api {
    _process: Running,
    address: String,
}

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
        Answer::to_get(&format!("{}{path}", self.address), token)
    }

    /// The resource that needs a scope.
    pub(crate) fn orders(&self, token: &Token) -> Answer {
        self.get("/orders", Some(token))
    }
}
