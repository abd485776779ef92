//! An issuer whose introspection endpoint, and metadata, answer as a test says, on one clock.

use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use portcullis::testing::{Issuer, ManualClock, TokenBuilder};
use portcullis::{
    BoxFuture, ClientAuthentication, FetchError, FetchLimits, HttpClient, Introspection, IntrospectionStatus,
    ResourceServer, ResourceServerBuilder, Secret, TrustedIssuer, authenticated,
};
use tokio::sync::Semaphore;

use crate::support::{AUDIENCE, Api, ISSUER, NOW};

pub(super) struct Site {
    pub(super) issuer: Issuer,
    pub(super) desk: Desk,
    pub(super) clock: ManualClock,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::of(ISSUER, ManualClock::at(NOW))
    }

    pub(super) fn of(issuer: &str, clock: ManualClock) -> Self {
        let issuer = Issuer::offline(issuer).with_clock(clock.clone());
        Self { desk: Desk::of(&issuer), issuer, clock }
    }

    /// The issuer as it is trusted here. Its endpoint is known, and its keys are.
    pub(super) fn trusted(&self, configure: impl FnOnce(Introspection) -> Introspection) -> TrustedIssuer {
        let introspection = introspection().endpoint(self.endpoint()).with_http_client(self.desk.clone());
        TrustedIssuer::new(self.issuer.url())
            .jwk_set(self.issuer.jwk_set())
            .introspection(configure(introspection))
    }

    /// The same, where nothing but its name is known.
    pub(super) fn discovered(&self) -> TrustedIssuer {
        let introspection = introspection().with_http_client(self.desk.clone());
        TrustedIssuer::new(self.issuer.url()).jwk_set(self.issuer.jwk_set()).introspection(introspection)
    }

    pub(super) fn server(&self, trusted: TrustedIssuer) -> ResourceServerBuilder {
        ResourceServer::builder(trusted).audience(AUDIENCE).with_clock(self.clock.clone())
    }

    /// An API that knows its endpoint and the defaults.
    pub(super) fn api(&self) -> Api {
        self.api_with(|introspection| introspection)
    }

    pub(super) fn api_with(&self, configure: impl FnOnce(Introspection) -> Introspection) -> Api {
        api(&self.server(self.trusted(configure)).build().unwrap())
    }

    /// Of a token that stays valid for the days of a test.
    pub(super) fn token(&self) -> TokenBuilder {
        self.issuer.token(AUDIENCE).expires_in(Duration::from_secs(1_000_000))
    }

    pub(super) fn opaque(&self) -> String {
        self.token().opaque()
    }

    pub(super) fn endpoint(&self) -> String {
        format!("{}/introspect", self.issuer.url())
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

pub(super) fn introspection() -> Introspection {
    Introspection::new(ClientAuthentication::basic("api", Secret::new("secret")))
}

/// What is known of the introspection of the one issuer of a server.
pub(super) fn status(server: &ResourceServer) -> IntrospectionStatus {
    server.issuers().status().remove(0).introspection.unwrap()
}

pub(super) fn api(server: &ResourceServer) -> Api {
    Api::new(server.require(authenticated()))
}

/// An HTTP client that leads to an issuer, except as the test says. It notes what was asked, and how much of it at once.
/// Clones are the same.
#[derive(Clone)]
pub(super) struct Desk {
    issuer: Issuer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    at_once: usize,
    most_at_once: usize,
    rule: Option<Rule>,
}

type Rule = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) url: String,
    /// Empty where it is for metadata.
    pub(super) token: String,
    pub(super) timeout: Duration,
}

/// What becomes of a request.
pub(super) enum Reply {
    /// The issuer answers it.
    Issuer,
    /// Introspection, metadata or anything else: a 200 of type JSON.
    Json(String),
    Status(u16),
    Unreachable,
    Panic,
    Never,
    /// The same, when there is a permit of this gate.
    After(Arc<Semaphore>, Box<Self>),
    /// The same, after so many turns of other tasks.
    Yields(usize, Box<Self>),
    /// The same, so much later.
    Late(ManualClock, Duration, Box<Self>),
}

impl Desk {
    fn of(issuer: &Issuer) -> Self {
        Self { issuer: issuer.clone(), state: Arc::default() }
    }

    /// From now on, this decides.
    pub(super) fn on(&self, rule: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        self.state.lock().unwrap().rule = Some(Arc::new(rule));
    }

    /// From now on, the issuer answers as it would.
    pub(super) fn mend(&self) {
        self.state.lock().unwrap().rule = None;
    }

    /// From now on, answers about tokens wait for permits.
    pub(super) fn hold(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        self.on(move |_| Reply::After(Arc::clone(&held), Box::new(Reply::Issuer)));
        gate
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    /// How often it was asked about tokens.
    pub(super) fn exchanges(&self) -> usize {
        self.asked().iter().filter(|asked| !asked.token.is_empty()).count()
    }

    /// How often it was asked for metadata.
    pub(super) fn looks(&self) -> usize {
        self.asked().len() - self.exchanges()
    }

    /// How many requests were under way together, at most.
    pub(super) fn most_at_once(&self) -> usize {
        self.state.lock().unwrap().most_at_once
    }

    pub(super) fn at_once(&self) -> usize {
        self.state.lock().unwrap().at_once
    }
}

/// A request under way.
struct UnderWay(Arc<Mutex<State>>);

impl UnderWay {
    fn begin(state: &Arc<Mutex<State>>) -> Self {
        let mut inner = state.lock().unwrap();
        inner.at_once += 1;
        inner.most_at_once = inner.most_at_once.max(inner.at_once);
        Self(Arc::clone(state))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().at_once -= 1;
    }
}

impl HttpClient for Desk {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let (state, issuer) = (Arc::clone(&self.state), self.issuer.clone());
        Box::pin(async move {
            let _under_way = UnderWay::begin(&state);
            let mut fields = form_urlencoded::parse(request.body());
            let token = fields.find(|(name, _)| name == "token").map(|(_, value)| value.into_owned());
            let asked = Asked {
                url: request.uri().to_string(),
                token: token.unwrap_or_default(),
                timeout: limits.timeout,
            };
            let rule = {
                let mut state = state.lock().unwrap();
                state.asked.push(asked.clone());
                state.rule.clone()
            };
            let reply = rule.map_or(Reply::Issuer, |rule| rule(&asked));
            reply.give(&issuer, request, limits).await
        })
    }
}

impl Reply {
    fn give(
        self,
        issuer: &Issuer,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(async move {
            match self {
                // Without its timeout, which is of tokio's time.
                Self::Issuer => futures_util::FutureExt::now_or_never(issuer.send(request, limits)).unwrap(),
                Self::Json(body) => {
                    let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
                    Ok(response.body(Bytes::from(body)).unwrap())
                }
                Self::Status(status) => Ok(Response::builder().status(status).body(Bytes::new()).unwrap()),
                Self::Unreachable => Err(FetchError::Failed("connection refused".into())),
                Self::Panic => panic!("a client with a bug"),
                Self::Never => pending().await,
                Self::After(gate, reply) => {
                    gate.acquire().await.unwrap().forget();
                    reply.give(issuer, request, limits).await
                }
                Self::Yields(turns, reply) => {
                    for _ in 0..turns {
                        tokio::task::yield_now().await;
                    }
                    reply.give(issuer, request, limits).await
                }
                Self::Late(clock, by, reply) => {
                    clock.advance(by);
                    reply.give(issuer, request, limits).await
                }
            }
        })
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}
