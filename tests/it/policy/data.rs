//! Requirements as data.

use portcullis::{
    Requirement, Vocabulary, acting, actor, all_of, all_scopes, any_of, any_scope, authenticated,
    authorization_detail, claim, not, permission, predicate, role, scope, subject,
};
use serde_json::{Value, json};

use super::asking::{allows, assert_found, denial, token};
use super::generated::{EVERYTHING, Model};
use crate::support::Random;

fn read(json: Value) -> Result<Requirement, serde_json::Error> {
    serde_json::from_value(json)
}

#[test]
fn data_reads_as_what_it_was_written_from() {
    let mut random = Random::new(10);
    for _ in 0..1_000 {
        let requirement = Model::generate(&mut random, EVERYTHING, 4).build();
        let text = serde_json::to_string(&requirement).unwrap();
        let again: Requirement = serde_json::from_str(&text).unwrap();
        assert_eq!(again, requirement, "{text}");
        assert_eq!(again.to_string(), requirement.to_string(), "{text}");
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
}

#[test]
fn every_part_has_one_form() {
    let claims = |test: Value| json!({ "claim": test });
    for (requirement, form) in [
        (authenticated(), json!("authenticated")),
        (scope("a"), json!({ "scope": "a" })),
        (all_scopes(["a", "b"]), json!({ "all_scopes": ["a", "b"] })),
        (any_scope(["a"]), json!({ "any_scope": ["a"] })),
        (
            subject("https://a.example", "alice"),
            json!({ "subject": { "issuer": "https://a.example", "subject": "alice" } }),
        ),
        (claim("/a/b").exists(), claims(json!({ "path": "/a/b", "exists": true }))),
        (claim("a").equals(5), claims(json!({ "path": "a", "equals": 5 }))),
        (claim("a").equals("5"), claims(json!({ "path": "a", "equals": "5" }))),
        (claim("a").equals(false), claims(json!({ "path": "a", "equals": false }))),
        (claim("a").is_any_of([1, 2]), claims(json!({ "path": "a", "is_any_of": [1, 2] }))),
        (claim("a").contains("b"), claims(json!({ "path": "a", "contains": "b" }))),
        (claim("a").has_word("b"), claims(json!({ "path": "a", "has_word": "b" }))),
        (claim("a").has_member("b"), claims(json!({ "path": "a", "has_member": "b" }))),
        (claim("a").equals_path_parameter("b"), claims(json!({ "path": "a", "equals_path_parameter": "b" }))),
        (acting(), json!("acting")),
        (actor("i", "s"), json!({ "actor": { "issuer": "i", "subject": "s" } })),
        (authorization_detail("t").granted(), json!({ "authorization_detail": { "type": "t" } })),
        (
            authorization_detail("t")
                .at_location("l")
                .with_action("a")
                .with_action("b")
                .with_datatype("d")
                .with_identifier("i")
                .with_privilege("p")
                .granted(),
            json!({ "authorization_detail": {
                "type": "t", "locations": ["l"], "actions": ["a", "b"], "datatypes": ["d"], "identifier": "i",
                "privileges": ["p"],
            } }),
        ),
        (
            scope("a").and(role("r").or(not(scope("b")))),
            json!({ "all_of": [{ "scope": "a" }, { "any_of": [{ "role": "r" }, { "not": { "scope": "b" } }] }] }),
        ),
    ] {
        assert_eq!(serde_json::to_value(&requirement).unwrap(), form);
        assert_eq!(read(form).unwrap(), requirement);
    }
    // What has one part is that part.
    assert_eq!(read(json!({ "all_of": [{ "any_of": ["user"] }] })).unwrap().to_string(), "a user");
}

#[test]
fn data_that_is_no_requirement_is_refused_and_says_why() {
    // covers: POL-003, CHL-009
    let claims = |test: Value| json!({ "claim": test });
    for (data, message) in [
        (json!({ "all_of": [] }), "`all_of` needs at least one requirement"),
        (json!({ "any_of": [] }), "`any_of` needs at least one requirement"),
        (json!({ "all_scopes": [] }), "`all_scopes` needs at least one name"),
        (json!({ "any_scope": [] }), "`any_scope` needs at least one name"),
        (json!({ "any_acr": [] }), "`any_acr` needs at least one name"),
        (json!({ "scope": "" }), "`` is not one scope-token"),
        (json!({ "scope": "a b" }), "`a b` is not one scope-token"),
        (json!({ "acr": "a\"b" }), "is not one scope-token"),
        (json!({ "role": "" }), "`role` needs a name"),
        (json!({ "permission": "" }), "`permission` needs a name"),
        (json!({ "predicate": "" }), "`predicate` needs a name"),
        (json!({ "not": { "any_of": [] } }), "`any_of` needs at least one requirement"),
        (claims(json!({ "path": "a" })), "of claim `a` exactly one is required"),
        (claims(json!({ "path": "a", "equals": null })), "of claim `a` exactly one is required"),
        (claims(json!({ "path": "a", "equals": 1, "exists": true })), "of claim `a` exactly one is required"),
        (
            claims(json!({ "path": "a", "contains": "x", "has_word": "y" })),
            "of claim `a` exactly one is required",
        ),
        (claims(json!({ "path": "a", "exists": false })), "the opposite is a `not` around it"),
        (claims(json!({ "path": "a", "is_any_of": [] })), "`is_any_of` needs at least one value"),
        (claims(json!({ "path": "a", "has_word": "b c" })), "`has_word` needs one word"),
        (claims(json!({ "path": "a.b", "exists": true })), "claim path `a.b` is ambiguous"),
        (claims(json!({ "path": "/", "exists": true })), "a claim path has an empty name"),
        (claims(json!({ "exists": true })), "missing field `path`"),
        (claims(json!({ "path": "a", "equal": 1 })), "unknown field `equal`"),
        (claims(json!({ "path": "a", "equals": 1.5 })), "a whole number of 32 bits"),
        (claims(json!({ "path": "a", "equals": 2_147_483_648_u32 })), "a whole number of 32 bits"),
        (claims(json!({ "path": "a", "equals": ["x"] })), "a whole number of 32 bits"),
        (claims(json!({ "path": 5, "exists": true })), "expected a string"),
        (json!({ "subject": { "issuer": "a" } }), "missing field `subject`"),
        (json!({ "subject": { "issuer": "a", "subject": "b", "c": 1 } }), "unknown field `c`"),
        (json!({ "subject": "alice" }), "expected struct"),
        (json!({ "actor": "svc" }), "expected struct"),
        (json!({ "actor": { "subject": "svc" } }), "missing field `issuer`"),
        (json!({ "authorization_detail": "t" }), "expected struct"),
        (json!({ "authorization_detail": {} }), "missing field `type`"),
        (json!({ "authorization_detail": { "type": "" } }), "`authorization_detail` needs a type"),
        (json!({ "authorization_detail": { "type": "t", "action": ["a"] } }), "unknown field `action`"),
        (json!({ "authorization_detail": { "type": "t", "actions": "a" } }), "expected a sequence"),
        (
            json!({ "authorization_detail": { "type": "t", "actions": [] } }),
            "`actions` of an authorization detail needs",
        ),
        (json!({ "max_age": -1 }), "expected u64"),
        (json!({ "max_age": 1.5 }), "expected u64"),
        (json!({ "max_age": "300" }), "expected u64"),
        (json!({ "scope": ["a"] }), "expected a string"),
        (json!({ "any_scope": "a" }), "expected a sequence"),
        (json!({ "scopes": "a" }), "unknown variant `scopes`"),
        (json!({ "Scope": "a" }), "unknown variant `Scope`"),
        (json!("everyone"), "unknown variant `everyone`"),
        (json!({ "scope": "a", "role": "b" }), "expected map with a single key"),
        (json!({}), "expected map with a single key"),
        (json!("scope"), "expected newtype variant"),
        (json!([]), "expected string or map"),
        (json!(true), "expected string or map"),
        (json!(null), "expected string or map"),
    ] {
        let refused = read(data.clone()).unwrap_err().to_string();
        assert!(refused.contains(message), "{data}: {refused}");
    }
}

#[test]
fn data_that_nests_deeply_is_refused_and_overflows_nothing() {
    // covers: HT-033
    for open in [r#"{"not":"#, r#"{"all_of":["#, r#"{"any_of":["user","#] {
        let close = if open.contains('[') { "]}" } else { "}" };
        let nested = |depth: usize| {
            let text = format!("{}\"authenticated\"{}", open.repeat(depth), close.repeat(depth));
            serde_json::from_str::<Requirement>(&text)
        };
        assert!(nested(50).is_ok());
        for depth in [1_000, 100_000] {
            assert!(nested(depth).is_err());
        }
        let unclosed = open.repeat(100_000);
        assert!(serde_json::from_str::<Requirement>(&unclosed).is_err());
    }
    // As deep as it gets, it can be asked, printed and written again.
    let deepest = format!("{}\"authenticated\"{}", r#"{"not":"#.repeat(120), "}".repeat(120));
    let deepest: Requirement = serde_json::from_str(&deepest).unwrap();
    assert_found(&deepest, "{}", Some(true));
    assert_eq!(
        serde_json::from_value::<Requirement>(serde_json::to_value(&deepest).unwrap()).unwrap(),
        deepest
    );
    assert!(deepest.to_string().ends_with(&format!("a valid token{}", ")".repeat(120))));
}

#[test]
fn a_name_that_nobody_has_defined_admits_nothing_and_neither_does_its_opposite() {
    // covers: POL-001, POL-009
    let claims = json!({ "scope": "a", "roles": ["refund", "late"], "permissions": ["refund"] });
    for undefined in [
        read(json!({ "predicate": "late" })).unwrap(),
        read(json!({ "permission": "refund" })).unwrap(),
        permission("refund"),
    ] {
        assert_found(&undefined, &claims, None);
        for requirement in [
            undefined.clone().and(scope("a")),
            any_of([undefined.clone(), scope("b")]),
            not(all_of([undefined.clone(), scope("a")])),
            not(not(undefined.clone())),
        ] {
            assert!(!allows(&requirement, &claims), "{requirement}");
            let denial = denial(&requirement, &token(&claims)).to_string();
            assert!(denial.ends_with(&format!("; nothing says what {undefined} means")), "{denial}");
        }
        // What decides without it, does.
        assert!(allows(&undefined.clone().or(scope("a")), &claims));
        assert!(allows(&not(undefined.and(scope("b"))), &claims));
    }
    let late = read(json!({ "not": { "predicate": "late" } })).unwrap();
    let vocabulary = Vocabulary::builder().predicate("late", |_| false).build().unwrap();
    assert!(allows(&vocabulary.apply(late).unwrap(), &claims));
}

#[test]
fn requirements_are_equal_where_they_say_the_same() {
    assert_eq!(predicate("p", |_| true), read(json!({ "predicate": "p" })).unwrap());
    assert_ne!(predicate("p", |_| true), predicate("q", |_| true));
    assert_ne!(scope("a").and(scope("b")), scope("b").and(scope("a")));
    assert_eq!(scope("a").and(scope("b")).and(scope("c")), all_of([scope("a"), scope("b"), scope("c")]));
    assert_ne!(claim("a").equals("5"), claim("a").equals(5));
}
