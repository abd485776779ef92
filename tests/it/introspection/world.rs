use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{
    BoxFuture, ClientAuthentication, FetchError, FetchLimits, HttpClient, Introspection, IntrospectionStatus,
    ResourceServer, ResourceServerBuilder, Secret, TrustedIssuer, authenticated,
};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Answer, Api, ISSUER, NOW};

pub(super) const ENDPOINT: &str = "https://id.example.com/introspect";

/// An issuer that introspects, the network to it, and the clock of everybody.
pub(super) struct World {
    pub(super) issuer: Issuer,
    pub(super) network: Network,
    pub(super) clock: ManualClock,
}

/// Carries requests to the issuer, notes where to, and answers those for introspection itself where a test says so.
#[derive(Clone, Debug)]
pub(super) struct Network {
    issuer: Issuer,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    urls: Vec<String>,
    metadata: Option<Value>,
    answer: Option<(u16, HeaderMap, Vec<u8>)>,
}

/// How the client that the issuer knows from the start asks.
pub(super) fn introspection() -> Introspection {
    Introspection::new(ClientAuthentication::basic("api", Secret::new("secret")))
}

/// What a right answer says of an active token.
pub(super) fn active() -> Value {
    json!({
        "active": true, "token_type": "Bearer", "iss": ISSUER, "aud": AUDIENCE, "sub": "alice",
        "client_id": "client-1", "iat": NOW, "exp": NOW + 300, "scope": "read write",
    })
}

/// The same with this member: in place of its own, or beside them.
pub(super) fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut answer = active();
    answer[name] = value.into();
    answer
}

/// The same without these members.
pub(super) fn without<const N: usize>(names: [&str; N]) -> Value {
    let mut answer = active();
    answer.as_object_mut().unwrap().retain(|name, _| !names.contains(&&**name));
    answer
}

impl World {
    pub(super) fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let issuer = Issuer::offline(ISSUER).with_clock(clock.clone());
        let network = Network { issuer: issuer.clone(), state: Arc::default() };
        Self { issuer, network, clock }
    }

    pub(super) fn builder(&self, trusted: TrustedIssuer) -> ResourceServerBuilder {
        ResourceServer::builder(trusted)
            .audience(AUDIENCE)
            .with_clock(self.clock.clone())
            .with_http_client(self.network.clone())
    }

    pub(super) fn server(&self, introspection: Introspection) -> ResourceServer {
        self.builder(TrustedIssuer::new(ISSUER).introspection(introspection)).build().unwrap()
    }

    /// An API that asks in this way, and lets every valid token in.
    pub(super) fn api_asking(&self, introspection: Introspection) -> Api {
        Api::new(self.server(introspection).require(authenticated()))
    }

    /// An API that asks in the plainest way.
    pub(super) fn api(&self) -> Api {
        self.api_asking(introspection())
    }

    /// A token that the issuer calls active.
    pub(super) fn token(&self) -> String {
        self.issuer.token(AUDIENCE).opaque()
    }

    /// A token about which the issuer says this, whatever it is.
    #[expect(clippy::needless_pass_by_value, reason = "so that a call reads well")]
    pub(super) fn token_of(&self, answer: impl ToString) -> String {
        let token = self.token();
        self.issuer.answer_introspection(&token, answer.to_string());
        token
    }

    /// How often the endpoint was asked.
    pub(super) fn asked(&self) -> usize {
        self.issuer.requests().introspection
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Network {
    /// Every URL that something was sent to, in order.
    pub(super) fn urls(&self) -> Vec<String> {
        self.state.lock().unwrap().urls.clone()
    }

    /// From now on, the metadata is this document.
    pub(super) fn serve_metadata(&self, metadata: Value) {
        self.state.lock().unwrap().metadata = Some(metadata);
    }

    /// From now on, requests for introspection are answered by these octets, and do not reach the issuer.
    pub(super) fn answer<'a>(
        &self,
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: impl Into<Vec<u8>>,
    ) {
        let headers =
            headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        self.state.lock().unwrap().answer = Some((status, headers.collect(), body.into()));
    }
}

impl HttpClient for Network {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let mut state = self.state.lock().unwrap();
        state.urls.push(request.uri().to_string());
        let answer = match request.uri().path() {
            "/.well-known/openid-configuration" => state.metadata.as_ref().map(|metadata| {
                let json = ("content-type".parse().unwrap(), "application/json".parse().unwrap());
                (200, HeaderMap::from_iter([json]), metadata.to_string().into_bytes())
            }),
            "/introspect" => state.answer.clone(),
            _ => None,
        };
        drop(state);
        let Some((status, headers, body)) = answer else { return self.issuer.send(request, limits) };
        let mut response = Response::new(Bytes::from(body));
        (*response.status_mut(), *response.headers_mut()) = (StatusCode::from_u16(status).unwrap(), headers);
        let fits = response.body().len() <= limits.max_body;
        Box::pin(async move { if fits { Ok(response) } else { Err(FetchError::TooLarge) } })
    }
}

/// What is known of the introspection of the one issuer.
pub(super) fn status(server: &ResourceServer) -> IntrospectionStatus {
    server.issuers().status().remove(0).introspection.unwrap()
}

/// The code of the last failure, if there was one.
pub(super) fn failure(server: &ResourceServer) -> Option<&'static str> {
    status(server).last_failure.map(|failure| failure.code)
}

/// The answer to a request with a token about which the endpoint says this.
pub(super) async fn judged(world: &World, api: &Api, answer: impl ToString) -> Answer {
    let answer = answer.to_string();
    println!("{}", answer.chars().take(300).collect::<String>());
    api.token(world.token_of(answer)).await
}

/// Admitted for an empty code, and else 401 `invalid_token`.
pub(super) async fn assert_all(
    world: &World,
    api: &Api,
    cases: impl IntoIterator<Item = (Value, &'static str)>,
) {
    for (answer, code) in cases {
        let answer = judged(world, api, answer).await;
        match code {
            "" => answer.assert_admitted(),
            code => answer.assert_invalid(code),
        }
    }
}
