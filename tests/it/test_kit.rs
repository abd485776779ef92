//! The test kit itself: what users rely on in their own tests.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response};
use portcullis::testing::{
    Challenge, Fault, Issuer, ManualClock, assert_http_client_contract, assert_insufficient_scope,
    assert_invalid_token, assert_malformed, assert_unauthenticated, assert_unavailable, presented, validate,
};
use portcullis::{
    BoxFuture, Claims, ConfigError, FetchError, FetchLimits, HttpClient, ResourceServer, TrustedIssuer,
    Validation, ValidationError, authenticated, role, scope,
};
use tower::{ServiceExt as _, service_fn};

use crate::support::{AUDIENCE, ISSUER, NOW, eventually};

mod introspection;
mod probe;

fn get(token: Option<&str>) -> Request<()> {
    let request = Request::get("/");
    let request = token
        .into_iter()
        .fold(request, |request, token| request.header("authorization", format!("Bearer {token}")));
    request.body(()).unwrap()
}

async fn send(auth: &ResourceServer, request: Request<()>) -> Response<String> {
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new("reached".to_owned())));
    auth.require(scope("a")).layer(inner).oneshot(request).await.unwrap()
}

/// An issuer in memory and a server that fetches from it.
fn fetching() -> (Issuer, ResourceServer, ManualClock) {
    let clock = ManualClock::at(NOW);
    let issuer = Issuer::offline(ISSUER).with_clock(clock.clone());
    let auth = ResourceServer::builder(ISSUER).audience(AUDIENCE).with_clock(clock.clone());
    (issuer.clone(), auth.with_http_client(issuer).build().unwrap(), clock)
}

#[tokio::test]
async fn an_issuer_serves_its_keys_from_memory_and_counts() {
    let (issuer, auth, _) = fetching();
    let token = issuer.token(AUDIENCE).scope("a").sign();
    assert_eq!(send(&auth, get(Some(&token))).await.body(), "reached");
    assert_eq!(send(&auth, get(Some(&token))).await.body(), "reached");
    assert_eq!((issuer.requests().discovery, issuer.requests().jwks), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_an_issuer_is_an_outage_until_it_is_mended() {
    for fault in [
        Fault::Status(500),
        Fault::Body("<html>".to_owned()),
        Fault::Body(r#"{"keys":[]"#.to_owned()),
        Fault::Delay(Duration::from_secs(60)),
        Fault::Hang,
        Fault::BreakOff,
    ] {
        let (issuer, auth, clock) = fetching();
        let token = issuer.token(AUDIENCE).scope("a").expires_in(Duration::from_secs(3600)).sign();
        issuer.fail(fault);
        assert_unavailable(&send(&auth, get(Some(&token))).await);
        issuer.mend();
        clock.advance(Duration::from_secs(60));
        assert_eq!(send(&auth, get(Some(&token))).await.body(), "reached");
    }
    // A delay within the limit is no fault.
    let (issuer, auth, _) = fetching();
    issuer.fail(Fault::Delay(Duration::from_secs(1)));
    let token = issuer.token(AUDIENCE).scope("a").sign();
    assert_eq!(send(&auth, get(Some(&token))).await.body(), "reached");
}

#[tokio::test]
async fn an_issuer_on_loopback_has_the_same_faults() {
    let issuer = Issuer::start().await;
    for fault in [Fault::Status(503), Fault::Body("{".to_owned()), Fault::BreakOff] {
        let auth = ResourceServer::builder(issuer.url()).audience(AUDIENCE).dangerous_allow_loopback_http();
        let auth = auth.build().unwrap();
        issuer.fail(fault);
        let token = issuer.token(AUDIENCE).scope("a").sign();
        assert_unavailable(&send(&auth, get(Some(&token))).await);
    }
    issuer.mend();
    let auth = ResourceServer::builder(issuer.url()).audience(AUDIENCE).dangerous_allow_loopback_http();
    let token = issuer.token(AUDIENCE).scope("a").sign();
    assert_eq!(send(&auth.build().unwrap(), get(Some(&token))).await.body(), "reached");
}

#[tokio::test]
async fn keys_rotate_with_notice_step_by_step() {
    let (issuer, auth, clock) = fetching();
    let token = || issuer.token(AUDIENCE).scope("a").expires_in(Duration::from_secs(7200)).sign();
    let old = token();
    assert_eq!(send(&auth, get(Some(&old))).await.status(), 200);
    issuer.publish_next();
    assert_eq!(issuer.jwk_set().len(), 2);
    // Keys in memory are refreshed beside the requests, so those go on.
    let refreshed = async |seen: usize| {
        clock.advance(Duration::from_secs(601));
        eventually("the refresh", async || {
            assert_eq!(send(&auth, get(Some(&token()))).await.status(), 200);
            issuer.requests().jwks > seen
        })
        .await;
    };
    refreshed(1).await;
    issuer.activate_next();
    let requests = issuer.requests();
    assert_eq!(send(&auth, get(Some(&token()))).await.status(), 200);
    assert_eq!(send(&auth, get(Some(&old))).await.status(), 200);
    assert_eq!(issuer.requests(), requests, "the next key was known");
    issuer.retire();
    assert_eq!(issuer.jwk_set().len(), 1);
    refreshed(2).await;
    assert_eq!(send(&auth, get(Some(&token()))).await.status(), 200);
    assert_invalid_token(&send(&auth, get(Some(&old))).await);
}

#[tokio::test]
async fn the_assertions_tell_each_refusal_from_the_others() {
    let (issuer, auth, _) = fetching();
    let denied = issuer.token(AUDIENCE).sign();
    let down = {
        let (issuer, auth, _) = fetching();
        issuer.fail(Fault::Hang);
        tokio::time::pause();
        auth
    };
    let answers = [
        send(&auth, get(None)).await,
        send(&auth, get(Some("a,b"))).await,
        send(&auth, get(Some("junk"))).await,
        send(&auth, get(Some(&denied))).await,
        send(&down, get(Some(&denied))).await,
        Response::new("reached".to_owned()),
    ];
    let assertions: [fn(&Response<String>); 5] = [
        assert_unauthenticated,
        assert_malformed,
        assert_invalid_token,
        |answer| assert_insufficient_scope(answer, &["a"]),
        assert_unavailable,
    ];
    for (index, assertion) in assertions.into_iter().enumerate() {
        for (other, answer) in answers.iter().enumerate() {
            let holds = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| assertion(answer))).is_ok();
            assert_eq!(holds, index == other, "assertion {index}, answer {other}");
        }
    }
    let wrong = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        assert_insufficient_scope(&answers[3], &["b"]);
    }));
    assert!(wrong.is_err(), "the scopes are compared");
}

