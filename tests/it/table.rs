//! Tables of rules.

use http::Request;
use portcullis::{
    Claims, ConfigError, Decision, Policy as _, PolicyInput, PolicyTable, Requirement, ValidatedToken,
    anyone, claim, role, scope,
};

fn token(claims: &str) -> ValidatedToken {
    ValidatedToken::assertion(Claims::from_json(claims).unwrap())
}

/// The name of the rule that denies a token without anything, or the reason.
fn rule_for(table: &PolicyTable, method: &str, path: &str) -> String {
    let request = Request::builder().method(method).uri(path).body(()).unwrap();
    let token = token("{}");
    let input = PolicyInput::of(Some(&token), &request);
    assert_eq!(table.explain(&input).decision(), &table.decide(&input));
    match table.decide(&input) {
        Decision::Allow => panic!("{method} {path} is allowed"),
        Decision::Deny(denial) => denial.rule().map_or_else(|| denial.to_string(), str::to_owned),
    }
}

fn codes(rules: &[(&str, Requirement)]) -> Vec<&'static str> {
    let mut builder = PolicyTable::builder();
    for (rule, requirement) in rules {
        builder = builder.rule(*rule, requirement.clone());
    }
    let error = builder.build().err();
    error.iter().flat_map(ConfigError::problems).map(portcullis::ConfigProblem::code).collect()
}

#[test]
fn the_most_specific_path_and_then_the_method_find_the_rule() {
    // covers: POL-001, POL-008, HH-017
    let rules = [
        "GET /orders",
        "POST /orders",
        "GET /orders/{id}",
        "PUT,PATCH /orders/{order}",
        "GET /orders/mine",
        "* /orders/{id}/{*rest}",
        "HEAD /orders/mine",
        "* /{*rest}",
        "GET /a/{x}/b",
        "GET /a/b/{y}",
        "GET /a/b/b",
        "POST /orders.v1.Orders/List",
        "POST /orders.v1.Orders/{method}",
    ];
    let builder = rules.iter().fold(PolicyTable::builder(), |table, rule| table.rule(*rule, scope("x")));
    let table = builder.build().unwrap();
    for (method, path, expected) in [
        ("GET", "/orders", "GET /orders"),
        ("HEAD", "/orders", "GET /orders"),
        ("POST", "/orders?x=/health", "POST /orders"),
        ("GET", "/orders/7", "GET /orders/{id}"),
        ("PATCH", "/orders/7", "PUT,PATCH /orders/{order}"),
        ("GET", "/orders/mine", "GET /orders/mine"),
        ("HEAD", "/orders/mine", "HEAD /orders/mine"),
        ("FOO", "/orders/7/lines", "* /orders/{id}/{*rest}"),
        ("OPTIONS", "/elsewhere", "* /{*rest}"),
        ("GET", "/Orders", "* /{*rest}"),
        ("GET", "/orders/", "* /{*rest}"),
        ("GET", "/a/1/b", "GET /a/{x}/b"),
        ("GET", "/a/b/2", "GET /a/b/{y}"),
        ("GET", "/a/b/b", "GET /a/b/b"),
        ("POST", "/orders.v1.Orders/List", "POST /orders.v1.Orders/List"),
        ("POST", "/orders.v1.Orders/Drop", "POST /orders.v1.Orders/{method}"),
        // No rule of a less specific path is asked.
        ("PUT", "/orders", "no rule for this path is for this method"),
        ("DELETE", "/orders/mine", "no rule for this path is for this method"),
        ("get", "/orders", "no rule for this path is for this method"),
        ("OPTIONS", "/orders", "no rule for this path is for this method"),
        ("GET", "/", "no rule is for this path"),
        ("GET", "//orders", "the path has an empty segment"),
        ("GET", "/orders/../admin", "the path has a dot segment"),
        ("GET", "/%6frders", "the path has an encoded letter, digit, hyphen, dot, underscore or tilde"),
    ] {
        assert_eq!(rule_for(&table, method, path), expected, "{method} {path}");
    }
}

