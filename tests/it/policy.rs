//! Scopes, roles, and how they combine.

mod asking;
mod authorization_details;
mod claims;
mod data;
mod delegation;
mod generated;
mod principals;
mod properties;
mod step_up;
mod vocabulary;

use http::{Method, Request};
use portcullis::testing::TokenBuilder;
use portcullis::{
    Claims, Decision, Denial, Policy, PolicyInput, Profile, Requirement, ValidatedToken, all_scopes,
    any_scope, authenticated, not, role, scope, user,
};

use crate::support::{AUDIENCE, Api};

/// What a token of `scopes` and `roles` gets where `requirement` is required.
async fn decide(requirement: &Requirement, scopes: &str, roles: &[&str]) -> crate::support::Answer {
    let (issuer, api) = Api::requiring(requirement.clone());
    let token = issuer.token(AUDIENCE).claim("roles", roles.to_vec());
    let token = if scopes.is_empty() { token } else { token.scope(scopes) };
    api.token(token.sign()).await
}

#[tokio::test]
async fn a_scope_is_required_by_its_whole_name() {
    // covers: CHL-005, CHL-006, POL-004, JWT-022, JWT-023
    let requirement = scope("read:all");
    for scopes in ["read:all", "a read:all b", " read:all  b "] {
        decide(&requirement, scopes, &[]).await.assert_admitted();
    }
    for scopes in ["", "read", "read:all-not", "READ:ALL", "read:all,b"] {
        decide(&requirement, scopes, &["read:all"]).await.assert_denied(Some("read:all"));
    }
}

#[tokio::test]
async fn all_any_and_none_of_combine_by_their_truth_table() {
    // covers: POL-002, CHL-007
    let none = || not(any_scope(["a", "b"]));
    for (requirement, passing) in [
        (all_scopes(["a", "b"]), [false, false, false, true]),
        (any_scope(["a", "b"]), [false, true, true, true]),
        (none(), [true, false, false, false]),
        (scope("a").and(scope("b")), [false, false, false, true]),
        (scope("b").and(scope("a")), [false, false, false, true]),
        (scope("a").or(scope("b")), [false, true, true, true]),
        (not(scope("a")).and(scope("b")), [false, false, true, false]),
        (not(scope("a").and(scope("b"))), [true, true, true, false]),
        (not(not(scope("a"))), [false, true, false, true]),
    ] {
        for (scopes, passes) in ["c", "a c", "b c", "b a c"].into_iter().zip(passing) {
            let answer = decide(&requirement, scopes, &[]).await;
            assert_eq!(answer.status == 200, passes, "{requirement} / {scopes}");
        }
    }
}

#[tokio::test]
async fn the_challenge_names_everything_this_request_needs_and_nothing_where_scopes_do_not_help() {
    // covers: CHL-007, CHL-018, POL-006
    for (requirement, scopes, roles, named) in [
        (all_scopes(["a", "b"]), "a", vec![], Some("a b")),
        (scope("a").and(scope("b")).and(scope("a")), "", vec![], Some("a b")),
        (any_scope(["a", "b"]), "c", vec![], Some("a")),
        (any_scope(["a", "b"]).and(scope("c")), "b", vec![], Some("b c")),
        (scope("a").or(scope("b")), "c", vec![], Some("a")),
        (role("r").or(scope("b")), "c", vec![], Some("b")),
        (role("r").and(scope("b")).or(scope("c")), "b", vec![], Some("c")),
        (scope("a").and(role("r")), "", vec!["r"], Some("a")),
        (scope("a").and(role("r")), "a", vec![], None),
        (scope("a").and(role("r")), "", vec![], None),
        (not(scope("a")), "a", vec![], None),
        (scope("a").and(not(scope("b"))), "", vec![], Some("a")),
        (scope("a").and(not(scope("a"))), "", vec![], None),
        (not(authenticated()), "a", vec![], None),
    ] {
        decide(&requirement, scopes, &roles).await.assert_denied(named);
    }
}

#[tokio::test]
async fn a_role_is_required_by_its_whole_name() {
    // covers: POL-011, JWT-028, HT-031
    decide(&role("admin"), "", &["clerk", "admin"]).await.assert_admitted();
    for roles in [vec![], vec!["ADMIN"], vec!["administrator"], vec!["xadmin"], vec!["admin clerk"]] {
        decide(&role("admin"), "admin", &roles).await.assert_denied(None);
    }
}

#[tokio::test]
async fn a_claim_for_roles_that_cannot_be_read_is_neither_a_role_nor_its_absence() {
    // covers: POL-011
    for (roles, without) in [
        (serde_json::json!(null), true),
        (serde_json::json!([]), true),
        (serde_json::json!(["clerk"]), true),
        (serde_json::json!([{ "value": "clerk" }]), true),
        (serde_json::json!(["suspended"]), false),
        (serde_json::json!("suspended"), false),
        (serde_json::json!({ "suspended": true }), false),
        (serde_json::json!([["suspended"]]), false),
        (serde_json::json!([{ "name": "suspended" }]), false),
        (serde_json::json!(["clerk", 5]), false),
    ] {
        let (issuer, api) = Api::requiring(not(role("suspended")));
        let answer = api.token(issuer.token(AUDIENCE).claim("roles", roles.clone()).sign()).await;
        match without {
            true => answer.assert_admitted(),
            false => answer.assert_denied(None),
        }
        // Another way to the same end is not cut off by it.
        let (issuer, api) = Api::requiring(not(role("suspended")).or(scope("a")));
        let token = issuer.token(AUDIENCE).claim("roles", roles).scope("a");
        api.token(token.sign()).await.assert_admitted();
    }
}

