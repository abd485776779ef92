//! Opaque tokens: what is in memory, what is not, and what introspection costs the tokens that need none.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use portcullis::testing::{Issuer, validate};
use portcullis::{
    BoxFuture, ClientAuthentication, FetchError, FetchLimits, HttpClient, Introspection, ResourceServer,
    ResourceServerBuilder, Secret, SignatureAlgorithm, Validation, authenticated,
};
use tokio::runtime::{self, Runtime};
use tower::{Service, ServiceExt as _};

use super::case::{Case, Group, request, router, status};
use super::loopback;
use super::token::{answer_about, issuer, server, server_of, trusted, usual};

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Rs256;
const TOKEN: &str = "7Fjfp0ZBr1KtDRbnfVdmIwmZQXvPkC2sLuYtEaHoGx4";
const REVOKED: &str = "revoked0ZBr1KtDRbnfVdmIwmZQXvPkC2sLuYtEaHoG";
/// As many as are kept.
const LIVE_TOKENS: u64 = 10_000;
/// What each of two threads sends in one run.
const PER_THREAD: usize = 1_000;

/// Every group about introspection.
pub(crate) fn groups() -> impl Iterator<Item = Group> {
    [from_memory, two_threads, exchanges, beside_jwts].into_iter().map(|group| group())
}

/// Answers that are kept: one, as many as there is room for, and one that refuses.
fn from_memory() -> Group {
    let issuer = issuer(ALGORITHM);
    let endpoint = Endpoint::of(&issuer);
    let auth = introspecting(&issuer, kept(), endpoint.clone());
    let (around, inside) =
        (auth.require(authenticated()).layer(router()), router().layer(auth.require(authenticated())));
    let live = live_tokens(LIVE_TOKENS - 1);
    let active = live.iter().map(String::as_str).chain([TOKEN]).map(|token| (token, 200));
    for (token, expected) in active.chain([(REVOKED, 401)]) {
        assert_eq!(status(&mut around.clone(), request(Some(token))), expected);
    }
    // From now on, a token that is not in memory fails its case.
    endpoint.shut.store(true, Ordering::Relaxed);

    let (valid, refused) = (Some(TOKEN), Some(REVOKED));
    let (bare, bare_in_turn, made) = ("bare", "bare, 10 000 tokens", "request");
    let cases = vec![
        Case::answered(bare, valid, router(), 200),
        {
            let request = request(valid);
            let valid = move || matches!(validate(&auth, &request), Validation::Ready(Ok(_)));
            Case::new("validate alone", valid)
        },
        Case::answered("hit: layer around the router", valid, around.clone(), 200).over(bare),
        Case::answered("hit: layer in Router::layer", valid, inside.clone(), 200).over(bare),
        Case::answered_in_turn(bare_in_turn, &live, router(), 200),
        Case::answered_in_turn("hit, 10 000 tokens: around the router", &live, around.clone(), 200)
            .over(bare_in_turn),
        Case::answered_in_turn("hit, 10 000 tokens: in Router::layer", &live, inside.clone(), 200)
            .over(bare_in_turn),
        Case::new(made, || request(Some(REVOKED)).uri().path() == "/orders"),
        Case::answered("refuse: inactive, around the router", refused, around, 401).over(made),
        Case::answered("refuse: inactive, in Router::layer", refused, inside, 401).over(bare),
    ];
    Group { title: "introspection: answers in memory".to_owned(), cases }
}

/// Two threads, with a token each or with one that is hot. A run is all that both of them send.
fn two_threads() -> Group {
    let issuer = issuer(ALGORITHM);
    let auth = introspecting(&issuer, kept(), Endpoint::of(&issuer));
    let service = auth.require(authenticated()).layer(router());
    let tokens: [String; 2] = live_tokens(2).to_vec().try_into().unwrap();
    let hot = [TOKEN.to_owned(), TOKEN.to_owned()];
    // Two threads that ask about one token at a time would wait for each other.
    for token in tokens.iter().chain(&hot) {
        assert_eq!(status(&mut service.clone(), request(Some(token))), 200);
    }
    let jwt = usual(&issuer, ALGORITHM).sign();
    let bare = "bare";
    let cases = vec![
        both(bare, hot.clone(), router()),
        both("hits of a token each", tokens, service.clone()).over(bare),
        both("hits of one token", hot, service.clone()).over(bare),
        both("one JWT", [jwt.clone(), jwt], service).over(bare),
    ];
    Group { title: format!("introspection: two threads, {PER_THREAD} requests of each"), cases }
}

