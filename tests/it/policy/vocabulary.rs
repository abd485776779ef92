//! What the names in requirements mean.

use portcullis::{
    ConfigError, ConfigProblem, PolicyTable, Requirement, Vocabulary, VocabularyBuilder, all_scopes,
    any_scope, anyone, claim, not, permission, predicate, role, scope,
};
use serde_json::json;

use super::asking::{allows, assert_found, denial, token};
use crate::support::{AUDIENCE, Api};

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

fn applied(vocabulary: VocabularyBuilder, requirement: Requirement) -> Requirement {
    vocabulary.build().unwrap().apply(requirement).unwrap()
}

fn from_data(json: serde_json::Value) -> Requirement {
    serde_json::from_value(json).unwrap()
}

#[track_caller]
fn assert_codes<T: std::fmt::Debug>(result: Result<T, ConfigError>, codes: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.problems().iter().map(ConfigProblem::code).collect::<Vec<_>>(), codes, "{error}");
}

#[test]
fn a_role_includes_others_and_what_those_include() {
    // covers: POL-002, POL-005
    let vocabulary = || {
        Vocabulary::builder()
            .role_includes("admin", ["manager", "auditor"])
            .role_includes("manager", ["clerk"])
            .role_includes("auditor", ["clerk"])
            .role_includes("clerk", ["visitor"])
    };
    for (wanted, holders) in [
        ("visitor", ["visitor", "clerk", "auditor", "manager", "admin"].as_slice()),
        ("clerk", &["clerk", "auditor", "manager", "admin"]),
        ("auditor", &["auditor", "admin"]),
        ("admin", &["admin"]),
        // Nobody has said anything of it.
        ("guest", &["guest"]),
    ] {
        let requirement = applied(vocabulary(), role(wanted));
        assert_eq!(requirement.to_string(), format!("role `{wanted}`"));
        for held in ["admin", "manager", "auditor", "clerk", "visitor", "guest", "Admin", "admins", ""] {
            let expected = Some(holders.contains(&held));
            assert_found(&requirement, json!({ "roles": [held] }), expected);
        }
        assert_found(&requirement, json!({ "roles": ["guests", wanted] }), YES);
        assert_found(&requirement, json!({}), NO);
        assert_found(&requirement, json!({ "roles": "admin" }), None);
    }
}

#[test]
fn a_permission_is_had_by_the_roles_that_it_is_given_to_and_by_those_that_include_them() {
    // covers: POL-002, POL-011
    let vocabulary = || {
        Vocabulary::builder()
            .role_includes("manager", ["clerk"])
            .role_permits("clerk", ["orders:refund", "orders:read"])
            .role_permits("auditor", ["orders:read"])
    };
    for (wanted, holders) in [
        ("orders:refund", ["clerk", "manager"].as_slice()),
        ("orders:read", &["clerk", "manager", "auditor"]),
    ] {
        let requirement = applied(vocabulary(), permission(wanted));
        for held in ["clerk", "manager", "auditor", wanted, "visitor"] {
            assert_found(&requirement, json!({ "roles": [held] }), Some(holders.contains(&held)));
        }
        // A scope or a claim of that name is another thing.
        assert_found(&requirement, json!({ "scope": wanted, "permissions": [wanted] }), NO);
    }
}

#[test]
fn permissions_stand_in_a_claim_where_the_vocabulary_says_so() {
    // covers: POL-011
    let vocabulary =
        || Vocabulary::builder().permissions_at("/shop/permissions").role_permits("clerk", ["refund"]);
    let (refund, other) =
        (applied(vocabulary(), permission("refund")), applied(vocabulary(), permission("other")));
    let listed = |names| json!({ "shop": { "permissions": names } });
    assert_found(&refund, listed(json!(["refund"])), YES);
    assert_found(&refund, json!({ "roles": ["clerk"] }), YES);
    assert_found(&refund, listed(json!(["other"])), NO);
    assert_found(&refund, listed(json!("refund")), None);
    assert_found(&refund, json!({ "permissions": ["refund"] }), NO);
    assert_found(&other, listed(json!(["other"])), YES);
    assert_found(&other, json!({ "roles": ["clerk", "other"] }), NO);
}

