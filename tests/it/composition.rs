//! The layer among the middleware that people use: what stands outside, what inside, and what changes with the order.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, header};
use http_body_util::BodyExt;
use portcullis::{Decision, Policy, PolicyInput, Rejection, ResourceServer, authenticated, scope};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::{DefaultMakeSpan, TraceLayer};

use crate::support::{self, Strict, Toy, capture_logs};

const PAGE: &str = "https://app.example.com";

/// A GET with this bearer token, and a body as much of the middleware wants to see one.
fn get(token: &str) -> Request<String> {
    support::get(token).map(|()| String::new())
}

fn toy() -> ResourceServer {
    ResourceServer::from_validator(Toy::default())
}

/// Polls once; whether it is still going on.
async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(future.poll_unpin(cx).is_pending())).await
}

fn code<B>(response: &Response<B>) -> &'static str {
    response.extensions().get::<Rejection>().map_or("admitted", Rejection::code)
}

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin([PAGE.parse().unwrap()])
        .allow_methods([http::Method::GET])
        .allow_headers([header::AUTHORIZATION])
        .expose_headers([header::WWW_AUTHENTICATE])
}

/// What a browser asks before a page of another origin may send a token.
fn preflight() -> Request<String> {
    let request = Request::options("/").header(header::ORIGIN, PAGE);
    let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET");
    request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization").body(String::new()).unwrap()
}

fn from_page(mut request: Request<String>) -> Request<String> {
    request.headers_mut().insert(header::ORIGIN, PAGE.parse().unwrap());
    request
}

