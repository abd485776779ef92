//! The layer among other services: the Tower contract, nesting, what cannot be planted, what stays untouched.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response, header};
use portcullis::testing::Flaw;
use portcullis::{Claims, ResourceServer, ValidatedToken, authenticated, role, scope};
use tower::{Layer as _, Service, ServiceExt, service_fn};

use crate::support::{AUDIENCE, Answer, Api, Strict, Toy, get};

#[tokio::test]
async fn the_inner_service_is_only_called_when_it_is_ready() {
    let strict = Strict::default();
    let mut service =
        ResourceServer::from_validator(Toy::default()).require(scope("x")).layer(strict.clone());
    for token in ["good", "slow", "good", "bad", "slow", "slow-bound", "slow"] {
        ServiceExt::<Request<()>>::ready(&mut service).await.unwrap().call(get(token)).await.unwrap();
    }
    assert_eq!(strict.calls(), 5);
}

#[tokio::test]
async fn back_pressure_of_the_inner_service_holds_the_layer_back() {
    let toy = ResourceServer::from_validator(Toy::default());
    let inner = tower::limit::ConcurrencyLimit::new(Strict::default(), 1);
    let mut first = toy.require(authenticated()).layer(inner);
    let mut second = first.clone();
    std::future::poll_fn(|cx| Service::<Request<()>>::poll_ready(&mut first, cx)).await.unwrap();
    // The only permit is taken until the first call is done.
    let pending = futures_util::FutureExt::now_or_never(std::future::poll_fn(|cx| {
        Service::<Request<()>>::poll_ready(&mut second, cx)
    }));
    assert!(pending.is_none());
    assert_eq!(first.call(get("good")).await.unwrap().status(), 200);
    std::future::poll_fn(|cx| Service::<Request<()>>::poll_ready(&mut second, cx)).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_a_validator_holds_no_capacity_of_the_service() {
    let toy = ResourceServer::from_validator(Toy::default());
    let inner = tower::limit::ConcurrencyLimit::new(Strict::default(), 1);
    let service = toy.require(authenticated()).layer(inner);
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(service.clone().oneshot(get("never")))).collect();
    for stranger in &mut waiting {
        let polled = std::future::poll_fn(|cx| Poll::Ready(stranger.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
    }
    for token in ["good", "slow", "good"] {
        assert_eq!(service.clone().oneshot(get(token)).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_refused_request_gives_back_what_the_service_reserved_for_it() {
    let toy = ResourceServer::from_validator(Toy::default());
    let inner = tower::limit::ConcurrencyLimit::new(Strict::default(), 1);
    let mut refused = toy.require(authenticated()).layer(inner);
    let other = refused.clone();
    let ready = ServiceExt::<Request<()>>::ready(&mut refused).await.unwrap();
    assert_eq!(ready.call(get("bad")).await.unwrap().status(), 401);
    assert_eq!(other.oneshot(get("good")).await.unwrap().status(), 200);
    drop(refused);
}

#[tokio::test]
async fn a_service_that_lives_on_does_not_keep_what_its_waiting_request_needs() {
    let toy = ResourceServer::from_validator(Toy::default());
    let inner = tower::limit::ConcurrencyLimit::new(Strict::default(), 1);
    let mut service = toy.require(authenticated()).layer(inner);
    for token in ["slow", "good", "slow"] {
        let ready = ServiceExt::<Request<()>>::ready(&mut service).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(5), ready.call(get(token))).await;
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_validator_of_ones_own_gets_the_same_answers() {
    // covers: CHL-004, CHL-017
    let api = Api::new(ResourceServer::from_validator(Toy::default()).require(scope("x")));
    api.token("good").await.assert_admitted();
    api.token("slow").await.assert_admitted();
    api.token("bad").await.assert_invalid("refused");
    api.token("expired").await.assert_invalid("expired");
    api.token("down").await.assert_unavailable(2);
    api.token("slow-down").await.assert_unavailable(1);
    let api = Api::new(ResourceServer::from_validator(Toy::default()).require(scope("y")));
    api.token("slow").await.assert_denied(Some("y"));
}

#[tokio::test]
async fn an_unverified_binding_is_refused_after_any_validator_at_once_or_later() {
    // covers: DPP-027, DPP-041
    let api = Api::new(ResourceServer::from_validator(Toy::default()).require(authenticated()));
    api.token("bound").await.assert_invalid("binding_not_verified");
    api.token("slow-bound").await.assert_invalid("binding_not_verified");
    api.token("good").await.assert_admitted();

    let (issuer, api) = Api::requiring(authenticated());
    api.token(issuer.token(AUDIENCE).flaw(Flaw::BoundToKey).sign())
        .await
        .assert_invalid("binding_not_verified");
    api.token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
}

#[tokio::test]
async fn nested_layers_of_one_server_validate_once_and_every_policy_must_pass() {
    // covers: POL-034
    let toy = Toy::default();
    let server = ResourceServer::from_validator(toy.clone());
    let echo = service_fn(async |request: Request<()>| {
        assert!(ValidatedToken::of(request.extensions()).is_some());
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    for token in ["good", "slow", "endless"] {
        for (outer, inner, expected) in [
            (scope("x"), authenticated(), 200),
            (authenticated(), scope("x"), 200),
            (authenticated(), scope("y"), 403),
            (scope("y"), authenticated(), 403),
        ] {
            let before = toy.validations();
            let service = server.require(outer).layer(server.require(inner).layer(echo));
            let expected = if token == "endless" && expected == 200 { 403 } else { expected };
            assert_eq!(service.oneshot(get(token)).await.unwrap().status(), expected);
            assert_eq!(toy.validations() - before, 1);
        }
    }
}

#[tokio::test]
async fn nested_layers_share_the_validated_token_itself() {
    let server = ResourceServer::from_validator(Toy::default());
    let seen: Arc<std::sync::Mutex<Option<ValidatedToken>>> = Arc::default();
    let outer_seen = Arc::clone(&seen);
    let between = tower::util::MapRequestLayer::new(move |request: Request<()>| {
        *outer_seen.lock().unwrap() = ValidatedToken::of(request.extensions()).cloned();
        request
    });
    let inner = service_fn(move |request: Request<()>| {
        let outer = seen.lock().unwrap().take().unwrap();
        assert!(ValidatedToken::of(request.extensions()).unwrap().is_same(&outer));
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    });
    let service =
        server.require(authenticated()).layer(between.layer(server.require(authenticated()).layer(inner)));
    assert_eq!(service.oneshot(get("good")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_outer_result_is_not_reused_by_another_server_or_for_another_credential() {
    // covers: EXT-021
    let inner_server = ResourceServer::from_validator(Toy::default());
    let outer_server = ResourceServer::from_validator(Toy::default());
    let status = async |change: fn(&mut Request<()>), same_server: bool| {
        let between = tower::util::MapRequestLayer::new(move |mut request: Request<()>| {
            change(&mut request);
            request
        });
        let outer = if same_server { &inner_server } else { &outer_server };
        let inner = inner_server.require(authenticated()).layer(Strict::default());
        let service = outer.require(authenticated()).layer(between.layer(inner));
        service.oneshot(get("good")).await.unwrap().status().as_u16()
    };
    let replace: fn(&mut Request<()>) = |request| {
        request.headers_mut().insert(header::AUTHORIZATION, "Bearer bad".parse().unwrap());
    };
    let add: fn(&mut Request<()>) = |request| {
        request.headers_mut().append(header::AUTHORIZATION, "Bearer good".parse().unwrap());
    };
    let remove: fn(&mut Request<()>) = |request| {
        request.headers_mut().remove(header::AUTHORIZATION);
    };
    let nothing: fn(&mut Request<()>) = |_| {};
    assert_eq!(status(nothing, true).await, 200);
    assert_eq!(status(nothing, false).await, 200);
    assert_eq!(status(replace, true).await, 401);
    assert_eq!(status(replace, false).await, 401);
    assert_eq!(status(add, true).await, 400);
    assert_eq!(status(remove, true).await, 401);
}

#[tokio::test]
async fn an_outer_result_is_judged_anew_when_time_has_passed() {
    // covers: JWT-011
    let (issuer, server, clock) = Api::parts();
    let server = server.build().unwrap();
    let slow = tower::util::MapRequestLayer::new(move |request: Request<()>| {
        clock.advance(Duration::from_secs(331));
        request
    });
    let service = server
        .require(authenticated())
        .layer(slow.layer(server.require(authenticated()).layer(Strict::default())));
    let token = issuer.token(AUDIENCE).expires_in(Duration::from_secs(300)).sign();
    assert_eq!(service.oneshot(get(&token)).await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_validated_token_cannot_be_planted() {
    // covers: EXT-021
    let planted =
        ValidatedToken::assertion(Claims::from_json(r#"{"sub":"root","roles":["admin"]}"#).unwrap());
    let mut request = get("good");
    request.extensions_mut().insert(planted);
    assert!(ValidatedToken::of(request.extensions()).is_none());

    let api = Api::new(ResourceServer::from_validator(Toy::default()).require(role("admin")));
    api.send(request).await.assert_denied(None);
}

#[tokio::test]
async fn authentication_is_decided_before_authorization() {
    // covers: CHL-016, JWT-032
    let (issuer, api) = Api::requiring(scope("greet"));
    let token = issuer.token(AUDIENCE).scope("other");
    api.token(token.clone().sign()).await.assert_denied(Some("greet"));
    api.token(token.flaw(Flaw::Expired).sign()).await.assert_invalid("expired");
}

#[tokio::test]
async fn answers_of_the_inner_service_are_passed_on_as_they_are() {
    // covers: CHL-025
    let server = ResourceServer::from_validator(Toy::default());
    let inner = service_fn(async |_: Request<()>| {
        Response::builder().status(418).header("cache-control", "public").body("tea".to_owned())
    });
    let response = server.require(authenticated()).layer(inner).oneshot(get("good")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_str()), (418, "tea"));
    assert_eq!(response.headers()["cache-control"], "public");
    assert_eq!(response.headers().len(), 1);
}

#[tokio::test]
async fn errors_of_the_inner_service_keep_their_type() {
    let server = ResourceServer::from_validator(Toy::default());
    let inner = service_fn(async |_: Request<()>| Err::<Response<String>, _>(fmt::Error));
    let service = server.require(authenticated()).layer(inner);
    let error: Result<_, fmt::Error> = service.clone().oneshot(get("good")).await;
    assert!(error.is_err());
    // A refusal is a response all the same.
    assert_eq!(service.oneshot(get("bad")).await.unwrap().status(), 401);
}

#[tokio::test]
async fn every_401_403_and_400_has_one_challenge_with_a_parameter() {
    // covers: CHL-001, CHL-002, CHL-006, CHL-008, CHL-024
    let (issuer, server, _) = Api::parts();
    let api = Api::new(server.realm("orders \"v2\"").build().unwrap().require(scope("a")));
    let answers: [Answer; 5] = [
        api.send(Request::get("/").body(()).unwrap()).await,
        api.authorization("Bearer").await,
        api.token("junk").await,
        api.token(issuer.token(AUDIENCE).flaw(Flaw::WrongAudience).sign()).await,
        api.token(issuer.token(AUDIENCE).sign()).await,
    ];
    for (answer, status) in answers.iter().zip([401, 400, 401, 401, 403]) {
        assert_eq!(answer.status, status);
        assert!(answer.challenge().starts_with(r#"Bearer realm="orders \"v2\"""#), "{}", answer.challenge());
        for parameter in ["realm=", " error=", "error_description=", "scope="] {
            assert!(answer.challenge().matches(parameter).count() <= 1);
        }
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
}

#[test]
fn layers_services_and_futures_are_send_and_layers_are_debug_without_secrets() {
    fn check<T: Clone + Send + Sync + fmt::Debug + 'static>(value: &T) -> String {
        format!("{value:?}")
    }
    fn is_send<T: Send>(_: &T) {}
    let server = ResourceServer::from_validator(Toy::default());
    let layer = server.require(scope("x"));
    assert!(check(&layer).contains("scope `"));
    check(&server);
    let mut service = layer.layer(Strict::default());
    is_send(&service);
    is_send(&Service::<Request<()>>::call(&mut service.clone(), get("bad")));
    assert!(format!("{:?}", service.call(get("bad"))).starts_with("ResponseFuture"));
}