/// One exchange for each request, beside a bare one of the same form by the same HTTP client to the same server.
fn exchanges() -> Group {
    let issuer = issuer(ALGORITHM);
    let endpoint = Endpoint::of(&issuer);
    let url = format!("http://{}/introspect", loopback::endpoint(&endpoint.answer));
    let asks = || introspection().cache_lifetime(Duration::ZERO);
    let over_loopback = builder(&issuer, asks().endpoint(&url)).dangerous_allow_loopback_http();
    let over_loopback = over_loopback.build().unwrap();
    let without_network = introspecting(&issuer, asks(), endpoint);

    let runtime = Rc::new(runtime::Builder::new_current_thread().enable_all().build().unwrap());
    let (post, bare) = ("bare POST", "bare route");
    let cases = vec![
        bare_post(post, &runtime, url),
        exchange("miss: one exchange", &runtime, &over_loopback).over(post),
        Case::answered(bare, Some(TOKEN), router(), 200),
        exchange("miss, answered at once", &runtime, &without_network).over(bare),
    ];
    Group { title: "introspection: exchanges".to_owned(), cases }
}

/// What JWTs pay where opaque tokens are introspected.
fn beside_jwts() -> Group {
    let issuer = issuer(ALGORITHM);
    let token = usual(&issuer, ALGORITHM).sign();
    let without = server(&issuer, issuer.jwk_set()).build().unwrap();
    let with = introspecting(&issuer, kept(), Endpoint::of(&issuer));
    let case = |name, auth: &ResourceServer| {
        Case::answered(name, Some(&token), auth.require(authenticated()).layer(router()), 200)
    };
    let cases = vec![
        case("JWT, nothing is introspected", &without),
        case("JWT, opaque tokens are introspected", &with),
    ];
    Group { title: format!("introspection: {ALGORITHM} beside it"), cases }
}

fn introspection() -> Introspection {
    let credentials = ClientAuthentication::basic("api", Secret::new("secret"));
    Introspection::new(credentials).endpoint("https://id.example.com/introspect")
}

/// Answers are kept for as long as they may be.
fn kept() -> Introspection {
    let longest = Duration::from_secs(300);
    introspection().cache_lifetime(longest).inactive_lifetime(longest)
}

fn builder(issuer: &Issuer, introspection: Introspection) -> ResourceServerBuilder {
    server_of(trusted(issuer, issuer.jwk_set()).introspection(introspection))
}

fn introspecting(issuer: &Issuer, introspection: Introspection, endpoint: Endpoint) -> ResourceServer {
    builder(issuer, introspection).with_http_client(endpoint).build().unwrap()
}

/// What the layer sends for [`TOKEN`], sent without it.
fn bare_post(name: &str, runtime: &Rc<Runtime>, url: String) -> Case {
    let runtime = Rc::clone(runtime);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    Case::new(name, move || {
        let post = client
            .post(&url)
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, "Basic YXBpOnNlY3JldA==")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("token={TOKEN}&token_type_hint=access_token"))
            .timeout(Duration::from_secs(5));
        runtime.block_on(async { post.send().await.unwrap().bytes().await.unwrap().starts_with(b"{") })
    })
}

/// A request that waits for the endpoint.
fn exchange(name: &str, runtime: &Rc<Runtime>, auth: &ResourceServer) -> Case {
    let (runtime, service) = (Rc::clone(runtime), auth.require(authenticated()).layer(router()));
    Case::new(name, move || {
        let answer = service.clone().oneshot(request(Some(TOKEN)));
        runtime.block_on(answer).unwrap().status() == 200
    })
}

/// Two threads, each with its token.
fn both<S, R>(name: &str, tokens: [String; 2], service: S) -> Case
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
{
    Case::new(name, move || {
        thread::scope(|scope| {
            let threads = tokens.each_ref().map(|token| {
                let mut service = service.clone();
                scope
                    .spawn(move || (0..PER_THREAD).all(|_| status(&mut service, request(Some(token))) == 200))
            });
            threads.into_iter().all(|thread| thread.join().unwrap())
        })
    })
}

/// Opaque tokens in an order that no cache foresees, the same in every run.
fn live_tokens(count: u64) -> Rc<[String]> {
    // Multiplied by an odd number, they are all different.
    let number = |index: u64| index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut tokens: Vec<_> =
        (0..count).map(|index| format!("{:016x}{:027x}", number(index), index)).collect();
    tokens.sort();
    tokens.into()
}

/// An endpoint without a network, which says the same of every token but one.
#[derive(Clone, Debug)]
struct Endpoint {
    answer: Arc<str>,
    shut: Arc<AtomicBool>,
}

impl Endpoint {
    fn of(issuer: &Issuer) -> Self {
        let token = usual(issuer, ALGORITHM).expires_in(Duration::from_secs(3600));
        Self { answer: answer_about(token).into(), shut: Arc::default() }
    }
}

impl HttpClient for Endpoint {
    fn send(
        &self,
        request: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let revoked = request.body().windows(REVOKED.len()).any(|text| text == REVOKED.as_bytes());
        let text = if revoked { r#"{"active":false}"# } else { &self.answer };
        let mut answer = Response::new(Bytes::copy_from_slice(text.as_bytes()));
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let shut = self.shut.load(Ordering::Relaxed);
        Box::pin(std::future::ready(if shut { Err(FetchError::TimedOut) } else { Ok(answer) }))
    }
}
