//! Clients, issuers, subjects, and questions of the program's own.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use portcullis::{
    Decision, Policy as _, PolicyInput, Profile, any_of, anyone, authenticated, client, issuer, not,
    predicate, scope, subject,
};
use serde_json::json;

use super::asking::{assert_found, decide, token};
use crate::support::{AUDIENCE, Api, ISSUER, NOW};

#[tokio::test]
async fn only_listed_clients_are_let_in_and_no_scope_is_named_to_others() {
    // covers: POL-032
    let (issuer, server, _) = Api::trusting(|issuer| issuer.profile(Profile::PlainJwt));
    let api =
        Api::new(server.build().unwrap().require(any_of([client("web"), client("batch")]).and(scope("a"))));
    let of = |name: &str, value: &str| {
        issuer.token(AUDIENCE).without("client_id").claim(name, value).scope("a").sign()
    };
    for (name, value) in [("client_id", "web"), ("client_id", "batch"), ("azp", "web")] {
        api.token(of(name, value)).await.assert_admitted();
    }
    for (name, value) in [
        ("client_id", "other"),
        ("client_id", "WEB"),
        ("client_id", "web "),
        ("azp", "other"),
        // Of a preset, not of everybody.
        ("appid", "web"),
        ("cid", "web"),
        ("sub", "web"),
    ] {
        api.token(of(name, value)).await.assert_denied(None);
    }
    let both = issuer.token(AUDIENCE).claim("client_id", "other").claim("azp", "web").scope("a");
    api.token(both.sign()).await.assert_denied(None);
}

#[test]
fn a_client_an_issuer_or_a_subject_that_is_not_told_is_neither_this_one_nor_another() {
    // covers: POL-032, POL-031
    let (a, b) = ("https://a.example", "https://b.example");
    for (requirement, claims, expected) in [
        (client("web"), json!({ "client_id": "web" }), Some(true)),
        (client("web"), json!({ "client_id": "batch" }), Some(false)),
        (client("web"), json!({ "client_id": "" }), None),
        (client("web"), json!({}), None),
        (issuer(a), json!({ "iss": a }), Some(true)),
        (issuer(a), json!({ "iss": b }), Some(false)),
        (issuer(a), json!({ "iss": format!("{a}/") }), Some(false)),
        (issuer(a), json!({}), None),
        (subject(a, "alice"), json!({ "iss": a, "sub": "alice" }), Some(true)),
        (subject(a, "alice"), json!({ "iss": b, "sub": "alice" }), Some(false)),
        (subject(a, "alice"), json!({ "iss": a, "sub": "bob" }), Some(false)),
        (subject(a, "alice"), json!({ "sub": "alice" }), None),
        (subject(a, "alice"), json!({ "iss": a }), None),
    ] {
        assert_found(&requirement, claims, expected);
    }
}

#[tokio::test]
async fn a_rule_for_one_subject_is_for_that_of_one_issuer() {
    // covers: POL-031
    let (own, api) = Api::requiring(subject(ISSUER, "alice"));
    api.token(own.token(AUDIENCE).sign()).await.assert_admitted();
    api.token(own.token(AUDIENCE).subject("bob").sign()).await.assert_denied(None);
    let (own, api) =
        Api::requiring(subject("https://other.example", "alice").or(issuer("https://other.example")));
    api.token(own.token(AUDIENCE).sign()).await.assert_denied(None);
}

#[tokio::test]
async fn a_predicate_is_asked_with_the_facts_of_the_request() {
    let safe = predicate("safe method", |input| input.method().is_safe());
    assert_eq!(scope("a").and(safe.clone()).to_string(), "scope `a` and predicate `safe method`");
    let (issuer, api) = Api::requiring(scope("a").and(safe));
    let token = format!("Bearer {}", issuer.token(AUDIENCE).scope("a").sign());
    let request = |method: Method| {
        Request::builder().method(method).uri("/").header("authorization", &token).body(()).unwrap()
    };
    api.send(request(Method::GET)).await.assert_admitted();
    let answer = api.send(request(Method::POST)).await;
    answer.assert_denied(None);
    let reason = answer.rejection.unwrap().to_string();
    assert_eq!(reason, "required: scope `a` and predicate `safe method`; missing: predicate `safe method`");
}

#[tokio::test]
async fn a_predicate_that_panics_admits_nothing() {
    // covers: POL-010, HP-002
    let broken = || predicate("broken", |_| panic!("a predicate with a bug"));
    for requirement in [broken(), not(broken()), scope("a").and(broken()), broken().or(scope("a"))] {
        let (issuer, api) = Api::requiring(requirement);
        let (api, token) = (Arc::new(api), issuer.token(AUDIENCE).scope("a").sign());
        let shared = Arc::clone(&api);
        let answer = tokio::spawn(async move { shared.token(token).await }).await;
        assert!(answer.unwrap_err().is_panic());
        assert_eq!(api.calls(), 0);
    }
}

/// Seconds since midnight in Berlin, in 2026: an hour ahead of UTC, and two from the last Sunday of March
/// to that of October, each at 01:00 UTC.
fn berlin(now: Duration) -> u64 {
    const SUMMER: std::ops::Range<u64> = 1_774_746_000..1_792_890_000;
    let ahead = if SUMMER.contains(&now.as_secs()) { 7_200 } else { 3_600 };
    (now.as_secs() + ahead) % 86_400
}

