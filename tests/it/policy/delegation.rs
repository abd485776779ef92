//! Who acts for the subject of a token (RFC 8693).

use portcullis::{acting, actor, any_of, not, role};
use serde_json::{Value, json};

use super::asking::assert_found;
use crate::support::{AUDIENCE, Api, ISSUER};

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

#[test]
fn the_current_actor_is_the_outermost_one_and_nobody_else() {
    // covers: POL-026, POL-027, POL-028
    let (ours, theirs) = ("https://id.example.com", "https://other.example.com");
    let requirement = actor(ours, "svc-a");
    for (act, expected) in [
        (json!({ "sub": "svc-a" }), YES),
        (json!({ "sub": "svc-a", "iss": ours }), YES),
        (json!({ "sub": "svc-a", "iss": null }), YES),
        (json!({ "sub": "svc-a", "act": { "sub": "svc-b" } }), YES),
        (json!({ "sub": "svc-a", "iss": theirs }), NO),
        (json!({ "sub": "svc-b" }), NO),
        (json!({ "sub": "SVC-A" }), NO),
        (json!({ "sub": "" }), NO),
        // Whoever acted before grants nothing.
        (json!({ "sub": "svc-b", "act": { "sub": "svc-a", "iss": ours } }), NO),
        (json!(null), NO),
        // Somebody does, and nobody can tell who.
        (json!({}), None),
        (json!({ "act": { "sub": "svc-a" } }), None),
        (json!({ "iss": ours, "client_id": "svc-a" }), None),
        (json!({ "sub": ["svc-a"] }), None),
        (json!({ "sub": null }), None),
        (json!({ "sub": "svc-a", "iss": [ours] }), None),
    ] {
        assert_found(&requirement, json!({ "iss": ours, "sub": "alice", "act": act }), expected);
        let expected = Some(!act.is_null());
        assert_found(&acting(), json!({ "iss": ours, "sub": "alice", "act": act }), expected);
    }
    for none in [
        json!({ "iss": ours, "sub": "svc-a" }),
        json!({ "iss": ours, "sub": "alice", "may_act": { "sub": "svc-a" } }),
        json!({ "iss": ours, "sub": "alice", "actor": { "sub": "svc-a" }, "x": { "act": { "sub": "svc-a" } } }),
    ] {
        assert_found(&requirement, &none, NO);
        assert_found(&acting(), &none, NO);
    }
    // An issuer that nobody knows, and an actor that was left out.
    assert_found(&requirement, json!({ "act": { "sub": "svc-a" } }), None);
    assert_found(&requirement, json!({ "act": { "sub": "svc-a", "iss": ours } }), YES);
    for requirement in [requirement, acting()] {
        assert_found(&requirement, json!({ "iss": ours, "_claim_names": { "act": "src1" } }), None);
    }
}

#[tokio::test]
async fn actors_are_required_forbidden_or_listed() {
    // covers: POL-026, POL-027, POL-028, HT-033
    let listed = || any_of([actor(ISSUER, "svc-a"), actor(ISSUER, "svc-b")]);
    let (a, c) = (json!({ "sub": "svc-a" }), json!({ "sub": "svc-c" }));
    let before = json!({ "sub": "svc-c", "act": { "sub": "svc-a", "roles": ["admin"] } });
    for (requirement, admitted) in [
        (acting(), [false, true, true, true]),
        (not(acting()), [true, false, false, false]),
        (listed(), [false, true, false, false]),
        (not(acting()).or(listed()), [true, true, false, false]),
        (not(actor(ISSUER, "svc-c")), [true, true, false, false]),
        (role("admin"), [false; 4]),
    ] {
        let (issuer, api) = Api::requiring(requirement.clone());
        for (act, admitted) in [&Value::Null, &a, &c, &before].into_iter().zip(admitted) {
            // Who may act does not.
            let token =
                issuer.token(AUDIENCE).claim("may_act", json!({ "sub": "svc-b" })).claim("act", act.clone());
            let answer = api.token(token.sign()).await;
            match admitted {
                true => answer.assert_admitted(),
                false => answer.assert_denied(None),
            }
        }
    }
    assert_eq!(acting().and(actor("i", "s")).to_string(), "an actor and actor `s` of `i`");
}

#[tokio::test]
async fn an_actor_that_is_no_object_makes_the_token_malformed_at_every_depth() {
    // covers: POL-029, HT-033
    let (issuer, api) = Api::requiring(not(acting()).or(acting()));
    let chain = |innermost: Value, depth: usize| {
        (0..depth).fold(innermost, |inner, _| json!({ "sub": "svc", "act": inner }))
    };
    let of = |act: Value| issuer.token(AUDIENCE).claim("act", act).sign();
    for depth in 0..14 {
        api.token(of(chain(json!({ "sub": "svc" }), depth))).await.assert_admitted();
        api.token(of(chain(Value::Null, depth))).await.assert_admitted();
        for wrong in [json!("x"), json!(""), json!(1), json!(true), json!([]), json!([{ "sub": "svc" }])] {
            api.token(of(chain(wrong, depth))).await.assert_invalid("malformed_token");
        }
    }
    for depth in [16, 100] {
        api.token(of(chain(json!({}), depth))).await.assert_invalid("malformed_token");
    }
    let text = format!("{}{{}}{}", r#"{"act":"#.repeat(1_000), "}".repeat(1_000));
    assert!(portcullis::Claims::from_json(format!(r#"{{"act":{text}}}"#)).is_err());
}
