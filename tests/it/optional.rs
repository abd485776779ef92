//! Optional authentication: absent is anonymous, present and bad is refused.

use http::Request;
use portcullis::testing::Flaw;
use portcullis::{Decision, Denial, Policy, PolicyInput, anyone, authenticated, not, role, scope};

use crate::support::{AUDIENCE, Api};

#[tokio::test]
async fn anyone_admits_requests_without_a_credential_and_refuses_bad_ones() {
    // covers: EXT-020
    let (issuer, api) = Api::requiring(anyone());
    let bare = || Request::get("/").body(()).unwrap();
    api.send(bare()).await.assert_anonymous();
    // RFC 9110 §11.4: another scheme is no credential of ours.
    api.authorization("Basic YTpi").await.assert_anonymous();
    let token = issuer.token(AUDIENCE);
    let answer = api.token(token.clone().sign()).await;
    answer.assert_admitted();
    assert_eq!(answer.body, "alice");
    api.token(token.clone().flaw(Flaw::Expired).sign()).await.assert_invalid("expired");
    api.token(token.clone().flaw(Flaw::BadSignature).sign()).await.assert_invalid("bad_signature");
    api.token(token.flaw(Flaw::BoundToKey).sign()).await.assert_invalid("binding_not_verified");
    api.authorization("Bearer").await.assert_malformed("malformed_credential");
    api.authorization("Bearer a,b").await.assert_malformed("malformed_credential");
}

#[tokio::test]
async fn only_anyone_admits_a_request_without_a_token() {
    // covers: EXT-020, POL-002
    let bare = || Request::get("/").body(()).unwrap();
    for policy in [anyone(), anyone().or(scope("a")), scope("a").or(anyone()), anyone().and(anyone())] {
        let (issuer, api) = Api::requiring(policy);
        api.send(bare()).await.assert_anonymous();
        api.token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
    }
    for policy in [
        authenticated(),
        anyone().and(authenticated()),
        anyone().and(scope("a")),
        not(role("a")),
        not(anyone()),
        not(not(anyone())),
        not(authenticated()),
        anyone().and(not(scope("a"))),
    ] {
        let (_, api) = Api::requiring(policy);
        api.send(bare()).await.assert_unauthenticated();
    }
    assert_eq!(anyone().or(scope("a")).to_string(), "anyone or scope `a`");
}

#[derive(Debug)]
struct Public;

impl Policy for Public {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        match input.token() {
            None if input.path() != "/public" => Decision::Deny(Denial::because("not public")),
            _ => Decision::Allow,
        }
    }

    fn takes_anonymous(&self) -> bool {
        true
    }
}

/// Does not think of requests without a token.
#[derive(Debug)]
struct Careless;

impl Policy for Careless {
    fn decide(&self, _: &PolicyInput<'_>) -> Decision {
        Decision::Allow
    }
}

#[tokio::test]
async fn a_policy_of_ones_own_sees_anonymous_requests_only_if_it_asks_for_them() {
    // covers: EXT-020
    let (_, api) = Api::requiring(Public);
    api.send(Request::get("/public").body(()).unwrap()).await.assert_anonymous();
    // Whoever may still say who they are is asked to.
    api.send(Request::get("/private").body(()).unwrap()).await.assert_unauthenticated();
    let (issuer, api) = Api::requiring(Careless);
    api.send(Request::get("/").body(()).unwrap()).await.assert_unauthenticated();
    api.token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
}

#[tokio::test]
async fn an_inner_layer_can_ask_for_what_an_outer_one_left_open() {
    // covers: EXT-020, POL-034
    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap();
    let inner = tower::service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    });
    let open_outside = auth.require(anyone()).layer(auth.require(scope("a")).layer(inner));
    let open_inside = auth.require(scope("a")).layer(auth.require(anyone()).layer(inner));
    let token = issuer.token(AUDIENCE).scope("a").sign();
    for service in [open_outside, open_inside] {
        let send = async |request: http::request::Builder| {
            tower::ServiceExt::oneshot(service.clone(), request.body(()).unwrap())
                .await
                .unwrap()
                .status()
                .as_u16()
        };
        assert_eq!(send(Request::get("/")).await, 401);
        assert_eq!(send(Request::get("/").header("authorization", format!("Bearer {token}"))).await, 200);
    }
}
