//! Policies that are tried before they count.

use http::Request;
use portcullis::{
    Claims, Decision, Policy as _, PolicyInput, PolicyTable, ValidatedToken, anyone, authenticated, role,
    scope, shadow,
};

use crate::support::capture_logs;

fn candidate() -> PolicyTable {
    PolicyTable::builder().rule("GET /orders/{id}", scope("orders:read")).build().unwrap()
}

#[tokio::test]
async fn a_shadow_policy_changes_no_decision_and_tells_what_it_would_have_changed() {
    // covers: POL-013
    let token = |claims: &str| ValidatedToken::assertion(Claims::from_json(claims).unwrap());
    let (reader, other) =
        (token(r#"{"sub":"alice-7","scope":"orders:read"}"#), token(r#"{"sub":"bob-7","roles":["admin"]}"#));
    let policy = shadow(role("admin").or(scope("orders:write")), candidate());
    let request = Request::get("/orders/secret-4711").body(()).unwrap();
    let decide = |token| policy.decide(&PolicyInput::of(Some(token), &request));

    let (decision, logs) = capture_logs(async { decide(&other) }).await;
    assert_eq!(decision, Decision::Allow);
    assert!(logs.contains("INFO portcullis::policy: shadow policy differs"), "{logs}");
    assert!(logs.contains(r#"would="deny" method="GET" rule="GET /orders/{id}""#), "{logs}");
    assert!(logs.contains("reason=required: scope `orders:read`"), "{logs}");

    let (decision, more) = capture_logs(async { decide(&reader) }).await;
    assert!(matches!(decision, Decision::Deny(_)));
    assert!(more.contains(r#"would="allow" method="GET" reason=required: role `admin`"#), "{more}");
    for told in ["4711", "alice", "bob"] {
        assert!(!logs.contains(told) && !more.contains(told), "{told}");
    }
    let nobody = token("{}");
    let (_, agreed) = capture_logs(async { decide(&nobody) }).await;
    assert_eq!(agreed, "");
}

#[tokio::test]
async fn a_shadow_policy_is_asked_about_requests_without_a_token_as_a_layer_would_ask() {
    let request = Request::get("/orders/1").body(()).unwrap();
    let anonymous = PolicyInput::of(None, &request);
    let policy = shadow(anyone(), candidate());
    assert!(policy.takes_anonymous());
    let (decision, logs) = capture_logs(async { policy.decide(&anonymous) }).await;
    assert_eq!(decision, Decision::Allow);
    assert!(logs.contains(r#"would="deny""#) && logs.contains("the request has no token"), "{logs}");

    let strict = shadow(authenticated(), anyone());
    assert!(!strict.takes_anonymous());
    assert!(matches!(strict.decide(&anonymous), Decision::Deny(_)));
    assert_eq!(strict.explain(&anonymous).decision(), &strict.decide(&anonymous));
}
