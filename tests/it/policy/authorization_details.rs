//! What is granted in objects (RFC 9396).

use portcullis::{
    AuthorizationDetail, Policy as _, PolicyInput, Requirement, authorization_detail, not, scope,
};
use serde_json::{Value, json};

use super::asking::{assert_found, token};
use crate::support::{AUDIENCE, Api};

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "so that a call reads well")]
fn assert_details(requirement: &Requirement, details: Value, expected: Option<bool>) {
    assert_found(requirement, json!({ "authorization_details": details }), expected);
}

#[test]
fn all_that_is_required_is_in_one_object_and_never_spread_over_several() {
    // covers: POL-022
    let requirement = authorization_detail("payment").with_action("write").with_action("read").granted();
    for (details, expected) in [
        (json!([{ "type": "payment", "actions": ["read", "write"] }]), YES),
        (json!([{ "type": "account" }, { "type": "payment", "actions": ["write", "x", "read"] }]), YES),
        (
            json!([{ "type": "payment", "actions": ["read"] }, { "type": "account", "actions": ["write"] }]),
            NO,
        ),
        (
            json!([{ "type": "payment", "actions": ["read"] }, { "type": "payment", "actions": ["write"] }]),
            NO,
        ),
        (json!([{ "type": "payment" }, { "actions": ["read", "write"], "type": "account" }]), NO),
        (json!([{ "type": "account", "payment": { "type": "payment", "actions": ["read", "write"] } }]), NO),
        (json!([]), NO),
        (json!(null), NO),
    ] {
        assert_details(&requirement, details, expected);
    }
    assert_found(&requirement, json!({}), NO);
    assert_found(&requirement, json!({ "type": "payment", "actions": ["read", "write"] }), NO);
    // A scope of that name is another thing.
    assert_found(&requirement, json!({ "scope": "payment read write" }), NO);
}

#[test]
fn each_common_member_is_required_by_its_own_name() {
    // covers: POL-022, POL-025
    type Add = fn(AuthorizationDetail) -> AuthorizationDetail;
    let cases: [(&str, Add); 4] = [
        ("actions", |detail| detail.with_action("x")),
        ("datatypes", |detail| detail.with_datatype("x")),
        ("privileges", |detail| detail.with_privilege("x")),
        ("locations", |detail| detail.at_location("x")),
    ];
    for (member, add) in cases {
        let requirement = add(authorization_detail("payment")).granted();
        for (value, expected) in [
            (json!(["x"]), YES),
            (json!(["y", "x"]), YES),
            (json!(["x", 5]), YES),
            (json!(["y"]), NO),
            (json!([]), NO),
            (json!(null), NO),
            (json!(["y", 5]), None),
            (json!([["x"]]), None),
            (json!([{ "value": "x" }]), None),
            (json!("x"), None),
            (json!({ "x": true }), None),
            (json!(true), None),
        ] {
            assert_details(&requirement, json!([{ "type": "payment", member: value }]), expected);
        }
        for (other, _) in cases.iter().filter(|(other, _)| *other != member && *other != "locations") {
            assert_details(&requirement, json!([{ "type": "payment", *other: ["x"] }]), NO);
        }
    }
    let requirement = authorization_detail("payment").with_identifier("x").granted();
    for (value, expected) in [
        (json!("x"), YES),
        (json!("y"), NO),
        (json!("X"), NO),
        (json!(null), NO),
        (json!(["x"]), None),
        (json!(5), None),
    ] {
        assert_details(&requirement, json!([{ "type": "payment", "identifier": value }]), expected);
    }
}

#[test]
fn a_detail_for_locations_is_for_no_other_and_for_none_that_nobody_named() {
    // covers: POL-023, POL-025
    let here = "https://api.example.com/payments";
    let at = |location: &str| json!([{ "type": "payment", "locations": [location] }]);
    let requirement = authorization_detail("payment").at_location(here).granted();
    assert_details(&requirement, at(here), YES);
    assert_details(
        &requirement,
        json!([{ "type": "payment", "locations": ["https://x.example", here] }]),
        YES,
    );
    for other in [
        "https://other.example.com/payments",
        "https://api.example.com/payments/",
        "https://api.example.com/payments?",
        "https://api.example.com/Payments",
        "https://API.example.com/payments",
        "https://api.example.com:443/payments",
        "https://api.example.com/%70ayments",
        "https://api.example.com",
        "",
    ] {
        assert_details(&requirement, at(other), NO);
    }
    // Without locations it is not said to be for here,
    assert_details(&requirement, json!([{ "type": "payment" }]), NO);
    // and with some, a rule without one cannot tell.
    let anywhere = authorization_detail("payment").granted();
    assert_details(&anywhere, json!([{ "type": "payment" }]), YES);
    assert_details(&anywhere, json!([{ "type": "payment", "locations": null }]), YES);
    for locations in [json!([here]), json!([]), json!(here), json!(5)] {
        assert_details(&anywhere, json!([{ "type": "payment", "locations": locations }]), None);
    }
    assert_details(
        &anywhere,
        json!([{ "type": "payment", "locations": [here] }, { "type": "payment" }]),
        YES,
    );
    assert_details(&anywhere, json!([{ "type": "account", "locations": [here] }]), NO);
}