#[test]
fn a_sign_shows_a_role_and_one_of_the_realm_is_not_one_of_a_client() {
    // covers: POL-011, POL-012
    let vocabulary = || {
        Vocabulary::builder()
            .role_shown_by("realm-clerk", claim("/realm_access/roles").contains("clerk"))
            .role_shown_by("shop-clerk", claim("/resource_access/shop/roles").contains("clerk"))
            .role_shown_by("staff", claim("groups").contains("/staff"))
            .role_shown_by("staff", claim("group_words").has_word("staff"))
            .role_includes("boss", ["staff"])
            .role_shown_by("boss", claim("zitadel").has_member("boss"))
    };
    let of_realm = json!({ "realm_access": { "roles": ["clerk"] } });
    let of_shop = json!({ "resource_access": { "shop": { "roles": ["clerk"] } } });
    let of_other = json!({ "resource_access": { "other": { "roles": ["clerk"] } }, "roles": ["clerk"] });
    for (wanted, shown) in [("realm-clerk", &of_realm), ("shop-clerk", &of_shop)] {
        let requirement = applied(vocabulary(), role(wanted));
        for claims in [&of_realm, &of_shop, &of_other] {
            assert_found(&requirement, claims, Some(claims == shown));
        }
    }
    let staff = applied(vocabulary(), role("staff"));
    for shown in [
        json!({ "groups": ["/staff"] }),
        json!({ "group_words": "a staff b" }),
        json!({ "zitadel": { "boss": {} } }),
        json!({ "roles": ["boss"] }),
        json!({ "roles": ["staff"] }),
    ] {
        assert_found(&staff, shown, YES);
    }
    assert_found(&staff, json!({ "groups": ["/staff/trainees"], "group_words": "staffer" }), NO);
    // One sign that cannot be read may be the one.
    assert_found(&staff, json!({ "groups": "/staff", "group_words": "none" }), None);
    assert_found(&staff, json!({ "groups": "/staff", "group_words": "staff" }), YES);
    assert_found(&applied(vocabulary(), role("boss")), json!({ "groups": ["/staff"] }), NO);
}

#[test]
fn what_a_sign_asks_for_has_the_meaning_that_it_has_elsewhere() {
    // covers: POL-005
    let vocabulary = || {
        Vocabulary::builder()
            .scope_implies("orders:write", ["orders:read"])
            .role_shown_by("reader", scope("orders:read"))
            .role_shown_by("early", from_data(json!({ "predicate": "early" })))
            .predicate("early", |_| true)
    };
    let reader = applied(vocabulary(), role("reader"));
    assert_found(&reader, json!({ "scope": "orders:write" }), YES);
    assert_found(&reader, json!({ "scope": "orders:count" }), NO);
    assert_found(&applied(vocabulary(), role("early")), json!({}), YES);
    let undefined = from_data(json!({ "predicate": "late" }));
    assert_codes(vocabulary().role_shown_by("late", undefined).build(), &["unknown_predicate"]);
}

#[test]
fn a_scope_implies_others_only_where_that_is_said() {
    // covers: POL-005
    let vocabulary = || {
        Vocabulary::builder()
            .scope_implies("admin", ["orders:*", "audit"])
            .scope_implies("orders:write", ["orders:read", "stock:read"])
            .scope_implies("stock:read", ["stock:count"])
            .scope_implies("left", ["right"])
            .scope_implies("right", ["left"])
    };
    for (wanted, holders) in [
        ("orders:read", ["orders:read", "orders:write", "admin"].as_slice()),
        ("orders:write", &["orders:write", "admin"]),
        ("orders:", &["orders:", "admin"]),
        ("orders:*", &["orders:*", "admin"]),
        // By what `orders:*` stands for, too.
        ("stock:read", &["stock:read", "orders:write", "admin"]),
        ("stock:count", &["stock:count", "stock:read", "orders:write", "admin"]),
        ("audit", &["audit", "admin"]),
        ("admin", &["admin"]),
        ("left", &["left", "right"]),
        ("right", &["left", "right"]),
        // Looks like something is no reason.
        ("orders", &["orders"]),
        ("ordersx:read", &["ordersx:read"]),
        ("read:all", &["read:all"]),
    ] {
        let requirement = applied(vocabulary(), scope(wanted));
        assert_eq!(requirement.to_string(), format!("scope `{wanted}`"));
        for held in [
            "admin",
            "audit",
            "orders",
            "orders:",
            "orders:*",
            "orders:read",
            "orders:write",
            "ordersx:read",
            "stock:read",
            "stock:count",
            "stock:*",
            "left",
            "right",
            "read:*",
            "read:all",
            "*",
        ] {
            assert_found(
                &requirement,
                json!({ "scope": format!("x {held}") }),
                Some(holders.contains(&held)),
            );
        }
    }
}