#[tokio::test]
async fn a_window_of_time_is_judged_by_the_clock_of_the_server() {
    // covers: POL-033
    let office =
        predicate("office hours in Berlin", |input| (8 * 3_600..18 * 3_600).contains(&berlin(input.now())));
    let (issuer, server, clock) = Api::parts();
    let api = Api::new(server.build().unwrap().require(office));
    let token = issuer.token(AUDIENCE).expires_in(Duration::from_secs(365 * 86_400)).sign();
    let mut now = NOW;
    for (at, open) in [
        // 2026-01-01, 07:00 and 07:59:59 UTC.
        (NOW + 7 * 3_600 - 1, false),
        (NOW + 7 * 3_600, true),
        (NOW + 17 * 3_600 - 1, true),
        (NOW + 17 * 3_600, false),
        // 2026-03-28 and -29, between which an hour is left out: 06:30 UTC is 07:30 on one day and 08:30 on the next.
        (1_774_679_400, false),
        (1_774_765_800, true),
        // 2026-10-24 and -25, and back: 16:30 UTC is 18:30, and then 17:30.
        (1_792_859_400, false),
        (1_792_945_800, true),
    ] {
        clock.advance(Duration::from_secs(at - now));
        now = at;
        let answer = api.token(&token).await;
        match open {
            true => answer.assert_admitted(),
            false => answer.assert_denied(None),
        }
    }
}

#[test]
fn what_policies_are_made_of_and_told_can_go_to_another_thread() {
    fn check<T: Send + Sync>() {}
    check::<PolicyInput<'_>>();
    check::<portcullis::Requirement>();
    check::<portcullis::ResourceRequirement<str>>();
    check::<portcullis::Explanation>();
    check::<portcullis::PolicyTable>();
    check::<portcullis::Vocabulary>();
    check::<portcullis::Access>();
    check::<portcullis::Refused>();
}

#[test]
fn a_policy_can_be_asked_about_another_time() {
    // covers: POL-033
    let (request, token) = (Request::get("/").body(()).unwrap(), token("{}"));
    let late = predicate("after the turn of the year", |input| input.now() >= Duration::from_secs(NOW));
    let input = PolicyInput::of(Some(&token), &request);
    assert!(matches!(late.decide(&input.at(Duration::from_secs(NOW - 1))), Decision::Deny(_)));
    assert_eq!(late.decide(&input.at(Duration::from_secs(NOW))), Decision::Allow);
    assert_eq!(input.leeway(), Duration::from_secs(30));
    assert_eq!(input.path_parameter("id"), None);
}

#[tokio::test]
async fn a_request_without_a_token_is_admitted_by_anyone_and_what_stands_beside_it() {
    // covers: POL-001
    let yes = || predicate("yes", |_| true);
    let no = || predicate("no", |_| false);
    for (requirement, admitted) in [
        (anyone(), true),
        (anyone().and(yes()), true),
        (yes().and(anyone()), true),
        (anyone().or(scope("a")), true),
        (scope("a").or(anyone().and(yes())), true),
        (anyone().and(yes().or(scope("a"))), true),
        (anyone().and(no()), false),
        (anyone().and(scope("a")), false),
        (anyone().and(authenticated()), false),
        (yes(), false),
        (not(no()), false),
        (not(scope("a")), false),
        (not(not(anyone())), false),
        (not(authenticated()).or(yes()), false),
        (anyone().and(not(no())), false),
    ] {
        let (_, api) = Api::requiring(requirement.clone());
        let answer = api.send(Request::get("/").body(()).unwrap()).await;
        match admitted {
            true => answer.assert_anonymous(),
            false => answer.assert_unauthenticated(),
        }
        assert_eq!(decide(&requirement, None) == Decision::Allow, admitted, "{requirement}");
        let request = Request::get("/").body(()).unwrap();
        let explanation = requirement.explain(&PolicyInput::of(None, &request));
        assert_eq!(*explanation.decision() == Decision::Allow, admitted, "{explanation}");
    }
}

#[test]
fn a_predicate_that_wants_a_token_is_not_asked_without_one() {
    // covers: POL-001
    let speaks = || predicate("has a subject", |input| input.token().unwrap().subject().is_some());
    let request = Request::get("/").body(()).unwrap();
    let input = PolicyInput::of(None, &request);
    for requirement in [
        speaks(),
        not(speaks()),
        scope("a").and(speaks()),
        speaks().and(scope("a")),
        scope("a").or(speaks()),
        anyone().or(not(speaks())),
    ] {
        let explanation = requirement.explain(&input);
        assert_eq!(explanation.decision(), &requirement.decide(&input), "{explanation}");
    }
    // Beside `anyone` it is, and its answer is what is told.
    let at_the_root = anyone().and(predicate("at the root", |input| input.path() == "/"));
    assert_eq!(
        at_the_root.explain(&input).to_string(),
        "allowed\n- anyone and predicate `at the root`: met\n  - anyone: met\n  - predicate `at the root`: met\n"
    );
}
