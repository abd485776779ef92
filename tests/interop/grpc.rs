//! `examples/tonic`, called by the gRPC client of Node.js.

use std::collections::HashMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::example::build;
use crate::node::{install, node};
use crate::process::Running;

/// The example, until it is dropped.
pub(crate) struct Shop {
    _process: Running,
    calls: Vec<Call>,
}

/// A call that the example proposes.
pub(crate) struct Call {
    /// What it says will come back.
    pub(crate) promise: String,
    pub(crate) method: String,
    pub(crate) token: Option<String>,
    address: String,
}

/// What the client made of the answer.
#[derive(serde::Deserialize)]
pub(crate) struct Outcome {
    pub(crate) code: u32,
    pub(crate) message: String,
    pub(crate) replies: Vec<Value>,
    metadata: HashMap<String, Vec<String>>,
}

impl Shop {
    pub(crate) fn open() -> Self {
        // Before: the tokens that it prints do not wait.
        install();
        let mut example = Command::new(build("tonic"));
        // The issuer is on this machine, whatever proxy is set here for others.
        example.env("NO_PROXY", "127.0.0.1");
        let (process, lines) = Running::start_reading("the shop", &mut example, "# Tokens");
        let promises = lines.iter().filter_map(|line| line.strip_prefix("# ")?.split_once(": "));
        let commands = lines.iter().filter(|line| line.starts_with("grpcurl "));
        let calls =
            promises.zip(commands).map(|((_, promise), command)| Call::new(promise, command)).collect();
        Self { _process: process, calls }
    }

    /// The calls that it proposes, in its order.
    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }
}

impl Call {
    fn new(promise: &str, command: &str) -> Self {
        let mut words = command.rsplit(' ');
        let (method, address) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let token =
            command.split_once("Bearer ").map(|(_, rest)| rest.split('\'').next().unwrap().to_owned());
        Self { promise: promise.to_owned(), method, token, address }
    }

    /// Does it, with another client than the command names.
    pub(crate) fn make(&self) -> Outcome {
        let mut client = node("grpc-client.mjs");
        client.args([&self.address, &self.method]).args(&self.token);
        let (_client, outcome) = Running::start("the client", &mut client, "CALLED ");
        serde_json::from_str(&outcome).unwrap()
    }
}

impl Outcome {
    /// The only challenge.
    pub(crate) fn challenge(&self) -> Option<&str> {
        let mut challenges = self.metadata.get("www-authenticate")?.iter();
        let challenge = challenges.next().map(String::as_str);
        assert_eq!(challenges.next(), None);
        challenge
    }
}

/// An order, as the client prints it.
pub(crate) fn order(id: usize) -> Value {
    json!({ "id": id })
}