#[test]
fn a_second_vocabulary_takes_nothing_back_that_the_first_said() {
    let first = Vocabulary::builder()
        .scope_implies("trial:plus", ["trial"])
        .role_permits("clerk", ["refund"])
        .build()
        .unwrap();
    let second = Vocabulary::builder().scope_implies("trial:max", ["trial"]).build().unwrap();
    let twice = |requirement| second.apply(first.apply(requirement).unwrap()).unwrap();
    let no_trial = twice(not(scope("trial")));
    for (held, allowed) in [("trial", false), ("trial:plus", false), ("trial:max", false), ("full", true)] {
        assert_eq!(allows(&no_trial, json!({ "scope": held })), allowed, "{held}");
    }
    let refund = twice(permission("refund"));
    assert!(allows(&refund, json!({ "roles": ["clerk"] })) && !allows(&refund, json!({ "roles": ["a"] })));
}

#[test]
fn a_long_chain_of_scopes_is_followed_to_its_end() {
    let names: Vec<_> = (0..400).map(|number| format!("s{number}")).collect();
    let chain = names.windows(2).fold(Vocabulary::builder(), |vocabulary, pair| {
        vocabulary.scope_implies(&pair[0], [pair[1].as_str(), "t*"])
    });
    let vocabulary = chain.build().unwrap();
    let last = vocabulary.apply(scope("s399")).unwrap();
    assert!(allows(&last, json!({"scope": "s0"})) && !allows(&last, json!({"scope": "t"})));
}

#[test]
fn without_a_vocabulary_no_scope_implies_another() {
    // covers: POL-005
    for held in ["read:*", "read", "*", "admin", "read:all:more"] {
        assert_found(&scope("read:all"), json!({ "scope": held }), NO);
    }
    let all = applied(Vocabulary::builder().scope_implies("root", ["*"]), scope("read:all"));
    assert_found(&all, json!({ "scope": "root" }), YES);
    assert_found(&all, json!({ "scope": "read:*" }), NO);
}

#[tokio::test]
async fn the_challenge_names_the_narrow_scope() {
    // covers: POL-005, POL-006, CHL-007
    let vocabulary = || Vocabulary::builder().scope_implies("admin", ["orders:*"]);
    for (requirement, scopes, named) in [
        (scope("orders:read"), "other", "orders:read"),
        (all_scopes(["orders:read", "stock"]), "admin", "orders:read stock"),
        (any_scope(["orders:read", "orders:list"]), "other", "orders:read"),
        (any_scope(["orders:read", "orders:list"]).and(scope("stock")), "admin", "orders:read stock"),
    ] {
        let (issuer, api) = Api::requiring(applied(vocabulary(), requirement));
        api.token(issuer.token(AUDIENCE).scope(scopes).sign()).await.assert_denied(Some(named));
        api.token(issuer.token(AUDIENCE).scope("admin stock").sign()).await.assert_admitted();
    }
    let denial = denial(
        &applied(vocabulary(), all_scopes(["orders:read", "stock"])),
        &token(json!({ "scope": "admin" })),
    );
    assert_eq!(denial.missing().unwrap().to_string(), "scope `stock`");
}