#[tokio::test]
async fn a_path_to_roles_through_something_else_cannot_be_read_either() {
    // covers: POL-011, POL-012
    for (claim, without) in [
        (serde_json::json!({ "roles": ["clerk"] }), true),
        (serde_json::json!({}), true),
        (serde_json::json!(null), true),
        (serde_json::json!({ "roles": ["banned"] }), false),
        (serde_json::json!({ "roles": "banned" }), false),
        (serde_json::json!(["banned"]), false),
        (serde_json::json!("banned"), false),
        (serde_json::json!([{ "roles": ["banned"] }]), false),
    ] {
        let (issuer, server, _) = Api::trusting(|issuer| issuer.roles_at("/realm_access/roles"));
        let api = Api::new(server.build().unwrap().require(not(role("banned"))));
        let answer = api.token(issuer.token(AUDIENCE).claim("realm_access", claim).sign()).await;
        match without {
            true => answer.assert_admitted(),
            false => answer.assert_denied(None),
        }
    }
}

#[tokio::test]
async fn a_rule_for_users_refuses_tokens_of_clients_and_tokens_that_show_no_user() {
    // covers: JWT-027
    let (issuer, server, _) = Api::trusting(|issuer| issuer.profile(Profile::PlainJwt));
    let auth = server.build().unwrap();
    let (users, others) = (Api::new(auth.require(user())), Api::new(auth.require(not(user()))));
    let token = |claims: &[(&str, Option<&str>)]| {
        let start = issuer.token(AUDIENCE).without("client_id").without("sub");
        let add = |token: TokenBuilder, (name, value): &(&str, Option<&str>)| match value {
            Some(value) => token.claim(name, *value),
            None => token.claim(name, serde_json::Value::Null),
        };
        claims.iter().fold(start, add).sign()
    };
    for claims in [
        [("sub", Some("alice")), ("client_id", Some("app"))].as_slice(),
        &[("sub", Some("alice")), ("azp", Some("app"))],
        &[("sub", Some("app")), ("client_id", Some("backoffice")), ("azp", Some("app"))],
    ] {
        users.token(token(claims)).await.assert_admitted();
        others.token(token(claims)).await.assert_denied(None);
    }
    // The client itself: not a user, and that can be told.
    for claims in [
        [("sub", Some("app")), ("client_id", Some("app"))].as_slice(),
        &[("sub", Some("app")), ("azp", Some("app"))],
    ] {
        users.token(token(claims)).await.assert_denied(None);
        others.token(token(claims)).await.assert_admitted();
    }
    // Nothing shows who it is: neither a user nor "not a user".
    for claims in [
        [].as_slice(),
        &[("sub", Some("alice"))],
        &[("client_id", Some("app"))],
        &[("sub", None), ("client_id", Some("app"))],
    ] {
        users.token(token(claims)).await.assert_denied(None);
        others.token(token(claims)).await.assert_denied(None);
    }
    assert_eq!(user().to_string(), "a user");
}

