//! What the client and the operator hear of a denial.

use std::time::Duration;

use http::StatusCode;
use portcullis::{
    Access, Decision, Denial, RejectionKind, Requirement, Vocabulary, acr, all_scopes, authenticated,
    max_age, not, permission, role, scope,
};
use tower::{ServiceExt as _, service_fn};

use super::{Oracle, Says, Shop, order, owned};
use crate::support::{AUDIENCE, Api, capture_logs, get};

#[tokio::test]
async fn a_stranger_is_told_which_scope_would_do() {
    // covers: CHL-007, POL-006
    for (requirement, scopes, named) in [
        (owned().or(scope("orders:read:all")), "", Some("orders:read:all")),
        (owned().or(role("admin")), "", None),
        (owned().and(scope("a")), "", None),
        (owned().and(scope("a")).or(scope("b").and(scope("c"))), "b", Some("b c")),
        (not(owned()).and(all_scopes(["a", "b"])), "a", Some("a b")),
        // What nobody asked may turn out well.
        (Oracle::default().says(Says::No).and(scope("a")), "", Some("a")),
        (Oracle::default().says(Says::No).and(scope("a")).and(role("clerk")), "", None),
        (not(Oracle::default().says(Says::Yes)).and(scope("a")), "", Some("a")),
        (Oracle::default().says(Says::No).or(scope("b")).and(scope("a")), "b", Some("b a")),
        // What was asked did not.
        (Oracle::default().says(Says::No).or(scope("a")), "", Some("a")),
        (Oracle::default().says(Says::No).and(scope("a")), "a", None),
    ] {
        let (issuer, shop, _) = Shop::checking(requirement.clone());
        let token = issuer.token(AUDIENCE).subject("bob");
        let token = if scopes.is_empty() { token } else { token.scope(scopes) };
        println!("{requirement}");
        shop.token(token.sign()).await.assert_denied(named);
    }
}

#[tokio::test]
async fn the_owner_may_have_to_authenticate_again() {
    // covers: POL-014, POL-015, POL-016
    let fresh = || acr("gold").and(max_age(Duration::from_secs(300)));
    let (issuer, shop, _) = Shop::checking(owned().and(fresh()).and(scope("orders:read")));
    let token = issuer.token(AUDIENCE).claim("acr", "gold").claim("auth_time", crate::support::NOW);
    shop.token(token.clone().scope("orders:read").sign()).await.assert_admitted();
    let answer = shop.token(issuer.token(AUDIENCE).sign()).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "step_up_required"));
    assert_eq!(answer.rejection.as_ref().unwrap().kind(), RejectionKind::StepUpRequired);
    let challenge = answer.challenge();
    for part in [
        "error=\"insufficient_user_authentication\"",
        "acr_values=\"gold\"",
        "max_age=300",
        "scope=\"orders:read\"",
    ] {
        assert!(
            challenge.contains(part) || challenge.contains(&part.replace('=', "=\"")),
            "{part}: {challenge}"
        );
    }
    // A stranger would not be let in with that either, and is not sent there.
    shop.token(issuer.token(AUDIENCE).subject("bob").sign()).await.assert_denied(None);
}

#[tokio::test]
async fn the_same_denial_comes_of_the_layer_and_of_a_handler() {
    // covers: CHL-005, CHL-007
    for requirement in [
        scope("a"),
        scope("a").and(scope("b")),
        role("r").or(scope("b")),
        not(scope("c")),
        acr("gold").and(scope("a")),
    ] {
        let (issuer, server, _) = Api::parts();
        let auth = server.build().unwrap();
        let api = Api::new(auth.require(requirement.clone()));
        let shop = Shop::behind(auth.require(authenticated()), requirement);
        let token = issuer.token(AUDIENCE).scope("c").sign();
        let (by_layer, by_handler) = (api.token(&token).await, shop.token(&token).await);
        assert_eq!(by_layer.status, by_handler.status);
        assert_eq!(by_layer.headers, by_handler.headers);
        let denial = |answer: &crate::support::Answer| answer.rejection.as_ref().unwrap().denial().cloned();
        assert_eq!(denial(&by_layer), denial(&by_handler));
    }
}

#[tokio::test]
async fn a_token_that_expires_before_the_check_is_refused_as_expired() {
    // covers: EXT-021
    let (issuer, shop, clock) = Shop::checking(owned());
    let token = issuer.token(AUDIENCE).expires_in(Duration::from_secs(60)).sign();
    shop.token(&token).await.assert_admitted();
    let inner = {
        let clock = clock.clone();
        service_fn(move |request: http::Request<()>| {
            let clock = clock.clone();
            async move {
                let access = Access::of(&request).unwrap();
                let mut codes = Vec::new();
                // The leeway is 30 s.
                for seconds in [0, 89, 1] {
                    clock.advance(Duration::from_secs(seconds));
                    let result = access.check(&owned(), &order()).await;
                    codes.push(result.map_or_else(|refused| refused.rejection().code(), |()| "admitted"));
                }
                Ok::<_, std::convert::Infallible>(http::Response::new(codes.join(" ")))
            }
        })
    };
    let response = shop.layer.layer(inner).oneshot(get(&token)).await.unwrap();
    assert_eq!(response.body(), "admitted admitted expired");
    // Now before the layer, too.
    shop.token(&token).await.assert_invalid("expired");
}