#[test]
fn what_is_not_one_challenge_per_line_is_no_challenge() {
    let parse = |line: &str| {
        let mut headers = HeaderMap::new();
        headers.append("www-authenticate", line.parse().unwrap());
        std::panic::catch_unwind(|| Challenge::all(&headers)).ok()
    };
    for line in [
        "Bearer realm=\"a\"",
        "Bearer realm=a",
        "Bearer realm=\"a\", error=b",
        "Bearer realm = \"a,b\" , x=\"\\\"\"",
    ] {
        assert_eq!(parse(line).map(|all| all.len()), Some(1), "{line}");
    }
    for line in [
        "Bearer",
        "",
        "Bearer realm",
        "Bearer realm=",
        "Bearer realm=\"a",
        "Bearer realm=\"a\" x=b",
        "Bearer a=b,",
        "Bearer a=b, A=c",
        "Be\"arer a=b",
        "Bearer a=b, Basic realm=c",
    ] {
        assert_eq!(parse(line), None, "{line}");
    }
}

#[tokio::test]
async fn a_validator_and_a_server_can_be_asked_without_a_layer() {
    let (issuer, server, _) = crate::support::Api::parts();
    let auth = server.build().unwrap();
    let good = get(Some(&issuer.token(AUDIENCE).sign()));
    assert_eq!(presented(&good).uri.path(), "/");
    let Validation::Ready(Ok(token)) = validate(&auth, &good) else { panic!("keys are in memory") };
    assert_eq!(token.identity().map(|identity| (identity.issuer, identity.subject)), Some((ISSUER, "alice")));
    let junk = get(Some("junk"));
    assert!(matches!(validate(&auth, &junk), Validation::Ready(Err(ValidationError::Invalid(_)))));
}

