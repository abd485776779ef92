use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, header};
use portcullis::{BoxFuture, FetchError, FetchLimits, HttpClient};
use tokio::sync::Semaphore;

/// An HTTP client that answers from a script and counts what it was asked. Clones are the same client.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptedClient {
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    requests: Vec<Asked>,
    replies: HashMap<String, VecDeque<Reply>>,
}

/// One request, as the client was given it.
#[derive(Clone, Debug)]
struct Asked {
    url: String,
    headers: HeaderMap,
    timeout: Duration,
}

/// One scripted answer. The last one for a URL is given again and again.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Json(String),
    Response(u16, Vec<(&'static str, &'static str)>, String),
    Unreachable,
    TimedOut,
    Panic,
    /// The answer waits for a permit of this gate.
    After(Arc<Semaphore>, Box<Self>),
}

impl ScriptedClient {
    /// Answers GETs of `url` with these, one after the other.
    pub(crate) fn on(self, url: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.script.lock().unwrap().replies.insert(url.to_owned(), replies.into_iter().collect());
        self
    }

    /// Every URL asked so far, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.script.lock().unwrap().requests.iter().map(|asked| asked.url.clone()).collect()
    }

    /// What every request so far said in this header field, in order; empty where it was silent.
    pub(crate) fn said(&self, name: &HeaderName) -> Vec<String> {
        let script = self.script.lock().unwrap();
        let values = script.requests.iter().map(|asked| asked.headers.get(name).cloned());
        values.map(|value| value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())).collect()
    }

    /// How long every request so far might take, in order.
    pub(crate) fn timeouts(&self) -> Vec<Duration> {
        self.script.lock().unwrap().requests.iter().map(|asked| asked.timeout).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.requests().len()
    }
}

impl HttpClient for ScriptedClient {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        assert_eq!(limits.max_body, FetchLimits::default().max_body);
        assert!(!limits.timeout.is_zero() && limits.timeout <= FetchLimits::default().timeout);
        let script = Arc::clone(&self.script);
        Box::pin(async move {
            let url = request.uri().to_string();
            let reply = {
                let mut script = script.lock().unwrap();
                let headers = request.headers().clone();
                script.requests.push(Asked { url: url.clone(), headers, timeout: limits.timeout });
                match script.replies.get_mut(&url) {
                    Some(replies) if replies.len() > 1 => replies.pop_front(),
                    Some(replies) => replies.front().cloned(),
                    None => None,
                }
            };
            reply.unwrap_or(Reply::Response(404, vec![], String::new())).give().await
        })
    }
}

impl Reply {
    async fn give(self) -> Result<Response<Bytes>, FetchError> {
        match self {
            Self::Json(body) => {
                Self::response(200, vec![(header::CONTENT_TYPE.as_str(), "application/json")], body)
            }
            Self::Response(status, headers, body) => Self::response(status, headers, body),
            Self::Unreachable => Err(FetchError::Failed("connection refused".into())),
            Self::TimedOut => Err(FetchError::TimedOut),
            Self::Panic => panic!("a client with a bug"),
            Self::After(gate, reply) => {
                gate.acquire().await.unwrap().forget();
                Box::pin(reply.give()).await
            }
        }
    }

    fn response(
        status: u16,
        headers: Vec<(&'static str, &'static str)>,
        body: String,
    ) -> Result<Response<Bytes>, FetchError> {
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().append(name, value.parse().unwrap());
        }
        Ok(response)
    }
}
