//! Authentication of a class, by a method, not too long ago (RFC 9470).

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Version, header};
use portcullis::testing::{Flaw, TokenBuilder};
use portcullis::{
    Decision, Denial, Policy, PolicyInput, Requirement, StepUp, acr, amr, any_acr, any_of, max_age, not,
    role, scope, user,
};
use serde_json::{Value, json};
use tower::{ServiceExt as _, service_fn};

use super::asking;
use crate::support::{AUDIENCE, Answer, Api, NOW};

/// What a token with these claims beside the usual ones gets where `requirement` is required.
async fn by(requirement: &Requirement, claims: Value) -> Answer {
    let (issuer, api) = Api::requiring(requirement.clone());
    let Value::Object(claims) = claims else { panic!("{claims} are no claims") };
    let add = |token: TokenBuilder, (name, value): (String, Value)| token.claim(&name, value);
    api.token(claims.into_iter().fold(issuer.token(AUDIENCE), add).sign()).await
}

async fn unreachable(_: Request<()>) -> Result<Response<Bytes>, Infallible> {
    panic!("the inner service was called")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_token_of_another_class_is_told_which_class_is_enough() {
    // covers: POL-014, POL-018, POL-020, CHL-001
    let requirement = acr("urn:gold");
    by(&requirement, json!({ "acr": "urn:gold" })).await.assert_admitted();
    for other in [
        json!("urn:silver"),
        json!("urn:GOLD"),
        json!("urn:gold "),
        json!("urn:gold urn:silver"),
        json!("urn:goldx"),
        json!(""),
        json!(null),
        json!(2),
        json!(true),
        json!(["urn:gold"]),
        json!({ "urn:gold": true }),
    ] {
        by(&requirement, json!({ "acr": other })).await.assert_step_up(&[("acr_values", "urn:gold")]);
    }
    by(&requirement, json!({})).await.assert_step_up(&[("acr_values", "urn:gold")]);
    // Nor is it what else may look like a class.
    by(&requirement, json!({ "ACR": "urn:gold", "amr": ["urn:gold"], "roles": ["urn:gold"] }))
        .await
        .assert_step_up(&[("acr_values", "urn:gold")]);
}

#[tokio::test]
async fn several_classes_are_named_in_the_order_of_preference_and_none_is_above_another() {
    // covers: POL-014, POL-020
    let requirement = any_acr(["silver", "platinum", "gold"]);
    for class in ["silver", "platinum", "gold"] {
        by(&requirement, json!({ "acr": class })).await.assert_admitted();
    }
    for class in ["bronze", "diamond"] {
        by(&requirement, json!({ "acr": class }))
            .await
            .assert_step_up(&[("acr_values", "silver platinum gold")]);
    }
    // The one class that does for both.
    let both = any_acr(["silver", "gold"]).and(any_acr(["gold", "platinum"]));
    by(&both, json!({ "acr": "gold" })).await.assert_admitted();
    by(&both, json!({ "acr": "silver" })).await.assert_step_up(&[("acr_values", "gold")]);
}

#[tokio::test]
async fn the_age_of_an_authentication_is_judged_to_the_second_with_leeway_on_both_sides() {
    // covers: POL-015, POL-019, HP-004
    let requirement = max_age(seconds(300));
    let (now, whole) = (f64::from(u32::try_from(NOW).unwrap()), |at: u64| json!({ "auth_time": at }));
    for right in
        [whole(NOW), whole(NOW - 300), whole(NOW - 330), whole(NOW + 30), json!({ "auth_time": now - 329.5 })]
    {
        by(&requirement, right).await.assert_admitted();
    }
    for wrong in [
        whole(NOW - 331),
        whole(NOW - 3_600),
        whole(0),
        whole(NOW + 31),
        whole(NOW + 3_600),
        json!({ "auth_time": now - 330.5 }),
        json!({ "auth_time": now + 30.5 }),
        json!({ "auth_time": NOW.to_string() }),
        json!({ "auth_time": "2026-01-01T00:00:00Z" }),
        json!({ "auth_time": "" }),
        json!({ "auth_time": true }),
        json!({ "auth_time": [NOW] }),
        json!({ "auth_time": { "at": NOW } }),
        json!({ "auth_time": null }),
        json!({ "auth_time": -1 }),
        json!({ "auth_time": 1e300 }),
        json!({ "auth_time": u64::MAX }),
        json!({ "Auth_time": NOW, "iat": NOW }),
    ] {
        by(&requirement, wrong).await.assert_step_up(&[("max_age", "300")]);
    }
}

#[tokio::test]
async fn an_authentication_grows_too_old_while_its_token_lives() {
    // covers: POL-015
    let (issuer, server, clock) = Api::parts();
    let api = Api::new(server.build().unwrap().require(max_age(seconds(300))));
    let token = issuer.token(AUDIENCE).claim("auth_time", NOW).expires_in(seconds(3_600)).sign();
    api.token(&token).await.assert_admitted();
    clock.advance(seconds(330));
    api.token(&token).await.assert_admitted();
    clock.advance(seconds(1));
    api.token(&token).await.assert_step_up(&[("max_age", "300")]);
}

#[tokio::test]
async fn an_age_is_a_number_of_whole_seconds_however_it_is_given() {
    // covers: POL-015
    for (age, said) in [
        (Duration::ZERO, "0"),
        (Duration::from_millis(1_999), "1"),
        (seconds(86_400), "86400"),
        (Duration::MAX, "18446744073709551615"),
    ] {
        by(&max_age(age), json!({})).await.assert_step_up(&[("max_age", said)]);
        by(&max_age(age), json!({ "auth_time": NOW })).await.assert_admitted();
    }
    // The shortest one is for both.
    let both = max_age(seconds(600)).and(max_age(seconds(60)));
    by(&both, json!({ "auth_time": NOW - 120 })).await.assert_step_up(&[("max_age", "60")]);
}

#[tokio::test]
async fn class_age_and_scope_are_in_one_challenge_and_scope_only_where_it_is_missing_too() {
    // covers: POL-016, POL-018
    let requirement = scope("a").and(acr("gold")).and(scope("b")).and(max_age(seconds(300)));
    let (old, fresh) = (NOW - 3_600, NOW);
    let all = [("scope", "a b"), ("acr_values", "gold"), ("max_age", "300")];
    for (scopes, class, at, named) in [
        ("b", "low", old, Some(all.as_slice())),
        ("b", "low", fresh, Some(&all)),
        ("b", "gold", old, Some(&all)),
        ("c", "low", old, Some(&all)),
        ("a b", "low", old, Some(&all[1..])),
        ("a b", "gold", old, Some(&all[1..])),
        ("b a", "low", fresh, Some(&all[1..])),
        // Authentication is not the matter.
        ("b", "gold", fresh, None),
    ] {
        let answer = by(&requirement, json!({ "scope": scopes, "acr": class, "auth_time": at })).await;
        match named {
            Some(named) => answer.assert_step_up(named),
            None => answer.assert_denied(Some("a b")),
        }
    }
    by(&requirement, json!({ "scope": "a b", "acr": "gold", "auth_time": fresh })).await.assert_admitted();
}

#[tokio::test]
async fn nothing_is_said_of_authentication_before_the_token_is_valid() {
    // covers: POL-017, CHL-023, HP-004
    let (issuer, api) = Api::requiring(acr("gold").and(max_age(seconds(300))).and(scope("a")));
    for flaw in [Flaw::Expired, Flaw::WrongAudience, Flaw::BadSignature, Flaw::UnknownKey] {
        let token = issuer.token(AUDIENCE).claim("acr", "low").claim("auth_time", NOW - 3_600).flaw(flaw);
        let answer = api.token(token.sign()).await;
        answer.assert_invalid(flaw.code());
        assert!(!answer.challenge().contains("acr_values") && !answer.challenge().contains("max_age"));
    }
    api.send(Request::get("/").body(()).unwrap()).await.assert_unauthenticated();
}

#[tokio::test]
async fn what_no_authentication_would_cure_is_denied_and_names_none() {
    // covers: POL-018, POL-020
    let low = || json!({ "acr": "low", "roles": ["clerk"] });
    for requirement in [
        // No class is two.
        acr("gold").and(acr("silver")),
        // Another way of logging in does not make a clerk an admin,
        role("admin").and(acr("gold")),
        acr("gold").and(role("admin")),
        // and what forbids the class is not met by it.
        acr("gold").and(not(acr("gold"))),
        acr("gold").and(not(any_acr(["silver", "gold"]))),
        not(acr("low")),
        not(max_age(seconds(60))).and(max_age(seconds(300))),
    ] {
        by(&requirement, low()).await.assert_denied(None);
    }
    by(&role("clerk").and(acr("gold")), low()).await.assert_step_up(&[("acr_values", "gold")]);
    // Of several classes, those that are not forbidden.
    let but_silver = any_acr(["gold", "silver"]).and(not(acr("silver")));
    by(&but_silver, low()).await.assert_step_up(&[("acr_values", "gold")]);
}

#[tokio::test]
async fn a_client_on_its_own_behalf_is_not_told_to_log_in() {
    // covers: POL-018, JWT-027
    let requirement = user().and(acr("gold"));
    by(&requirement, json!({ "sub": "client-1", "acr": "low" })).await.assert_denied(None);
    by(&requirement, json!({ "sub": "alice", "acr": "low" })).await.assert_step_up(&[("acr_values", "gold")]);
    by(&requirement, json!({ "sub": "alice", "acr": "gold" })).await.assert_admitted();
}

#[tokio::test]
async fn of_alternatives_the_first_that_a_client_can_reach_is_named() {
    // covers: POL-006, POL-016
    let gold = [("acr_values", "gold")];
    by(&acr("gold").or(scope("b")), json!({})).await.assert_step_up(&gold);
    by(&scope("b").or(acr("gold")), json!({})).await.assert_denied(Some("b"));
    by(&role("admin").or(acr("gold")), json!({})).await.assert_step_up(&gold);
    by(&role("admin").and(acr("gold")).or(scope("b")), json!({})).await.assert_denied(Some("b"));
    by(&amr("hwk").or(max_age(seconds(60))), json!({})).await.assert_step_up(&[("max_age", "60")]);
    // One that is met already is the way to go.
    let requirement = any_of([acr("gold"), scope("b")]).and(max_age(seconds(60)));
    by(&requirement, json!({ "scope": "b" })).await.assert_step_up(&[("max_age", "60")]);
}

#[tokio::test]
async fn a_method_is_listed_or_the_answer_is_a_denial() {
    // covers: POL-014, POL-011
    let requirement = amr("mfa");
    for methods in [json!(["mfa"]), json!(["pwd", "otp", "mfa"])] {
        by(&requirement, json!({ "amr": methods })).await.assert_admitted();
    }
    for methods in [
        json!(["pwd"]),
        json!(["MFA"]),
        json!([]),
        json!("mfa"),
        json!({ "mfa": true }),
        json!(null),
        json!([["mfa"]]),
    ] {
        by(&requirement, json!({ "amr": methods })).await.assert_denied(None);
    }
    by(&requirement, json!({})).await.assert_denied(None);
}

#[test]
fn authentication_that_is_not_told_is_neither_enough_nor_too_little() {
    // covers: POL-019, POL-020
    for (requirement, claims, expected) in [
        (acr("gold"), json!({ "acr": "gold" }), Some(true)),
        (acr("gold"), json!({ "acr": "low" }), Some(false)),
        (acr("gold"), json!({}), None),
        (acr("gold"), json!({ "acr": ["gold"] }), None),
        (max_age(seconds(60)), json!({ "auth_time": NOW }), Some(true)),
        (max_age(seconds(60)), json!({ "auth_time": NOW - 3_600 }), Some(false)),
        (max_age(seconds(60)), json!({}), None),
        (max_age(seconds(60)), json!({ "auth_time": NOW + 3_600 }), None),
        (max_age(seconds(60)), json!({ "auth_time": "then" }), None),
        (amr("mfa"), json!({ "amr": ["mfa"] }), Some(true)),
        (amr("mfa"), json!({ "amr": ["pwd"] }), Some(false)),
        (amr("mfa"), json!({}), None),
        (amr("mfa"), json!({ "amr": "mfa" }), None),
    ] {
        asking::assert_found(&requirement, claims, expected);
    }
}

#[test]
fn a_denial_says_which_authentication_would_do() {
    let denial = asking::denial(&any_acr(["b", "a"]).and(max_age(seconds(60))), &asking::token("{}"));
    let step_up = denial.step_up().unwrap();
    assert_eq!(step_up.accepted_acr_values().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(step_up.longest_age(), Some(seconds(60)));
    assert_eq!(denial.to_string(), "required: any acr of `b`, `a` and authentication at most 60 s ago");
    // Scopes alone are the matter where they alone would do, and each class that is named does.
    let denial =
        asking::denial(&any_of([scope("a").and(acr("x")), scope("a"), acr("x")]), &asking::token("{}"));
    assert_eq!((denial.needed_scopes().collect::<Vec<_>>(), denial.step_up()), (vec!["a"], None));
    let denial = asking::denial(&any_acr(["x", "y"]).and(scope("a").or(acr("x"))), &asking::token("{}"));
    assert_eq!(denial.needed_scopes().collect::<Vec<_>>(), ["a"]);
    assert_eq!(denial.step_up().unwrap().accepted_acr_values().collect::<Vec<_>>(), ["x", "y"]);
}

#[tokio::test]
async fn grpc_clients_read_the_same_as_metadata() {
    // covers: CHL-028, POL-014
    let (issuer, api) = Api::requiring(acr("gold").and(max_age(seconds(300))).and(scope("a")));
    let call = |class: &str| {
        let token = issuer.token(AUDIENCE).claim("acr", class).claim("auth_time", NOW).scope("a").sign();
        let request =
            Request::builder().method(Method::POST).version(Version::HTTP_2).uri("/orders.v1.Orders/List");
        let request = request.header(header::CONTENT_TYPE, "application/grpc+proto");
        request.header(header::AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap()
    };
    api.send(call("gold")).await.assert_admitted();
    let answer = api.send(call("low")).await;
    assert_eq!((answer.status.as_u16(), answer.code(), answer.inner_calls), (200, "step_up_required", 0));
    assert_eq!(answer.headers["grpc-status"], "16");
    let message = "This request needs stronger or more recent authentication of the user";
    assert_eq!(answer.headers["grpc-message"], message);
    assert_eq!(
        answer.challenge(),
        format!(
            "Bearer realm=\"api\", error=\"insufficient_user_authentication\", error_description=\"{message}\", \
             acr_values=\"gold\", max_age=\"300\""
        )
    );
}

#[tokio::test]
async fn a_problem_has_the_parameters_of_the_challenge_as_members() {
    // covers: CHL-021, CHL-023, POL-014, POL-015, POL-016
    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap().problem_json();
    for (requirement, members) in [
        (any_acr(["b", "a"]), json!({ "acr_values": "b a" })),
        (max_age(seconds(300)), json!({ "max_age": 300 })),
        (
            acr("b").and(max_age(seconds(0))).and(scope("x")),
            json!({ "acr_values": "b", "max_age": 0, "scope": "x" }),
        ),
    ] {
        let service = auth.require(requirement).layer(service_fn(unreachable));
        let token = issuer.token(AUDIENCE).claim("acr", "low").sign();
        let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let mut expected = json!({
            "type": "about:blank", "title": "Unauthorized", "status": 401, "error": "insufficient_user_authentication",
            "detail": "This request needs stronger or more recent authentication of the user",
        });
        expected.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        assert_eq!(serde_json::from_slice::<Value>(response.body()).unwrap(), expected);
    }
}

#[derive(Debug)]
struct AsksForMore;

impl Policy for AsksForMore {
    fn decide(&self, _: &PolicyInput<'_>) -> Decision {
        let step_up =
            StepUp::new().acr_values(["gold", "silver"]).unwrap().max_age(Duration::from_millis(60_900));
        let denial = Denial::because("the stars").with_needed_scopes(["a", "b"]).unwrap();
        Decision::Deny(denial.with_step_up(step_up).with_rule("stars"))
    }
}

#[tokio::test]
async fn a_policy_of_ones_own_can_ask_for_authentication_too() {
    // covers: POL-014, POL-015, POL-016
    let (issuer, api) = Api::requiring(AsksForMore);
    let answer = api.token(issuer.token(AUDIENCE).sign()).await;
    answer.assert_step_up(&[("scope", "a b"), ("acr_values", "gold silver"), ("max_age", "60")]);
    for value in ["", "a b", "\"", "\\", "é"] {
        assert!(StepUp::new().acr_values(["a", value]).is_err(), "{value:?}");
    }
}