#[test]
fn names_have_their_meaning_wherever_they_stand() {
    // covers: POL-002
    let vocabulary = Vocabulary::builder()
        .role_includes("admin", ["clerk"])
        .role_permits("clerk", ["refund"])
        .scope_implies("write", ["read"])
        .predicate("yes", |_| true)
        .build()
        .unwrap();
    let yes = from_data(json!({ "predicate": "yes" }));
    let requirement = vocabulary
        .apply(
            role("clerk")
                .and(permission("refund").or(scope("x")))
                .and(any_scope(["read", "y"]))
                .and(not(not(yes))),
        )
        .unwrap();
    assert!(allows(&requirement, json!({ "roles": ["admin"], "scope": "write" })));
    assert!(!allows(&requirement, json!({ "roles": ["admin"], "scope": "other" })));
    let none = vocabulary.apply(not(role("clerk").or(scope("read")))).unwrap();
    assert!(allows(&none, json!({ "roles": ["visitor"], "scope": "other" })));
    for claims in [json!({ "roles": ["admin"] }), json!({ "scope": "write" })] {
        assert!(!allows(&none, claims));
    }
}

#[test]
fn a_name_keeps_its_meaning_where_another_vocabulary_says_nothing_of_it() {
    // covers: POL-005
    let vocabulary = || {
        Vocabulary::builder()
            .role_includes("admin", ["clerk"])
            .role_permits("clerk", ["refund"])
            .scope_implies("write", ["read"])
            .permissions_at("permissions")
    };
    for (requirement, claims, expected) in [
        (scope("read"), json!({ "scope": "write" }), YES),
        (not(scope("read")), json!({ "scope": "write" }), NO),
        (not(any_scope(["read", "x"])), json!({ "scope": "write" }), NO),
        (role("clerk"), json!({ "roles": ["admin"] }), YES),
        (not(permission("refund")), json!({ "roles": ["admin"] }), NO),
        (permission("eat"), json!({ "permissions": ["eat"] }), YES),
    ] {
        let once = applied(vocabulary(), requirement);
        assert_found(&once, claims.clone(), expected);
        assert!(applied(vocabulary(), once.clone()) == once, "{once}: applied twice");
        // As a table does, whose vocabulary is empty where it is given none.
        assert_found(&applied(Vocabulary::builder(), once.clone()), claims.clone(), expected);
        let table = PolicyTable::builder().rule("* /", once).build().unwrap();
        assert_eq!(allows(table.rules()[0].requirement(), claims), expected == YES);
    }
}

#[test]
fn a_name_without_a_meaning_is_a_mistake_of_the_configuration() {
    let vocabulary = Vocabulary::builder().role_permits("clerk", ["refund"]).predicate("known", |_| true);
    let vocabulary = vocabulary.build().unwrap();
    assert!(vocabulary.apply(permission("refund")).is_ok());
    assert!(vocabulary.apply(role("whoever")).is_ok());
    assert!(vocabulary.apply(from_data(json!({ "predicate": "known" }))).is_ok());
    assert!(vocabulary.apply(predicate("own", |_| true)).is_ok());
    assert_codes(vocabulary.apply(permission("refunds")), &["unknown_permission"]);
    assert_codes(vocabulary.apply(from_data(json!({ "predicate": "unknown" }))), &["unknown_predicate"]);
    let both = permission("a").or(not(from_data(json!({ "predicate": "b" }))));
    assert_codes(vocabulary.apply(both), &["unknown_permission", "unknown_predicate"]);
    // What has a claim for permissions knows them all.
    let listed = Vocabulary::builder().permissions_at("permissions").build().unwrap();
    assert!(listed.apply(permission("refunds")).is_ok());
}

