use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// An example of this crate, run as the README says. It ends with the test, whatever happens.
pub(crate) struct Example {
    process: Child,
    commands: Vec<Printed>,
}

/// A command that an example printed, with the comment above it.
pub(crate) struct Printed {
    /// What is said to come back, such as `200`: the comment up to its colon.
    pub(crate) promise: String,
    pub(crate) command: String,
}

impl Example {
    /// Starts the example that `cargo test` has built beside this test, and reads its commands.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, &[], Stdio::inherit())
    }

    /// The same with arguments, and a place for what it logs.
    pub(crate) fn start_with(name: &str, arguments: &[&Path], log: impl Into<Stdio>) -> Self {
        let test = std::env::current_exe().unwrap();
        let program = test.parent().unwrap().parent().unwrap().join("examples").join(name);
        assert!(program.exists(), "{} is missing: `cargo test` builds the examples", program.display());
        let mut command = Command::new(program);
        let process = command.args(arguments).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut this = Self { process, commands: Vec::new() };
        let lines = BufReader::new(this.process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut promise = None;
        for line in lines.take_while(|line| !line.starts_with("# Tokens")) {
            if let Some(comment) = line.strip_prefix("# ") {
                promise = comment.split_once(':').map(|(promise, _)| promise.to_owned());
            } else if !line.is_empty() {
                this.commands.push(Printed { promise: promise.take().unwrap(), command: line });
            }
        }
        this
    }

    pub(crate) fn commands(&self) -> &[Printed] {
        &self.commands
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Printed {
    /// The bearer token in the command.
    pub(crate) fn token(&self) -> Option<&str> {
        self.command.split_once("earer ").map(|(_, rest)| rest.split('\'').next().unwrap())
    }

    /// Does what `curl -i URL [--http2-prior-knowledge] [-H FIELD]` does.
    pub(crate) async fn curl(&self) -> Response<String> {
        let mut words = self.command.split(' ');
        assert_eq!((words.next(), words.next()), (Some("curl"), Some("-i")));
        let mut request = Request::get(words.next().unwrap()).body(Empty::<Bytes>::new()).unwrap();
        if let Some((_, field)) = self.command.split_once("-H '") {
            let (name, value) = field.strip_suffix('\'').unwrap().split_once(": ").unwrap();
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        let authority = request.uri().authority().unwrap().clone();
        let stream = TokioIo::new(TcpStream::connect(authority.as_str()).await.unwrap());
        let response = if self.command.contains(" --http2-prior-knowledge") {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        } else {
            let host = HeaderValue::from_str(authority.as_str()).unwrap();
            request.headers_mut().insert(http::header::HOST, host);
            *request.uri_mut() = request.uri().path().parse().unwrap();
            let (mut sender, connection) = http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        };
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
    }
}
