//! What is required of single claims.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, header};
use portcullis::{ClaimValue, Requirement, claim, not, scope};
use serde_json::{Value, json};
use tower::{ServiceExt as _, service_fn};

use super::asking::{assert_found, denial, token};
use crate::support::{AUDIENCE, Api};

/// Judges a requirement of the claim `c` by these values of it.
#[track_caller]
fn assert_values<const N: usize>(requirement: &Requirement, values: [(Value, Option<bool>); N]) {
    for (value, expected) in values {
        assert_found(requirement, json!({ "c": value }), expected);
    }
    // What is not there, and `null`, is nothing.
    assert_found(requirement, json!({ "c": null }), Some(false));
    assert_found(requirement, json!({}), Some(false));
    assert_found(requirement, json!({ "C": "x", "d": { "c": "x" } }), Some(false));
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

#[test]
fn a_text_is_equal_to_the_same_text_only() {
    // covers: POL-011, POL-030
    assert_values(
        &claim("c").equals("acme"),
        [
            (json!("acme"), YES),
            (json!("ACME"), NO),
            (json!("acme "), NO),
            (json!(" acme"), NO),
            (json!("acme\0"), NO),
            (json!("acmé"), NO),
            (json!("acme,globex"), NO),
            (json!(""), NO),
            (json!(["acme"]), None),
            (json!({ "acme": true }), None),
            (json!(true), None),
            (json!(5), None),
        ],
    );
    assert_found(&claim("c").equals("acme"), r#"{"c":"\u0061cme"}"#, YES);
    // No form of Unicode is another.
    assert_values(&claim("c").equals("é"), [(json!("e\u{301}"), NO), (json!("\u{e9}"), YES)]);
    assert_values(&claim("c").equals("5"), [(json!("5"), YES), (json!("5.0"), NO), (json!(5), None)]);
}

#[test]
fn a_number_is_equal_to_the_same_number_however_it_is_written() {
    // covers: POL-011
    assert_values(
        &claim("c").equals(5),
        [
            (json!(5), YES),
            (json!(5.0), YES),
            (json!(6), NO),
            (json!(-5), NO),
            (json!(5.000_001), NO),
            (json!(1e300), NO),
            (json!("5"), None),
            (json!(true), None),
            (json!([5]), None),
            (json!({}), None),
        ],
    );
    for (text, expected) in [("50e-1", YES), ("0.5e1", YES), ("5.0000000000000000001", YES), ("50", NO)] {
        assert_found(&claim("c").equals(5), format!(r#"{{"c":{text}}}"#), expected);
    }
    for zero in ["0", "-0", "0.0", "-0.0", "0e5"] {
        assert_found(&claim("c").equals(0), format!(r#"{{"c":{zero}}}"#), YES);
    }
    for number in [i32::MIN, -1, 1, i32::MAX] {
        assert_found(&claim("c").equals(number), json!({ "c": number }), YES);
        assert_found(&claim("c").equals(number), json!({ "c": i64::from(number) + 1 }), NO);
    }
}

#[test]
fn true_and_false_are_no_texts_and_no_numbers() {
    // covers: POL-011
    let others = || [(json!("true"), None), (json!(1), None), (json!(0), None), (json!([]), None)];
    assert_values(&claim("c").equals(true), others());
    assert_values(&claim("c").equals(false), others());
    assert_values(&claim("c").equals(true), [(json!(true), YES), (json!(false), NO)]);
    assert_values(&claim("c").equals(false), [(json!(false), YES), (json!(true), NO)]);
}

#[test]
fn one_of_several_values_is_enough() {
    // covers: POL-011, POL-002
    assert_values(
        &claim("c").is_any_of(["a", "b"]),
        [
            (json!("a"), YES),
            (json!("b"), YES),
            (json!("c"), NO),
            (json!("a b"), NO),
            (json!(["a"]), None),
            (json!(1), None),
        ],
    );
    let mixed = [ClaimValue::from("5"), ClaimValue::from(7), ClaimValue::from(true)];
    assert_values(
        &claim("c").is_any_of(mixed),
        [
            (json!("5"), YES),
            (json!(7), YES),
            (json!(true), YES),
            (json!(5), None),
            (json!("7"), None),
            (json!(false), None),
            (json!([]), None),
        ],
    );
    assert!(std::panic::catch_unwind(|| claim("c").is_any_of([] as [&str; 0])).is_err());
}

#[test]
fn an_array_contains_an_entry_or_an_object_with_that_value() {
    // covers: POL-011, HT-031, JWT-028
    assert_values(
        &claim("c").contains("admin"),
        [
            (json!(["admin"]), YES),
            (json!(["clerk", "admin"]), YES),
            (json!(["admin", 5]), YES),
            (json!([{ "value": "admin", "display": "Admin" }]), YES),
            (json!(["clerk"]), NO),
            (json!(["ADMIN"]), NO),
            (json!(["administrator", "xadmin", "admin clerk", ""]), NO),
            (json!([]), NO),
            (json!([{ "value": "clerk" }]), NO),
            (json!(["clerk", 5]), None),
            (json!(["clerk", null]), None),
            (json!([["admin"]]), None),
            (json!([{ "name": "admin" }]), None),
            (json!([{ "value": ["admin"] }]), None),
            (json!("admin"), None),
            (json!("administrator"), None),
            (json!({ "admin": true }), None),
            (json!({ "value": "admin" }), None),
            (json!(true), None),
        ],
    );
}

#[test]
fn a_text_has_a_word_between_spaces() {
    // covers: POL-011
    assert_values(
        &claim("c").has_word("read"),
        [
            (json!("read"), YES),
            (json!("a read b"), YES),
            (json!(" read  b "), YES),
            (json!("reader"), NO),
            (json!("READ"), NO),
            (json!("read,write"), NO),
            (json!("a\tread"), NO),
            (json!("a\u{a0}read"), NO),
            (json!(""), NO),
            (json!(["read"]), None),
            (json!({ "read": true }), None),
            (json!(1), None),
        ],
    );
    for no_word in ["", " ", "a b", "a "] {
        assert!(std::panic::catch_unwind(|| claim("c").has_word(no_word)).is_err());
    }
}

#[test]
fn an_object_has_a_member_that_grants_something() {
    // covers: POL-011
    assert_values(
        &claim("c").has_member("admin"),
        [
            (json!({ "admin": true }), YES),
            (json!({ "admin": {} }), YES),
            (json!({ "clerk": true, "admin": { "362": "shop" } }), YES),
            (json!({ "admin": false }), NO),
            (json!({ "admin": null }), NO),
            (json!({ "clerk": true }), NO),
            (json!({ "ADMIN": true, "admin ": true }), NO),
            (json!({}), NO),
            (json!({ "admin": "true" }), None),
            (json!({ "admin": "false" }), None),
            (json!({ "admin": 1 }), None),
            (json!({ "admin": [] }), None),
            (json!("admin"), None),
            (json!(["admin"]), None),
            (json!([{ "admin": true }]), None),
        ],
    );
}

#[test]
fn a_claim_exists_whatever_it_is_but_null() {
    // covers: POL-011
    let values = [json!(false), json!(0), json!(""), json!([]), json!({}), json!([null])];
    assert_values(&claim("c").exists(), values.map(|value| (value, YES)));
}

#[test]
fn a_part_of_the_path_is_nothing_outside_a_table_of_rules() {
    // covers: POL-030
    let requirement = claim("c").equals_path_parameter("tenant");
    for value in [json!("acme"), json!(""), json!("tenant"), json!("{tenant}"), json!(5)] {
        assert_found(&requirement, json!({ "c": value }), None);
    }
    assert_found(&requirement, json!({}), NO);
}

#[test]
fn a_path_leads_through_objects_and_never_through_anything_else() {
    // covers: POL-012, POL-011
    let requirement = claim("/resource_access/my.client/roles").contains("clerk");
    for (claims, expected) in [
        (json!({ "resource_access": { "my.client": { "roles": ["clerk"] } } }), YES),
        (json!({ "resource_access": { "my.client": { "roles": [] } } }), NO),
        (json!({ "resource_access": { "my.client": {} } }), NO),
        (json!({ "resource_access": { "my.client": null } }), NO),
        (json!({ "resource_access": { "my": { "client": { "roles": ["clerk"] } } } }), NO),
        (json!({ "resource_access/my.client/roles": ["clerk"], "roles": ["clerk"] }), NO),
        (json!({}), NO),
        (json!({ "resource_access": { "my.client": ["clerk"] } }), None),
        (json!({ "resource_access": { "my.client": "roles" } }), None),
        (json!({ "resource_access": [{ "my.client": { "roles": ["clerk"] } }] }), None),
        (json!({ "resource_access": true }), None),
    ] {
        assert_found(&requirement, claims, expected);
    }
    let url = claim("https://example.com/roles").contains("clerk");
    assert_found(&url, json!({ "https://example.com/roles": ["clerk"] }), YES);
    assert_found(&url, json!({ "https:": { "": { "example.com": { "roles": ["clerk"] } } } }), NO);
    for path in ["", "/", "a.b", "a/b", "/a/", "/a~2", " a"] {
        assert!(std::panic::catch_unwind(|| claim(path)).is_err(), "{path}");
    }
}

#[test]
fn a_list_that_was_left_out_of_the_token_is_not_an_empty_list() {
    // covers: POL-011
    let requirement = claim("groups").contains("staff");
    let left_out = |names: Value| json!({ "_claim_names": names });
    for (claims, expected) in [
        (left_out(json!({ "groups": "src1" })), None),
        (left_out(json!("groups")), None),
        (json!({ "_claim_names": { "groups": "src1" }, "groups": null }), None),
        // Nor is what is there the whole of it.
        (json!({ "_claim_names": { "groups": "src1" }, "groups": ["staff"] }), None),
        (json!({ "_claim_names": { "groups": "src1" }, "groups": ["other"] }), None),
        (json!({ "_claim_names": { "other": "src1" }, "groups": ["staff"] }), YES),
        (left_out(json!({ "other": "src1" })), NO),
        (left_out(json!(null)), NO),
    ] {
        assert_found(&requirement, claims, expected);
    }
    for requirement in [claim("groups").exists(), claim("/groups/a").exists(), claim("groups").equals("x")] {
        assert_found(&requirement, left_out(json!({ "groups": "src1" })), None);
    }
}

#[test]
fn what_is_missing_is_said_without_what_the_token_says() {
    // covers: POL-013
    let requirement = claim("tenant").equals("acme").and(claim("groups").contains("staff"));
    let denial = denial(&requirement, &token(json!({ "tenant": "globex", "groups": ["staff"] })));
    assert_eq!(
        denial.to_string(),
        "required: claim `tenant` equal to `acme` and claim `groups` containing `staff`; missing: \
         claim `tenant` equal to `acme`"
    );
    assert_eq!(denial.missing(), Some(&claim("tenant").equals("acme")));
}

#[tokio::test]
async fn a_client_is_not_told_which_claims_would_have_passed() {
    // covers: CHL-023, POL-011
    let requirement = || {
        let tenant =
            claim("tenant").equals("secret-tenant").or(not(claim("groups").contains("secret-group")));
        tenant.and(scope("a"))
    };
    let claims = |token: portcullis::testing::TokenBuilder| {
        token.scope("a").claim("tenant", "globex").claim("groups", json!(["secret-group"])).sign()
    };
    let (issuer, api) = Api::requiring(requirement());
    let answer = api.token(claims(issuer.token(AUDIENCE))).await;
    answer.assert_denied(None);
    assert!(!format!("{:?}", answer.headers).contains("secret"));
    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap().problem_json();
    let service = auth.require(requirement()).layer(service_fn(unreachable));
    let request = Request::get("/")
        .header(header::AUTHORIZATION, format!("Bearer {}", claims(issuer.token(AUDIENCE))))
        .body(())
        .unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 403);
    let body = std::str::from_utf8(response.body()).unwrap();
    assert!(["secret", "tenant", "groups", "globex"].iter().all(|text| !body.contains(text)), "{body}");
}

async fn unreachable(_: Request<()>) -> Result<Response<Bytes>, Infallible> {
    panic!("the inner service was called")
}