#[test]
fn another_spelling_of_a_path_does_not_pass_its_rule_by() {
    // covers: POL-007
    let table = PolicyTable::builder()
        .rule("GET /users/{id}", scope("users"))
        .rule("GET /users/root@example.com", role("root"))
        .rule("GET /users/ren%C3%A9", role("root"))
        .build()
        .unwrap();
    let another = "the path is another spelling of one that has another rule";
    for (path, expected) in [
        ("/users/root@example.com", "GET /users/root@example.com"),
        ("/users/root%40example.com", another),
        ("/users/ren%C3%A9", "GET /users/ren%C3%A9"),
        ("/users/ren%c3%a9", another),
        ("/users/eve%40example.com", "GET /users/{id}"),
        ("/users/%c3%A9%25", "GET /users/{id}"),
    ] {
        assert_eq!(rule_for(&table, "GET", path), expected, "{path}");
    }
    for rule in ["GET /users/a%40b", "GET /ren%c3%a9", "GET /a%3b"] {
        assert_eq!(codes(&[(rule, scope("x"))]), ["invalid_rule"], "{rule}");
    }
}

#[test]
fn a_table_in_which_two_rules_could_be_meant_is_not_built() {
    let any = || scope("x");
    for (rules, expected) in [
        (vec!["GET /a", "GET /a"], vec!["duplicate_rule"]),
        (vec!["GET,POST /a", "POST /a"], vec!["duplicate_rule"]),
        (vec!["* /a/{x}", "* /a/{y}"], vec!["duplicate_rule"]),
        (vec!["GET /a/{x}", "GET /{y}/b"], vec!["ambiguous_rules"]),
        (vec!["GET /a/{*x}", "POST /{y}/b"], vec!["ambiguous_rules"]),
        (vec!["GET /a/{x}", "GET /{y}/b", "GET /a/b"], vec![]),
        (vec!["GET /a/{x}", "POST /a/{y}", "* /a/{z}/c"], vec![]),
        (vec!["GET /a/", "GET /a/{x}", "GET /a", "GET /a/{*rest}"], vec![]),
        (vec!["get /a"], vec!["invalid_rule"]),
        (vec!["GET"], vec!["invalid_rule"]),
        (vec!["GET  /a"], vec!["invalid_rule"]),
        (vec!["GET a"], vec!["invalid_rule"]),
        (vec!["GET, POST /a"], vec!["invalid_rule"]),
        (vec!["/a"], vec!["invalid_rule"]),
        (vec!["GET /a//b", "GET /a/./b", "GET /%61"], vec!["invalid_rule"; 3]),
        (vec!["GET /a/{x}y", "GET /{}", "GET /{x}/{x}", "GET /{*a}/b", "GET /a*"], vec!["invalid_rule"; 5]),
    ] {
        let rules: Vec<_> = rules.into_iter().map(|rule| (rule, any())).collect();
        assert_eq!(codes(&rules), expected, "{rules:?}");
    }
}

#[test]
fn a_claim_can_be_compared_with_a_part_of_the_path() {
    // covers: POL-030
    let own = || claim("tenant").equals_path_parameter("tenant");
    let table = PolicyTable::builder().rule("GET /tenants/{tenant}/orders/{id}", own()).build().unwrap();
    let allows = |claims: &str, path: &str| {
        let (request, token) = (Request::get(path).body(()).unwrap(), token(claims));
        table.decide(&PolicyInput::of(Some(&token), &request)) == Decision::Allow
    };
    assert!(allows(r#"{"tenant":"acme"}"#, "/tenants/acme/orders/1"));
    assert!(allows(r#"{"tenant":"a b"}"#, "/tenants/a%20b/orders/1"));
    for claims in
        [r#"{"tenant":"globex"}"#, r#"{"tenant":["acme"]}"#, r#"{"tenant":1}"#, "{}", r#"{"tenant":"1"}"#]
    {
        assert!(!allows(claims, "/tenants/acme/orders/1"), "{claims}");
    }
    assert_eq!(codes(&[("GET /tenants/{id}", own())]), ["unknown_path_parameter"]);
}

#[test]
fn a_table_takes_requests_without_a_token_where_a_rule_does() {
    let table =
        PolicyTable::builder().rule("GET /health", anyone()).rule("* /admin", role("admin")).build().unwrap();
    assert!(table.takes_anonymous());
    let decide = |path: &str| {
        let request = Request::get(path).body(()).unwrap();
        table.decide(&PolicyInput::of(None, &request))
    };
    assert_eq!(decide("/health"), Decision::Allow);
    assert!(matches!(decide("/admin"), Decision::Deny(_)));
    assert!(matches!(decide("/elsewhere"), Decision::Deny(_)));
    assert!(!PolicyTable::builder().build().unwrap().takes_anonymous());
}