#[tokio::test]
async fn a_pretended_caller_meets_every_policy() -> Result<(), ConfigError> {
    let auth = ResourceServer::builder(ISSUER).audience(AUDIENCE).build()?;
    let inner = service_fn(async |request: Request<()>| {
        let token = portcullis::ValidatedToken::of(request.extensions()).unwrap();
        Ok::<_, Infallible>(Response::new(token.subject().unwrap_or_default().to_owned()))
    });
    let app = auth.require(authenticated()).layer(auth.require(scope("a").and(role("clerk"))).layer(inner));
    let send_as = async |claims: &str, request: Request<()>| {
        let layer = auth.dangerous_authenticate_as(Claims::from_json(claims).unwrap());
        tower::Layer::layer(&layer, app.clone()).oneshot(request).await.unwrap()
    };
    let clerk = r#"{"sub":"alice","scope":"a","roles":["clerk"]}"#;
    assert_eq!(send_as(clerk, get(None)).await.body(), "alice");
    assert_eq!(send_as(clerk, get(Some("junk"))).await.body(), "alice");
    assert_insufficient_scope(&send_as(r#"{"roles":["clerk"]}"#, get(None)).await, &["a"]);
    assert_insufficient_scope(&send_as(r#"{"scope":"a"}"#, get(None)).await, &[]);
    // Of this server only: another one has not validated anything.
    let other =
        ResourceServer::builder(TrustedIssuer::new(ISSUER).jwk_set(Issuer::offline(ISSUER).jwk_set()))
            .audience(AUDIENCE)
            .build()?;
    let layer = other.dangerous_authenticate_as(Claims::from_json(clerk).unwrap());
    let strange = tower::Layer::layer(
        &layer,
        other.require(authenticated()).layer(other.require(scope("b")).layer(inner)),
    );
    assert_insufficient_scope(&strange.oneshot(get(None)).await.unwrap(), &["b"]);
    let layer = auth.dangerous_authenticate_as(Claims::from_json(clerk).unwrap());
    let crossed = tower::Layer::layer(&layer, other.require(authenticated()).layer(inner));
    assert_unauthenticated(&crossed.oneshot(get(None)).await.unwrap());
    Ok(())
}

/// The default client, broken in one respect.
#[derive(Debug)]
struct Broken(Clause);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Clause {
    None,
    FollowsRedirects,
    FollowsRedirectsOfForms,
    NoBodyLimit,
    NoTimeLimit,
    HidesStatus,
    SendsNoFields,
    SendsNoBody,
    SendsAnotherType,
    OnlyGets,
}

impl HttpClient for Broken {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let clause = self.0;
        let policy =
            reqwest::redirect::Policy::custom(move |attempt| match (clause, attempt.status().as_u16()) {
                (Clause::FollowsRedirects, 302) | (Clause::FollowsRedirectsOfForms, 307) => attempt.follow(),
                _ => attempt.stop(),
            });
        let client = reqwest::Client::builder().no_proxy().redirect(policy);
        Box::pin(async move {
            let failed = |error: reqwest::Error| {
                if error.is_timeout() { FetchError::TimedOut } else { FetchError::Failed(error.into()) }
            };
            let method = if clause == Clause::OnlyGets { Method::GET } else { request.method().clone() };
            let mut call = client.build().unwrap().request(method, request.uri().to_string());
            if clause != Clause::SendsNoBody {
                call = call.body(request.body().clone());
            }
            if clause != Clause::NoTimeLimit {
                call = call.timeout(limits.timeout);
            }
            if clause != Clause::SendsNoFields {
                call = call.headers(request.headers().clone());
            }
            if clause == Clause::SendsAnotherType {
                call = call.headers(HeaderMap::from_iter([(CONTENT_TYPE, "text/plain".parse().unwrap())]));
            }
            let mut response = call.send().await.map_err(failed)?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                body.extend_from_slice(&chunk);
                let limit = if clause == Clause::NoBodyLimit { limits.max_body * 2 } else { limits.max_body };
                if body.len() > limit {
                    return Err(FetchError::TooLarge);
                }
            }
            let mut answer = Response::new(Bytes::from(body));
            if clause != Clause::HidesStatus {
                *answer.status_mut() = response.status();
            }
            *answer.headers_mut() = response.headers().clone();
            Ok(answer)
        })
    }
}

#[tokio::test]
async fn the_client_contract_holds_for_a_right_client_and_finds_each_wrong_one() {
    assert_http_client_contract(&Broken(Clause::None)).await;
    for clause in [
        Clause::FollowsRedirects,
        Clause::FollowsRedirectsOfForms,
        Clause::NoBodyLimit,
        Clause::NoTimeLimit,
        Clause::HidesStatus,
        Clause::SendsNoFields,
        Clause::SendsNoBody,
        Clause::SendsAnotherType,
        Clause::OnlyGets,
    ] {
        let found = tokio::spawn(async move { assert_http_client_contract(&Broken(clause)).await }).await;
        assert!(found.unwrap_err().is_panic(), "{clause:?}");
    }
}

#[test]
fn each_assertion_looks_at_each_part_of_an_answer() {
    let answer = |status: u16, fields: &[(&str, &str)]| {
        let response = fields.iter().fold(Response::builder().status(status), |response, (name, value)| {
            response.header(*name, *value)
        });
        response.body(()).unwrap()
    };
    let holds = |assertion: fn(&Response<()>), answer: &Response<()>| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| assertion(answer))).is_ok()
    };
    let bare = ("www-authenticate", "Bearer realm=\"api\"");
    let unstored = ("cache-control", "no-store");
    assert!(holds(assert_unauthenticated, &answer(401, &[bare, unstored])));
    for wrong in [
        answer(403, &[bare, unstored]),
        answer(401, &[unstored]),
        answer(401, &[bare]),
        answer(401, &[bare, ("cache-control", "private")]),
        answer(401, &[bare, bare, unstored]),
        answer(401, &[("www-authenticate", "Basic realm=\"api\""), unstored]),
        answer(401, &[("www-authenticate", "Bearer error=\"invalid_token\""), unstored]),
    ] {
        assert!(!holds(assert_unauthenticated, &wrong), "{wrong:?}");
    }
    let later = ("retry-after", "5");
    assert!(holds(assert_unavailable, &answer(503, &[later, unstored])));
    for wrong in [
        answer(500, &[later, unstored]),
        answer(503, &[unstored]),
        answer(503, &[later]),
        answer(503, &[later, unstored, bare]),
        answer(503, &[("retry-after", "0"), unstored]),
        answer(503, &[("retry-after", "soon"), unstored]),
    ] {
        assert!(!holds(assert_unavailable, &wrong), "{wrong:?}");
    }
}

