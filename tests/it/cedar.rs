//! Policies in the Cedar language: what they are told, what becomes of their answers, and what is no policy.

mod differential;

use std::time::Duration;

use http::{Method, Request};
use portcullis::testing::Flaw;
use portcullis::{
    CedarPolicy, CedarPolicyBuilder, Claims, ConfigProblem, Decision, Policy as _, PolicyInput,
    ValidatedToken,
};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Api};

/// A token of `claims`, with issuer and subject where they name none.
fn token(claims: &Value) -> ValidatedToken {
    let mut all = json!({"iss": "https://id.example.com", "sub": "alice"});
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    ValidatedToken::assertion(Claims::from_json(all.to_string()).unwrap())
}

fn decide_for(policy: &CedarPolicy, token: Option<&ValidatedToken>, method: Method, path: &str) -> Decision {
    let request = Request::builder().method(method).uri(path).body(()).unwrap();
    let input = PolicyInput::of(token, &request).at(Duration::from_secs(crate::support::NOW));
    let decision = policy.decide(&input);
    assert_eq!(policy.explain(&input).decision(), &decision);
    decision
}

/// Whether `policies` let `GET /orders` in.
fn admits(policies: &str, claims: &Value) -> bool {
    reason(&CedarPolicy::builder(policies).build().unwrap(), claims).is_none()
}

fn reason(policy: &CedarPolicy, claims: &Value) -> Option<String> {
    match decide_for(policy, Some(&token(claims)), Method::GET, "/orders") {
        Decision::Allow => None,
        Decision::Deny(denial) => Some(denial.to_string()),
    }
}

fn codes(builder: CedarPolicyBuilder) -> Vec<&'static str> {
    builder.build().unwrap_err().problems().iter().map(ConfigProblem::code).collect()
}

/// Whether `when`, of a permission for everybody, holds.
fn holds(when: &str, claims: &Value) -> bool {
    admits(&format!("permit (principal, action, resource) when {{ {when} }};"), claims)
}

#[tokio::test]
async fn what_no_policy_permits_is_denied_and_names_no_scope() {
    // covers: POL-001
    let policies = r#"permit (principal in Scope::"orders:read", action == Action::"GET", resource);"#;
    let (issuer, api) = Api::requiring(CedarPolicy::builder(policies).build().unwrap());
    api.token(issuer.token(AUDIENCE).scope("a orders:read").sign()).await.assert_admitted();
    api.token(issuer.token(AUDIENCE).scope("orders:read2").sign()).await.assert_denied(None);
    api.token(issuer.token(AUDIENCE).scope("orders:read").flaw(Flaw::Expired).sign())
        .await
        .assert_invalid("expired");
    api.send(Request::new(())).await.assert_unauthenticated();
}

#[test]
fn roles_and_scopes_are_what_the_principal_is_in() {
    let role = r#"permit (principal in Role::"clerk", action, resource);"#;
    assert!(admits(role, &json!({"roles": ["clerk"]})));
    assert!(admits(role, &json!({"roles": ["a", {"value": "clerk"}]})));
    for roles in [json!([]), json!(["Clerk"]), json!(["clerks"]), Value::Null] {
        assert!(!admits(role, &json!({"roles": roles, "scope": "clerk"})), "{roles}");
    }
    let scope = r#"permit (principal in Scope::"a", action, resource);"#;
    assert!(admits(scope, &json!({"scope": "b a"})));
    assert!(!admits(scope, &json!({"scope": "b", "roles": ["a"]})));
}

#[test]
fn equal_subjects_of_two_issuers_are_two_principals() {
    // covers: POL-031
    let alice = r#"permit (principal == Subject::"https://a.example#alice", action, resource);"#;
    assert!(admits(alice, &json!({"iss": "https://a.example", "sub": "alice"})));
    for (issuer, subject) in [
        ("https://b.example", "alice"),
        ("https://a.example", "bob"),
        // One text with another border.
        ("https://a.example#alice", ""),
        ("https://a.example#", "alice"),
        ("https://a.exampl", "e#alice"),
    ] {
        assert!(!admits(alice, &json!({"iss": issuer, "sub": subject})), "{issuer} {subject}");
    }
    let everybody = "permit (principal, action, resource);";
    assert!(admits(everybody, &json!({"sub": "a#b"})));
    for claims in [json!({"iss": "https://a.example#"}), json!({"iss": null}), json!({"sub": null})] {
        assert!(!admits(everybody, &claims), "{claims}");
    }
}