fn field(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn cors_outside_answers_a_preflight_and_cors_inside_never_sees_one() {
    // covers: CHL-026
    let (auth, inner) = (toy(), Strict::default());
    let outside =
        ServiceBuilder::new().layer(cors()).layer(auth.require(authenticated())).service(inner.clone());
    let answer = outside.clone().oneshot(preflight()).await.unwrap();
    assert_eq!((answer.status().as_u16(), code(&answer)), (200, "admitted"));
    assert_eq!(field(answer.headers(), header::ACCESS_CONTROL_ALLOW_ORIGIN), PAGE);
    assert_eq!(field(answer.headers(), header::ACCESS_CONTROL_ALLOW_HEADERS), "authorization");
    // It takes every OPTIONS request for one.
    let options = Request::options("/").body(String::new()).unwrap();
    assert_eq!(outside.clone().oneshot(options).await.unwrap().status(), 200);
    assert_eq!(inner.calls(), 0);
    assert_eq!(outside.oneshot(from_page(get("good"))).await.unwrap().status(), 200);
    assert_eq!(inner.calls(), 1);

    let inside =
        ServiceBuilder::new().layer(auth.require(authenticated())).layer(cors()).service(inner.clone());
    let answer = inside.oneshot(preflight()).await.unwrap();
    assert_eq!((answer.status().as_u16(), code(&answer)), (401, "missing_credential"));
    assert_eq!(field(answer.headers(), header::ACCESS_CONTROL_ALLOW_ORIGIN), "");
}

#[tokio::test]
async fn a_page_can_read_a_challenge_only_through_cors_outside_that_exposes_it() {
    let auth = toy();
    let outside =
        ServiceBuilder::new().layer(cors()).layer(auth.require(authenticated())).service(Strict::default());
    for (request, status, code_expected) in [
        (get("bad"), 401, "refused"),
        (Request::get("/").body(String::new()).unwrap(), 401, "missing_credential"),
    ] {
        let answer = outside.clone().oneshot(from_page(request)).await.unwrap();
        assert_eq!((answer.status().as_u16(), code(&answer)), (status, code_expected));
        assert!(field(answer.headers(), header::WWW_AUTHENTICATE).starts_with("Bearer realm=\"api\""));
        assert_eq!(field(answer.headers(), header::ACCESS_CONTROL_ALLOW_ORIGIN), PAGE);
        assert_eq!(field(answer.headers(), header::ACCESS_CONTROL_EXPOSE_HEADERS), "www-authenticate");
    }
    // Inside, a refusal lacks what the browser wants to see, and the page learns of a network error.
    let inside =
        ServiceBuilder::new().layer(auth.require(authenticated())).layer(cors()).service(Strict::default());
    let answer = inside.oneshot(from_page(get("bad"))).await.unwrap();
    assert_eq!((answer.status().as_u16(), code(&answer)), (401, "refused"));
    assert_eq!(field(answer.headers(), header::ACCESS_CONTROL_ALLOW_ORIGIN), "");
    assert_eq!(field(answer.headers(), header::ACCESS_CONTROL_EXPOSE_HEADERS), "");
}

#[tokio::test]
async fn tracing_outside_sees_every_answer_and_tracing_inside_only_those_of_the_service() {
    let auth = toy();
    let seen: Arc<Mutex<Vec<u16>>> = Arc::default();
    let trace = || {
        let seen = Arc::clone(&seen);
        TraceLayer::new_for_http().on_response(
            move |response: &Response<_>, _: Duration, _: &tracing::Span| {
                seen.lock().unwrap().push(response.status().as_u16());
            },
        )
    };
    let send = async |token| {
        let outside = trace().layer(auth.require(scope("x")).layer(Strict::default()));
        outside.oneshot(get(token)).await.unwrap();
        let outside = std::mem::take(&mut *seen.lock().unwrap());
        // Its body has no default: boxed, it has.
        let inside = ServiceBuilder::new()
            .layer(auth.require(scope("x")))
            .map_response(|response: Response<_>| response.map(BodyExt::boxed))
            .layer(trace())
            .service(Strict::default());
        inside.oneshot(get(token)).await.unwrap();
        (outside, std::mem::take(&mut *seen.lock().unwrap()))
    };
    assert_eq!(send("good").await, (vec![200], vec![200]));
    assert_eq!(send("slow").await, (vec![200], vec![200]));
    assert_eq!(send("bad").await, (vec![401], vec![]));
    assert_eq!(send("down").await, (vec![503], vec![]));
}

#[tokio::test]
async fn a_field_marked_as_sensitive_is_not_logged_and_still_is_the_credential() {
    let toy = Toy::default();
    let auth = ResourceServer::from_validator(toy.clone());
    let sensitive = || SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION]);
    let trace = || TraceLayer::new_for_http().make_span_with(DefaultMakeSpan::new().include_headers(true));
    let both = ServiceBuilder::new()
        .layer(sensitive())
        .layer(trace())
        .layer(auth.require(authenticated()))
        // Marked again between two layers: it is the same credential, and the result is reused.
        .layer(sensitive())
        .layer(auth.require(scope("x")))
        .service(Strict::default());
    let (response, log) = capture_logs(both.oneshot(get("good"))).await;
    assert_eq!((response.unwrap().status().as_u16(), toy.validations()), (200, 1));
    assert!(log.contains("\"authorization\": Sensitive") && !log.contains("Bearer good"), "{log}");
    // Without it, or with it inside, tracing prints what it finds.
    let late = ServiceBuilder::new()
        .layer(trace())
        .layer(sensitive())
        .layer(auth.require(authenticated()))
        .service(Strict::default());
    let (response, log) = capture_logs(late.oneshot(get("good"))).await;
    assert_eq!(response.unwrap().status(), 200);
    assert!(log.contains("Bearer good"), "{log}");
}

#[tokio::test]
async fn a_field_that_is_marked_only_between_two_layers_is_still_the_same_credential() {
    // covers: EXT-021
    let toy = Toy::default();
    let auth = ResourceServer::from_validator(toy.clone());
    let service = ServiceBuilder::new()
        .layer(auth.require(authenticated()))
        .layer(SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION]))
        .layer(auth.require(scope("x")))
        .service(Strict::default());
    assert_eq!(service.oneshot(get("good")).await.unwrap().status(), 200);
    assert_eq!(toy.validations(), 1);
}