#[test]
fn no_generation_of_keys_has_the_name_of_another() {
    let issuer = Issuer::offline(ISSUER);
    let mut names = std::collections::HashSet::new();
    let mut see = || {
        for key in issuer.jwks_json()["keys"].as_array().unwrap() {
            names.insert((key["kid"].to_string(), key["x"].to_string()));
        }
    };
    see();
    for _ in 0..2 {
        issuer.publish_next();
        see();
        issuer.rotate();
        see();
        issuer.publish_next();
        issuer.activate_next();
        see();
    }
    // A key for another algorithm, made between two steps, signs on.
    issuer.publish_next();
    let between = issuer.key_id(portcullis::SignatureAlgorithm::Ed25519);
    issuer.activate_next();
    assert_eq!(issuer.key_id(portcullis::SignatureAlgorithm::Ed25519), between);
    see();
    issuer.retire();
    see();
    let kids: std::collections::HashSet<_> = names.iter().map(|(kid, _)| kid).collect();
    assert_eq!((names.len(), kids.len()), (9, 9));
    let twice = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| issuer.activate_next()));
    assert!(twice.is_err(), "nothing was published to be activated");
}

#[tokio::test]
async fn an_issuer_whose_name_ends_with_a_slash_serves_its_documents_from_memory() {
    let issuer = Issuer::offline("https://id.example.com/");
    let auth = ResourceServer::builder(issuer.url())
        .audience(AUDIENCE)
        .with_http_client(issuer.clone())
        .build()
        .unwrap();
    let token = issuer.token(AUDIENCE).scope("a").sign();
    assert_eq!(send(&auth, get(Some(&token))).await.body(), "reached");
}

#[tokio::test]
async fn a_pretended_caller_is_judged_like_a_real_one() {
    async fn handler(_: portcullis::ValidatedToken) {}
    let auth = ResourceServer::builder(ISSUER).audience(AUDIENCE).build().unwrap();
    let status = async |claims: &str, protected: bool| {
        let route = axum::routing::get(handler);
        let route = if protected { route.route_layer(auth.require(authenticated())) } else { route };
        let app = axum::Router::new().route("/", route);
        let app = app.layer(auth.dangerous_authenticate_as(Claims::from_json(claims).unwrap()));
        app.oneshot(Request::get("/").body(axum::body::Body::empty()).unwrap())
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(status(r#"{"sub":"alice"}"#, true).await, 200);
    assert_eq!(status(r#"{"sub":"alice","cnf":{"jkt":"x"}}"#, true).await, 401);
    assert_eq!(status(r#"{"sub":"alice","exp":1}"#, true).await, 401);
    // A route whose layer was forgotten fails in the test as it does in production.
    assert_eq!(status(r#"{"sub":"alice"}"#, false).await, 500);
}