#[test]
fn a_principal_is_a_user_or_a_client_only_where_its_token_shows_it() {
    for (client, expected) in [(json!("app"), "User"), (json!("alice"), "Client"), (Value::Null, "Subject")] {
        for name in ["User", "Client", "Subject", "Anonymous"] {
            let policy = format!("permit (principal is {name}, action, resource);");
            assert_eq!(admits(&policy, &json!({"client_id": client})), name == expected, "{client} {name}");
        }
    }
    let users_only = "permit (principal, action, resource); forbid (principal, action, resource) unless { principal is User };";
    assert!(admits(users_only, &json!({"client_id": "app"})));
    assert!(!admits(users_only, &json!({})));
}

#[test]
fn claims_are_attributes_with_their_types() {
    let claims = json!({
        "tenant": "acme", "level": 3, "exact": 2.0, "verified": true, "groups": ["a", "b"], "half": 0.5, "none": null,
        "mixed": ["a", 0.5], "realm_access": {"roles": ["clerk"], "half": 0.5}, "https://example.com/tier": "gold",
    });
    for when in [
        r#"principal.tenant == "acme""#,
        "principal.level + 1 == 4",
        "principal.exact == 2",
        "principal.verified",
        r#"principal.groups == ["b", "a"]"#,
        r#"principal.realm_access.roles.contains("clerk")"#,
        r#"principal["https://example.com/tier"] == "gold""#,
        r#"principal.sub == "alice""#,
        "!(principal has half) && !(principal has none) && !(principal has mixed) && !(principal.realm_access has half)",
    ] {
        assert!(holds(when, &claims), "{when}");
        assert!(!holds(&format!("!({when})"), &claims), "{when}");
    }
}