#[tokio::test]
async fn refused_and_waiting_requests_hold_no_place_in_a_buffer_inside() {
    let (auth, inner) = (toy(), Strict::default());
    let mut refused = auth.require(authenticated()).layer(Buffer::new(inner.clone(), 1));
    let other = refused.clone();
    let ready = tower::ServiceExt::<Request<String>>::ready(&mut refused).await.unwrap();
    // The only place is reserved for a request that has not come yet.
    let mut pending = Box::pin(other.clone().oneshot(get("good")));
    assert!(is_pending(&mut pending).await);
    let answer = ready.call(get("bad")).await.unwrap();
    assert_eq!((answer.status().as_u16(), code(&answer)), (401, "refused"));
    // It was refused, and its service lives on without the place.
    let answer = tokio::time::timeout(Duration::from_secs(5), pending).await.unwrap();
    assert_eq!(answer.unwrap().status(), 200);

    let mut waiting = Box::pin(refused.oneshot(get("never")));
    assert!(is_pending(&mut waiting).await);
    for token in ["good", "slow"] {
        let answer = tokio::time::timeout(Duration::from_secs(5), other.clone().oneshot(get(token))).await;
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
    assert_eq!(inner.calls(), 3);
}

#[tokio::test]
async fn a_buffer_outside_takes_strangers_in_and_is_not_held_up_by_those_who_wait() {
    let inner = Strict::default();
    let service = Buffer::new(toy().require(authenticated()).layer(inner.clone()), 1);
    let waiting = tokio::spawn(service.clone().oneshot(get("never")));
    for (token, status) in [("good", 200), ("bad", 401), ("slow", 200)] {
        assert_eq!(service.clone().oneshot(get(token)).await.unwrap().status(), status);
    }
    assert_eq!((inner.calls(), waiting.is_finished()), (2, false));
    waiting.abort();
}

#[tokio::test]
async fn a_limit_outside_counts_those_who_wait_and_a_limit_inside_does_not() {
    let auth = toy();
    let inside = auth.require(authenticated()).layer(ConcurrencyLimit::new(Strict::default(), 1));
    let outside = ConcurrencyLimit::new(auth.require(authenticated()).layer(Strict::default()), 1);

    let mut waiting = Box::pin(inside.clone().oneshot(get("never")));
    assert!(is_pending(&mut waiting).await);
    assert_eq!(inside.oneshot(get("good")).await.unwrap().status(), 200);

    let mut waiting = Box::pin(outside.clone().oneshot(get("never")));
    assert!(is_pending(&mut waiting).await);
    let mut held_up = Box::pin(outside.oneshot(get("good")));
    assert!(is_pending(&mut held_up).await);
    drop(waiting);
    assert_eq!(held_up.await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_covers_the_wait_for_keys_and_a_timeout_inside_only_the_service() {
    let auth = toy();
    let timeout =
        || TimeoutLayer::with_status_code(http::StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(1));
    let inner = Strict::default();
    let outside = timeout().layer(auth.require(authenticated()).layer(inner.clone()));
    for (token, status) in [("good", 200), ("bad", 401), ("never", 504), ("good-in-10-s", 504)] {
        assert_eq!(outside.clone().oneshot(get(token)).await.unwrap().status(), status, "{token}");
    }
    assert_eq!(inner.calls(), 1, "who was timed out never gets in");

    let inside = auth.require(authenticated()).layer(timeout().layer(inner));
    for (token, status) in [("good", 200), ("bad", 401), ("good-in-10-s", 200)] {
        assert_eq!(inside.clone().oneshot(get(token)).await.unwrap().status(), status, "{token}");
    }
    let stuck = service_fn(async |_: Request<String>| {
        std::future::pending::<Result<Response<String>, Infallible>>().await
    });
    let stuck = auth.require(authenticated()).layer(timeout().layer(stuck));
    assert_eq!(stuck.oneshot(get("good")).await.unwrap().status(), 504);
}

/// Has a bug that some requests meet.
#[derive(Debug)]
struct Panicking;

impl Policy for Panicking {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        assert_ne!(input.path(), "/panic", "a policy with a bug");
        Decision::Allow
    }
}

#[tokio::test]
async fn a_panic_in_a_policy_or_a_validator_admits_nothing_and_the_next_request_is_served() {
    let inner = Strict::default();
    let guarded = toy().require(Panicking).layer(inner.clone());
    let service = CatchPanicLayer::new().layer(guarded.clone());
    let send = async |path: &str, token: &str| {
        let mut request = get(token);
        *request.uri_mut() = path.parse().unwrap();
        let answer = service.clone().oneshot(request).await.unwrap();
        (answer.status().as_u16(), code(&answer), inner.calls())
    };
    assert_eq!(send("/", "good").await, (200, "admitted", 1));
    for (path, token) in [("/panic", "good"), ("/panic", "slow"), ("/", "panic"), ("/", "slow-panic")] {
        assert_eq!(send(path, token).await, (500, "admitted", 1), "{path} {token}");
    }
    assert_eq!(send("/panic", "bad").await, (401, "refused", 1), "the policy is not asked");
    assert_eq!(send("/", "good").await, (200, "admitted", 2));
    // Without it, the panic is the caller's.
    let mut request = get("good");
    *request.uri_mut() = "/panic".parse().unwrap();
    assert!(tokio::spawn(guarded.oneshot(request)).await.unwrap_err().is_panic());
}