#[test]
fn ill_formed_details_grant_nothing_and_do_not_show_that_nothing_is_granted() {
    // covers: POL-024
    let requirement = authorization_detail("payment").granted();
    for details in [
        json!({ "type": "payment" }),
        json!("payment"),
        json!(true),
        json!(1),
        json!(["payment"]),
        json!([["payment"]]),
        json!([{}]),
        json!([{ "actions": ["payment"] }]),
        json!([{ "type": null }]),
        json!([{ "type": ["payment"] }]),
        json!([{ "type": { "payment": true } }]),
        json!([{ "Type": "payment" }]),
        json!([null]),
        json!([[{ "type": "payment" }]]),
        json!(r#"[{"type":"payment"}]"#),
        json!([{ "type": "account" }, {}]),
    ] {
        assert_details(&requirement, details, None);
    }
    assert_details(&requirement, json!([{}, { "type": "payment" }]), YES);
    let left_out = json!({ "_claim_names": { "authorization_details": "src1" } });
    assert_found(&requirement, left_out, None);
}

#[test]
fn nothing_is_normalized() {
    // covers: POL-025
    let requirement = authorization_detail("caf\u{e9}").granted();
    for (kind, expected) in
        [("caf\u{e9}", YES), ("cafe\u{301}", NO), ("Caf\u{e9}", NO), ("caf\u{e9} ", NO), ("caf%C3%A9", NO)]
    {
        assert_details(&requirement, json!([{ "type": kind }]), expected);
    }
    assert_found(&requirement, r#"{"authorization_details":[{"type":"caf\u00e9"}]}"#, YES);
}

#[tokio::test]
async fn a_missing_detail_is_a_denial_that_names_no_scope() {
    // covers: POL-022, POL-023, CHL-018, CHL-023
    let pay = || authorization_detail("payment").with_action("initiate").at_location(AUDIENCE).granted();
    let detail = |actions: &str, location: &str| json!([{ "type": "payment", "actions": [actions], "locations": [location] }]);
    let (issuer, api) = Api::requiring(pay().and(scope("a")));
    for (details, scopes, admitted) in [
        (detail("initiate", AUDIENCE), "a", true),
        (detail("cancel", AUDIENCE), "a", false),
        (detail("initiate", "https://other.example.com"), "a", false),
        (detail("cancel", AUDIENCE), "b", false),
        (json!([]), "a", false),
    ] {
        let token = issuer.token(AUDIENCE).scope(scopes).claim("authorization_details", details);
        let answer = api.token(token.sign()).await;
        match admitted {
            true => answer.assert_admitted(),
            false => {
                answer.assert_denied(None);
                assert!(!answer.challenge().contains("payment"));
            }
        }
    }
    let token = issuer.token(AUDIENCE).claim("authorization_details", detail("initiate", AUDIENCE));
    api.token(token.sign()).await.assert_denied(Some("a"));
}

#[test]
fn a_detail_reads_as_a_sentence_and_an_explanation_says_why_it_cannot_be_told() {
    let all = authorization_detail("payment")
        .with_identifier("i")
        .at_location("l")
        .with_privilege("p")
        .with_datatype("d")
        .with_action("a")
        .with_action("b");
    assert_eq!(
        not(all.granted()).to_string(),
        "not (authorization detail `payment` with action `a` with action `b` with datatype `d` with privilege `p` at location \
         `l` with identifier `i`)"
    );
    assert!(std::panic::catch_unwind(|| authorization_detail("")).is_err());
    let request = http::Request::get("/").body(()).unwrap();
    let token = token(json!({ "authorization_details": [{ "type": "payment", "locations": ["secret"] }] }));
    let explanation =
        authorization_detail("payment").granted().explain(&PolicyInput::of(Some(&token), &request));
    assert_eq!(
        explanation.to_string(),
        "denied: required: authorization detail `payment`\n- authorization detail `payment`: cannot be told (one that may \
         be meant is ill-formed, or is for locations and none is named here)\n"
    );
}