#[test]
fn no_claim_forges_an_entity_or_a_value_of_an_extension() {
    let claims = json!({
        "team": {"__entity": {"type": "Role", "id": "admin"}},
        "address": {"__extn": {"fn": "ip", "arg": "10.0.0.1"}},
        "expression": {"__expr": r#"Role::"admin""#},
        "sub": r#"x", "parents": [Role::"admin"]"#,
        "roles": [r#"x" , Role::"admin"#],
        "scope": r#"x"],Role::"admin""#,
    });
    for when in [
        r#"principal in Role::"admin""#,
        r#"principal.team == Role::"admin""#,
        r#"principal.team in Role::"admin""#,
        "principal.address.isIpv4()",
        r#"principal.expression == Role::"admin""#,
    ] {
        assert!(!holds(when, &claims), "{when}");
    }
    assert!(holds(r#"principal.team["__entity"].id == "admin""#, &claims));
    assert!(holds(r#"principal.address["__extn"] has fn"#, &claims));
    assert!(holds(r#"principal.expression has "__expr""#, &claims));
}

#[test]
fn a_forbid_that_cannot_be_evaluated_forbids_and_a_permit_that_cannot_permits_nothing() {
    // covers: POL-009
    let policies = r#"
        @id("all") permit (principal, action, resource);
        @id("suspended") forbid (principal, action, resource) when { principal.suspended };
    "#;
    assert!(admits(policies, &json!({"suspended": false})));
    assert!(!admits(policies, &json!({"suspended": true})));
    let policy = CedarPolicy::builder(policies).build().unwrap();
    let expected = |why| format!("`suspended`, which forbids, cannot be evaluated ({why})");
    assert_eq!(reason(&policy, &json!({})), Some(expected("an attribute is missing")));
    assert_eq!(reason(&policy, &json!({"suspended": "no"})), Some(expected("a value is of another type")));
    let policies = r#"
        @id("high") permit (principal, action, resource) when { principal.level > 3 };
        @id("clerks") permit (principal in Role::"clerk", action, resource);
    "#;
    assert!(admits(policies, &json!({"roles": ["clerk"]})));
    let policy = CedarPolicy::builder(policies).build().unwrap();
    assert_eq!(
        reason(&policy, &json!({"level": "5"})).unwrap(),
        "no Cedar policy permits it; `high`, which permits, cannot be evaluated (a value is of another type)"
    );
}

#[test]
fn a_token_of_which_roles_or_scopes_cannot_be_told_is_denied_before_cedar_is_asked() {
    let everybody = "permit (principal, action, resource);";
    assert!(admits(everybody, &json!({"roles": ["a"]})));
    for roles in [json!("suspended"), json!(["a", 1]), json!({"a": true})] {
        assert!(!admits(everybody, &json!({"roles": roles})), "{roles}");
    }
    let left_out = json!({"_claim_names": {"roles": "src1", "scope": "src1"}});
    assert!(!admits(everybody, &left_out));
    let names = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    assert!(admits(everybody, &json!({"roles": names(600), "scope": names(400).join(" ")})));
    assert!(!admits(everybody, &json!({"roles": names(600), "scope": names(401).join(" ")})));
}

#[test]
fn reasons_and_explanations_name_policies_and_nothing_of_the_token() {
    // covers: POL-013
    let policies = r#"
        permit (principal, action, resource);
        @id("sum") forbid (principal, action, resource) when { principal.level + 9223372036854775807 > 0 };
        @id("no-such") forbid (principal, action, resource) when { principal.absent == "x" };
        @id("tenant") forbid (principal, action, resource) unless { principal.tenant == "acme" };
        @id("high") permit (principal, action, resource) when { principal.tenant > 3 };
    "#;
    let policy = CedarPolicy::builder(policies).build().unwrap();
    let token =
        token(&json!({"sub": "private", "tenant": "private", "level": 271_828, "roles": ["private"]}));
    let request = Request::get("/private").body(()).unwrap();
    let explanation = policy.explain(&PolicyInput::of(Some(&token), &request));
    assert_eq!(
        explanation.to_string(),
        "denied: forbidden by Cedar policy `tenant`; `high`, which permits, cannot be evaluated (a value is of another type); \
         `no-such`, which forbids, cannot be evaluated (an attribute is missing); `sum`, which forbids, cannot be evaluated \
         (a number is too large)\n\
         - forbid policy `tenant`: applies\n\
         - permit policy `high`: cannot be told (a value is of another type)\n\
         - forbid policy `no-such`: cannot be told (an attribute is missing)\n\
         - forbid policy `sum`: cannot be told (a number is too large)\n"
    );
    let permitted = CedarPolicy::builder("permit (principal, action, resource);").build().unwrap();
    let explanation = permitted.explain(&PolicyInput::of(Some(&token), &request));
    assert_eq!(explanation.to_string(), "allowed\n- permit policy `policy0`: applies\n");
    let debug = format!("{policy:?} {:?}", CedarPolicy::builder(policies));
    assert_eq!(debug, "CedarPolicy { takes_anonymous: false, .. } CedarPolicyBuilder { .. }");
}

#[tokio::test]
async fn requests_without_a_token_are_put_to_the_policies_only_where_the_builder_says_so() {
    let policies =
        r#"permit (principal == Anonymous::"anonymous", action, resource) when { context.anonymous };"#;
    let (issuer, api) = Api::requiring(CedarPolicy::builder(policies).build().unwrap());
    api.send(Request::new(())).await.assert_unauthenticated();
    let taking = |policies: &str| CedarPolicy::builder(policies).takes_anonymous().build().unwrap();
    let (own, api) = Api::requiring(taking(policies));
    api.send(Request::new(())).await.assert_anonymous();
    api.token(own.token(AUDIENCE).sign()).await.assert_denied(None);
    api.token(own.token(AUDIENCE).flaw(Flaw::Expired).sign()).await.assert_invalid("expired");
    let (_, api) = Api::requiring(taking(r#"permit (principal in Role::"a", action, resource);"#));
    api.send(Request::new(())).await.assert_unauthenticated();
    drop(issuer);
    // Asked in spite of its word, it denies.
    let policy = CedarPolicy::builder("permit (principal, action, resource);").build().unwrap();
    assert!(matches!(decide_for(&policy, None, Method::GET, "/"), Decision::Deny(_)));
}

#[test]
fn action_and_resource_are_method_and_path_or_what_the_program_makes_of_the_request() {
    let get = r#"permit (principal, action == Action::"GET", resource == Endpoint::"/orders/7");"#;
    let policy = CedarPolicy::builder(get).build().unwrap();
    let decide = |policy: &CedarPolicy, method, path| {
        decide_for(policy, Some(&token(&json!({}))), method, path) == Decision::Allow
    };
    assert!(decide(&policy, Method::GET, "/orders/7"));
    assert!(!decide(&policy, Method::HEAD, "/orders/7"));
    assert!(!decide(&policy, Method::GET, "/orders/%37"));
    // Or a `forbid` for `/orders/7` would be passed by.
    let broad = CedarPolicy::builder("permit (principal, action, resource);").build().unwrap();
    assert!(decide(&broad, Method::GET, "/orders/7") && !decide(&broad, Method::GET, "/orders/%37"));
    let named = r#"permit (principal, action == Action::"read", resource == Order::"7");"#;
    let policy = CedarPolicy::builder(named)
        .action(|input| (input.method() == Method::GET).then(|| "read".to_owned()))
        .resource("Order", |input| input.path().strip_prefix("/orders/").map(str::to_owned))
        .build()
        .unwrap();
    assert!(decide(&policy, Method::GET, "/orders/7"));
    assert!(!decide(&policy, Method::GET, "/orders/8"));
    let all = CedarPolicy::builder("permit (principal, action, resource);");
    let policy = all.action(|_| None).build().unwrap();
    assert_eq!(reason(&policy, &json!({})).unwrap(), "the request has no name for its action");
    let all = CedarPolicy::builder("permit (principal, action, resource);");
    let policy = all.resource("Order", |_| None).build().unwrap();
    assert_eq!(reason(&policy, &json!({})).unwrap(), "the request has no name for its resource");
}

#[test]
fn the_context_has_the_facts_of_the_request() {
    let claims = json!({"client_id": "app", "scope": "b a"});
    for when in [
        r#"context.method == "GET" && context.path == "/orders" && !context.anonymous"#,
        "context.time == 1767225600",
        r#"context.issuer == "https://id.example.com" && context.client_id == "app""#,
        r#"context.scopes == ["a", "b"]"#,
    ] {
        assert!(holds(when, &claims), "{when}");
        assert!(!holds(&format!("!({when})"), &claims), "{when}");
    }
    assert!(holds("!(context has client_id)", &json!({})));
}

#[test]
fn a_namespace_is_that_of_every_type() {
    let policies = r#"permit (principal is Shop::Subject in Shop::Role::"clerk", action == Shop::Action::"GET", resource is Shop::Endpoint);"#;
    let policy = CedarPolicy::builder(policies).namespace("Shop").build().unwrap();
    assert_eq!(reason(&policy, &json!({"roles": ["clerk"]})), None);
    assert!(reason(&policy, &json!({})).is_some());
    let policy = CedarPolicy::builder(policies).build().unwrap();
    assert!(reason(&policy, &json!({"roles": ["clerk"]})).is_some());
}

#[test]
fn entities_say_which_role_includes_which_and_what_resources_are() {
    let policies = r#"permit (principal in Role::"clerk", action, resource in Area::"public") unless { resource.closed };"#;
    let role = |id: &str, parent: &str| json!({"uid": {"type": "Role", "id": id}, "attrs": {}, "parents": [{"type": "Role", "id": parent}]});
    let endpoint = json!({
        "uid": {"type": "Endpoint", "id": "/orders"}, "attrs": {"closed": false}, "parents": [{"type": "Area", "id": "public"}],
    });
    let entities = json!([role("owner", "admin"), role("admin", "clerk"), endpoint]);
    let policy = CedarPolicy::builder(policies).entities(entities.to_string()).build().unwrap();
    for (held, admitted) in [("clerk", true), ("admin", true), ("owner", true), ("guest", false)] {
        assert_eq!(reason(&policy, &json!({"roles": [held]})).is_none(), admitted, "{held}");
    }
    let elsewhere = decide_for(&policy, Some(&token(&json!({"roles": ["owner"]}))), Method::GET, "/accounts");
    assert!(matches!(elsewhere, Decision::Deny(_)));
}

const SCHEMA: &str = r#"
    type Access = { roles: Set<String> };
    entity Role, Scope, Endpoint;
    entity User in [Role] { tenant: String, level?: Long, realm_access?: Access };
    action GET appliesTo { principal: User, resource: Endpoint, context: { path: String } };
"#;

const VALID: &str = r#"
    permit (principal in Role::"clerk", action == Action::"GET", resource)
    when { principal.tenant == "acme" && context.path == "/orders" };
"#;

#[test]
fn with_a_schema_what_it_declares_is_told_and_what_does_not_fit_it_is_denied() {
    let policy = CedarPolicy::builder(VALID).schema(SCHEMA).build().unwrap();
    let clerk = |claims: Value| {
        let mut all = json!({"client_id": "app", "roles": ["clerk"], "scope": "a", "tenant": "acme", "other": {"x": 1}});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        reason(&policy, &all)
    };
    assert_eq!(clerk(json!({})), None);
    assert_eq!(clerk(json!({"level": 3, "realm_access": {"roles": ["x"], "more": 1}})), None);
    assert_eq!(clerk(json!({"tenant": "globex"})).unwrap(), "no Cedar policy permits it");
    let unfit = Some("the claims of the token do not fit the schema".to_owned());
    for claims in [
        json!({"tenant": null}),
        json!({"tenant": 5}),
        json!({"level": "3"}),
        json!({"realm_access": []}),
        json!({"realm_access": {"roles": ["x", 1]}}),
        json!({"realm_access": {"more": 1}}),
    ] {
        assert_eq!(clerk(claims.clone()), unfit, "{claims}");
    }
    // Neither `Client` nor `POST` is in the schema.
    assert!(clerk(json!({"client_id": "alice"})).unwrap().starts_with("principal, resource or context"));
    let post = decide_for(&policy, Some(&token(&json!({"client_id": "app"}))), Method::POST, "/orders");
    assert!(
        matches!(post, Decision::Deny(denial) if denial.to_string() == "the schema has no action of this name")
    );
}

#[test]
fn a_claim_that_cannot_be_told_is_not_one_that_the_token_does_not_have() {
    // covers: POL-009
    let schema = "
        entity Endpoint;
        entity Subject { level?: Long, groups?: Set<String> };
        action GET appliesTo { principal: Subject, resource: Endpoint };
    ";
    let policies = r#"
        permit (principal, action, resource);
        forbid (principal, action, resource) when { principal has level && principal.level < 3 };
        forbid (principal, action, resource) when { principal has groups && principal.groups.contains("barred") };
    "#;
    let policy = CedarPolicy::builder(policies).schema(schema).build().unwrap();
    for claims in [json!({}), json!({"level": null, "groups": ["a"]}), json!({"other": 1.5})] {
        assert_eq!(reason(&policy, &claims), None, "{claims}");
    }
    for claims in [
        json!({"level": 2.5}),
        json!({"groups": ["barred", null]}),
        json!({"_claim_names": {"groups": "src1"}}),
    ] {
        assert_eq!(reason(&policy, &claims).unwrap(), "a claim of the token cannot be told", "{claims}");
    }
    assert_eq!(reason(&policy, &json!({"_claim_names": {"other": "src1"}})), None);
    // Without a schema there is a place for every claim.
    assert!(!admits(policies, &json!({"_claim_names": {"groups": "src1"}})));
}

#[test]
fn a_policy_set_that_does_not_parse_is_no_policy() {
    let build = CedarPolicy::builder;
    assert!(build("permit (principal, action, resource);").build().is_ok());
    assert_eq!(codes(build("permit (principal, action, resource)")), ["invalid_cedar_policy"]);
    assert_eq!(codes(build(" // nothing")), ["no_cedar_policy"]);
    let error = build("\n\npermit (principle, action, resource);").build().unwrap_err();
    assert!(error.to_string().starts_with("line 3: "), "{error}");
    let template =
        "permit (principal == ?principal, action, resource); forbid (principal, action, resource);";
    assert_eq!(codes(build(template)), ["invalid_cedar_policy"]);
    let twice =
        r#"@id("a") permit (principal, action, resource); @id("a") forbid (principal, action, resource);"#;
    assert_eq!(codes(build(twice)), ["invalid_cedar_policy"]);
    let clash =
        r#"@id("policy1") permit (principal, action, resource); forbid (principal, action, resource);"#;
    assert_eq!(codes(build(clash)), ["invalid_cedar_policy"]);
    // Each mistake is listed.
    let two = "permit (principal, action, resource) when { foo(1) }; permit (principal, action, resource) when { bar(1) };";
    assert_eq!(codes(build(two)).len(), 2);
    assert_eq!(
        codes(build(twice).namespace("a b").entities("{")),
        [
            "invalid_cedar_policy",
            "invalid_cedar_type",
            "invalid_cedar_type",
            "invalid_cedar_type",
            "invalid_cedar_type",
            "invalid_cedar_entities",
        ]
    );
    let types = build("permit (principal, action, resource);").resource("No Type", |_| None);
    assert_eq!(codes(types), ["invalid_cedar_type"]);
}

#[test]
fn a_schema_that_is_wrong_or_that_policies_or_requests_do_not_fit_is_refused() {
    let with = |policies: &str, schema: &str| codes(CedarPolicy::builder(policies).schema(schema));
    assert!(CedarPolicy::builder(VALID).schema(SCHEMA).build().is_ok());
    assert_eq!(with(VALID, "entity"), ["invalid_cedar_schema"]);
    assert_eq!(with(VALID, "entity User in [Nobody];"), ["invalid_cedar_schema"]);
    for (correct, mistake) in [
        ("principal.tenant", "principal.tenent"),
        // Only of some tokens, so a policy has to look first.
        (r#"principal.tenant == "acme""#, "principal.level == 1"),
        (r#"Role::"clerk""#, r#"Rolle::"clerk""#),
        (r#"Action::"GET""#, r#"Action::"PUT""#),
        // No user is in a scope, so this can never apply.
        (r#"principal in Role::"clerk""#, r#"principal in Scope::"clerk""#),
    ] {
        let mistaken = with(&VALID.replace(correct, mistake), SCHEMA);
        assert!(
            !mistaken.is_empty() && mistaken.iter().all(|code| *code == "cedar_schema_mismatch"),
            "{mistake}"
        );
    }
    let mismatch = ["cedar_schema_mismatch"];
    let all = "permit (principal, action, resource);";
    assert_eq!(with(all, &SCHEMA.replace("path: String", "path: String, ip: String")), mismatch);
    assert_eq!(with(all, &SCHEMA.replace("User", "Person")), mismatch);
    assert_eq!(with(all, &SCHEMA.replace("Endpoint", "Thing")), mismatch);
    let anonymous = CedarPolicy::builder(all).schema(SCHEMA).takes_anonymous();
    assert_eq!(codes(anonymous), mismatch);
}

#[test]
fn entities_that_are_wrong_or_that_tokens_make_are_refused() {
    let with = |entities: String| codes(CedarPolicy::builder(VALID).entities(entities));
    let entity = |name: &str, id: usize| json!({"uid": {"type": name, "id": id.to_string()}, "attrs": {}, "parents": []});
    let many = |count| json!((0..count).map(|id| entity("Role", id)).collect::<Vec<_>>()).to_string();
    assert!(CedarPolicy::builder(VALID).entities(many(1_000)).build().is_ok());
    let invalid = ["invalid_cedar_entities"];
    assert_eq!(with(many(1_001)), invalid);
    assert_eq!(with("[".to_owned()), invalid);
    let differing = json!({"uid": {"type": "Role", "id": "0"}, "attrs": {"a": 1}, "parents": []});
    assert_eq!(with(json!([entity("Role", 0), differing]).to_string()), invalid);
    let circle = |id: &str, parent: &str| json!({"uid": {"type": "Role", "id": id}, "attrs": {}, "parents": [{"type": "Role", "id": parent}]});
    assert_eq!(with(json!([circle("a", "b"), circle("b", "a")]).to_string()), invalid);
    for name in ["User", "Client", "Subject", "Anonymous"] {
        assert_eq!(with(json!([entity(name, 0)]).to_string()), invalid, "{name}");
    }
    let unfit = CedarPolicy::builder(VALID).schema(SCHEMA).entities(json!([entity("Group", 0)]).to_string());
    assert_eq!(codes(unfit), invalid);
}