#[test]
fn a_vocabulary_says_everything_that_is_wrong_with_it() {
    // covers: POL-005
    type Say = fn(VocabularyBuilder) -> VocabularyBuilder;
    let cases: [(&str, Say, Say); 11] = [
        (
            "circular_roles",
            |builder| builder.role_includes("a", ["a"]),
            |builder| builder.role_includes("a", ["b", "c"]).role_includes("b", ["c"]),
        ),
        (
            "invalid_role_sign",
            |builder| builder.role_shown_by("a", role("b")),
            |builder| builder.role_shown_by("a", scope("b")),
        ),
        (
            "invalid_role_sign",
            |builder| builder.role_shown_by("a", scope("x").and(not(permission("b")))),
            |builder| builder.role_shown_by("a", scope("x").and(not(scope("b")))),
        ),
        (
            "invalid_role_sign",
            |builder| builder.role_shown_by("a", scope("x").or(anyone())),
            |builder| builder.role_shown_by("a", scope("x").or(claim("b").exists())),
        ),
        (
            "unknown_predicate",
            |builder| builder.role_shown_by("a", from_data(json!({ "predicate": "p" }))),
            |builder| builder.role_shown_by("a", predicate("p", |_| true)),
        ),
        (
            "invalid_scope",
            |builder| builder.scope_implies("a b", ["c"]),
            |builder| builder.scope_implies("a", ["b", "c:*"]),
        ),
        (
            "invalid_scope",
            |builder| builder.scope_implies("a", ["b\"c"]),
            |builder| builder.scope_implies("a", ["b'c"]),
        ),
        ("empty_name", |builder| builder.role_includes("", ["a"]), |builder| builder.role_includes("a", [])),
        ("empty_name", |builder| builder.role_permits("a", [""]), |builder| builder.role_permits("a", [" "])),
        (
            "ambiguous_claim_path",
            |builder| builder.permissions_at("realm_access.roles"),
            |builder| builder.permissions_at("/realm_access/roles"),
        ),
        ("invalid_claim_path", |builder| builder.permissions_at("/"), |builder| builder.permissions_at("p")),
    ];
    for (code, wrong, right) in cases {
        assert_codes(wrong(Vocabulary::builder()).build(), &[code]);
        let right = right(Vocabulary::builder()).build();
        assert!(right.is_ok(), "{code}: {}", right.unwrap_err());
    }
    let by_anyone = Vocabulary::builder().role_shown_by("a", anyone()).build().unwrap_err();
    assert!(by_anyone.to_string().contains("or admits anyone"), "{by_anyone}");
    // A longer way round; and every problem at once.
    let circle =
        Vocabulary::builder().role_includes("a", ["b"]).role_includes("b", ["c"]).role_includes("c", ["a"]);
    assert_codes(circle.build(), &["circular_roles"; 3]);
    let all =
        Vocabulary::builder().role_includes("a", ["a", ""]).scope_implies("", ["b"]).permissions_at("a.b");
    let error = all.build().unwrap_err();
    let codes: std::collections::BTreeSet<_> = error.problems().iter().map(ConfigProblem::code).collect();
    assert_eq!(codes.len(), 4, "{error}");
}

#[test]
fn what_was_considered_says_which_roles_would_do() {
    let vocabulary = || {
        Vocabulary::builder()
            .role_includes("admin", ["clerk"])
            .role_shown_by("clerk", claim("groups").contains("/clerks"))
            .role_permits("clerk", ["refund"])
    };
    let request = http::Request::get("/").body(()).unwrap();
    let token = token(json!({ "groups": ["/clerks"] }));
    let input = portcullis::PolicyInput::of(Some(&token), &request);
    let explain = |requirement: Requirement| portcullis::Policy::explain(&requirement, &input).to_string();
    assert_eq!(
        explain(applied(vocabulary(), permission("refund"))),
        "allowed\n- permission `refund`: met (shown by role `admin`, `clerk`)\n  - claim `groups` containing `/clerks`: \
         met\n"
    );
    assert_eq!(
        explain(permission("refund")),
        "denied: required: permission `refund`; nothing says what permission `refund` means\n\
         - permission `refund`: cannot be told (no vocabulary says who has it)\n"
    );
}

#[test]
fn a_predicate_has_a_name_and_a_vocabulary_only_one_of_each() {
    let codes = |names: &[&str]| {
        let builder =
            names.iter().fold(Vocabulary::builder(), |builder, name| builder.predicate(name, |_| true));
        let error = builder.build().err();
        let problems = error.iter().flat_map(portcullis::ConfigError::problems);
        problems.map(portcullis::ConfigProblem::code).collect::<Vec<_>>()
    };
    assert!(codes(&["open", "late"]).is_empty());
    assert_eq!(codes(&["open", "open"]), ["duplicate_predicate"]);
    assert_eq!(codes(&[""]), ["empty_name"]);
}