#[tokio::test]
async fn a_token_that_expires_while_somebody_is_asked_is_refused_as_expired() {
    let (issuer, shop, clock) = Shop::checking(scope("x"));
    let slow = portcullis::asks("slow", move |_: &super::Order, _| {
        let clock = clock.clone();
        Box::pin(async move {
            clock.advance(Duration::from_secs(90));
            Ok(true)
        })
    });
    let shop = Shop { requirement: std::sync::Arc::new(slow), ..shop };
    let token = issuer.token(AUDIENCE);
    shop.token(token.clone().expires_in(Duration::from_secs(121)).sign()).await.assert_admitted();
    // Of the clock as it is now, which the issuer shares.
    shop.token(token.expires_in(Duration::from_secs(60)).sign()).await.assert_invalid("expired");
}

#[tokio::test]
async fn a_refusal_is_logged_once_and_a_decision_is_not() {
    // covers: POL-013
    let (issuer, shop, _) = Shop::checking(owned().or(role("admin")));
    let token = issuer.token(AUDIENCE).subject("somebody-private").sign();
    let (answer, log) = capture_logs(shop.token(&token)).await;
    answer.assert_denied(None);
    assert_eq!(log.matches("request refused").count(), 1, "{log}");
    assert!(log.contains("required: owner of the resource or role `admin`"), "{log}");
    assert!(log.contains("denied") && !log.contains("somebody-private") && !log.contains("alice"), "{log}");

    let hiding = service_fn(async |request: http::Request<()>| {
        let access = Access::of(&request).unwrap();
        let decision = access.decide(&owned(), &order()).await.unwrap();
        let status = if decision == Decision::Allow { 200 } else { 404 };
        Ok::<_, std::convert::Infallible>(http::Response::builder().status(status).body(()).unwrap())
    });
    let (response, log) = capture_logs(shop.layer.layer(hiding).oneshot(get(&token))).await;
    assert_eq!(
        (response.unwrap().status(), log.contains("refused")),
        (StatusCode::NOT_FOUND, false),
        "{log}"
    );
}

#[tokio::test]
async fn a_handler_can_refuse_by_a_denial_of_its_own() {
    let (issuer, shop, _) = Shop::checking(scope("x"));
    let closed = service_fn(async |request: http::Request<()>| {
        let refused = Access::of(&request).unwrap().refuse(Denial::because("the shop is closed"));
        Ok::<_, std::convert::Infallible>(refused.into_http())
    });
    let answer = shop.layer.layer(closed).oneshot(get(&issuer.token(AUDIENCE).sign())).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let rejection = answer.extensions().get::<portcullis::Rejection>().unwrap();
    assert_eq!((rejection.code(), rejection.to_string().as_str()), ("denied", "the shop is closed"));
}

#[tokio::test]
async fn a_vocabulary_gives_meaning_to_the_names_of_a_check_too() {
    let vocabulary = Vocabulary::builder()
        .role_includes("admin", ["clerk"])
        .role_permits("clerk", ["orders:refund"])
        .build()
        .unwrap();
    let requirement = vocabulary.apply(owned().or(permission("orders:refund"))).unwrap();
    let (issuer, shop, _) = Shop::checking(requirement);
    let token = issuer.token(AUDIENCE).subject("bob");
    shop.token(token.clone().roles(["admin"]).sign()).await.assert_admitted();
    shop.token(token.roles(["trainee"]).sign()).await.assert_denied(None);
    let error = vocabulary.apply(owned().or(permission("orders:eat"))).unwrap_err();
    assert!(error.to_string().contains("orders:eat"), "{error}");
}

#[tokio::test]
async fn what_is_missing_can_be_shown_and_never_read_back() {
    let (issuer, shop, _) = Shop::checking(owned().or(scope("a")));
    let answer = shop.token(issuer.token(AUDIENCE).subject("bob").sign()).await;
    let missing = answer.rejection.unwrap().denial().unwrap().missing().unwrap().clone();
    assert_eq!(missing.to_string(), "owner of the resource or scope `a`");
    let json = serde_json::to_string(&missing).unwrap();
    assert_eq!(json, r#"{"any_of":[{"resource":"owner of the resource"},{"scope":"a"}]}"#);
    assert!(serde_json::from_str::<Requirement>(&json).is_err());
    // Where there is no resource, nothing of it can be told.
    for (requirement, named) in [(missing.clone(), Some("a")), (not(missing), None)] {
        let (issuer, api) = Api::requiring(requirement);
        api.token(issuer.token(AUDIENCE).subject("alice").sign()).await.assert_denied(named);
    }
}