#[test]
fn the_same_subject_of_two_issuers_is_two_identities() {
    // covers: POL-031
    let token = |issuer: &str| {
        let claims = format!(r#"{{"iss":"{issuer}","sub":"alice"}}"#);
        ValidatedToken::assertion(Claims::from_json(&claims).unwrap())
    };
    let (a, b, again) = (token("https://a.example"), token("https://b.example"), token("https://a.example"));
    assert_eq!(a.subject(), b.subject());
    assert_ne!(a.identity(), b.identity());
    assert_eq!(a.identity(), again.identity());
    let users = std::collections::HashSet::from([a.identity(), b.identity(), again.identity()]);
    assert_eq!(users.len(), 2);
    for claims in [r#"{"sub":"alice"}"#, r#"{"iss":"https://a.example"}"#] {
        assert_eq!(ValidatedToken::assertion(Claims::from_json(claims).unwrap()).identity(), None);
    }
    assert!(!format!("{:?}", a.identity()).contains("alice"));
}

#[tokio::test]
async fn a_policy_that_panics_admits_nothing() {
    // covers: POL-010
    #[derive(Debug)]
    struct Broken;

    impl Policy for Broken {
        fn decide(&self, _: &PolicyInput<'_>) -> Decision {
            panic!("a policy with a bug")
        }
    }

    let (issuer, api) = Api::requiring(Broken);
    let token = issuer.token(AUDIENCE).sign();
    let api = std::sync::Arc::new(api);
    let shared = std::sync::Arc::clone(&api);
    let answer = tokio::spawn(async move { shared.token(token).await }).await;
    assert!(answer.unwrap_err().is_panic());
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn the_reason_of_a_denial_is_kept_for_the_answer_and_its_observers() {
    // covers: POL-013
    let answer = decide(&scope("a").and(role("clerk")), "b", &["clerk"]).await;
    let rejection = answer.rejection.unwrap();
    let denial = rejection.denial().unwrap();
    assert_eq!(denial.to_string(), "required: scope `a` and role `clerk`; missing: scope `a`");
    assert_eq!(denial.needed_scopes().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn requirements_read_as_sentences() {
    for (requirement, text) in [
        (authenticated(), "a valid token"),
        (all_scopes(["a", "b"]), "all scopes of `a`, `b`"),
        (scope("a").and(scope("b")).and(scope("c")), "scope `a` and scope `b` and scope `c`"),
        (scope("a").or(scope("b").and(role("c"))), "scope `a` or (scope `b` and role `c`)"),
        (scope("a").or(scope("b")).and(role("c")), "(scope `a` or scope `b`) and role `c`"),
        (not(scope("a")), "not (scope `a`)"),
    ] {
        assert_eq!(requirement.to_string(), text);
    }
}

#[test]
fn literals_that_can_never_match_panic_where_they_are_written() {
    // covers: CHL-009, POL-003
    for make in [
        || scope(""),
        || scope("a b"),
        || scope("a\"b"),
        || scope("a\\b"),
        || scope("é"),
        || scope("a\r\n"),
        || all_scopes([]),
        || any_scope([]),
        || any_scope(["a", ""]),
        || role(""),
    ] {
        assert!(std::panic::catch_unwind(make).is_err());
    }
    assert!(Requirement::try_scope("a b").is_err());
    assert_eq!(Requirement::try_scope("a").unwrap().to_string(), "scope `a`");
}

#[tokio::test]
async fn a_policy_of_ones_own_sees_token_method_and_extensions() {
    #[derive(Debug)]
    struct OwnTenantMayWrite;

    #[derive(Clone)]
    struct Tenant(&'static str);

    impl Policy for OwnTenantMayWrite {
        fn decide(&self, input: &PolicyInput<'_>) -> Decision {
            let own = input.extensions().get::<Tenant>().map(|Tenant(name)| *name);
            let subject = input.token().and_then(|token| token.subject());
            assert_eq!(input.path(), "/orders/7");
            if input.method() == Method::GET || subject == own {
                Decision::Allow
            } else {
                Decision::Deny(Denial::because("another tenant"))
            }
        }
    }

    let (issuer, api) = Api::requiring(OwnTenantMayWrite);
    let token = format!("Bearer {}", issuer.token(AUDIENCE).subject("t1").sign());
    let request = |method, tenant| {
        let request = Request::builder().method(method).uri("/orders/7?x=y").header("authorization", &token);
        request.extension(Tenant(tenant)).body(()).unwrap()
    };
    api.send(request("GET", "t2")).await.assert_admitted();
    api.send(request("PUT", "t1")).await.assert_admitted();
    let answer = api.send(request("PUT", "t2")).await;
    answer.assert_denied(None);
    assert_eq!(answer.rejection.unwrap().to_string(), "another tenant");
    // Authentication comes first: a policy is never asked about a request without a token.
    api.send(Request::get("/").body(()).unwrap()).await.assert_unauthenticated();
}

#[tokio::test]
async fn what_cannot_be_told_never_admits_however_it_is_combined() {
    // covers: POL-011, POL-002
    for (requirement, scopes, admitted) in [
        (role("x").and(scope("a")), "a", false),
        (scope("a").and(role("x")), "a", false),
        (role("x").or(scope("a")), "a", true),
        (role("x").or(scope("a")), "b", false),
        (not(role("x").or(scope("a"))), "b", false),
        (not(scope("a").or(role("x"))), "b", false),
        // Whatever the role is, the whole is not met: that can be told.
        (not(role("x").and(scope("a"))), "b", true),
        (not(scope("a").and(role("x"))), "b", true),
        (not(role("x").or(scope("a"))), "a", false),
    ] {
        let (issuer, api) = Api::requiring(requirement.clone());
        let answer =
            api.token(issuer.token(AUDIENCE).scope(scopes).claim("roles", "unreadable").sign()).await;
        assert_eq!(answer.status.is_success(), admitted, "{requirement} with {scopes}");
        assert_eq!(answer.code(), if admitted { "admitted" } else { "denied" });
    }
}

#[test]
fn an_empty_name_is_neither_a_user_nor_a_client() {
    // covers: JWT-027
    let request = Request::get("/").body(()).unwrap();
    for (claims, allowed) in [
        (r#"{"sub":"alice","client_id":"app"}"#, true),
        (r#"{"sub":"","client_id":"app"}"#, false),
        (r#"{"sub":"alice","client_id":""}"#, false),
        (r#"{"sub":"svc","client_id":"","azp":"svc"}"#, false),
    ] {
        let token = ValidatedToken::assertion(Claims::from_json(claims).unwrap());
        let decision = user().decide(&PolicyInput::of(Some(&token), &request));
        assert_eq!(decision == Decision::Allow, allowed, "{claims}");
    }
}
