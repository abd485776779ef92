//! One table of requirements, once in our words and once in Cedar's, over thousands of tokens and requests. Where the two
//! disagree, a named class explains why.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, Request};
use portcullis::{
    CedarPolicy, Claims, Decision, Policy, PolicyInput, Requirement, ValidatedToken, Vocabulary, acr, all_of,
    all_scopes, amr, any_of, any_scope, authenticated, claim, client, issuer, max_age, not, predicate, role,
    scope, subject, user,
};
use serde_json::{Map, Value, json};

use crate::support::{NOW, Random};

/// Each is tried with every requirement, twice: thousands of cases, and enough for every class below to be met.
const TOKENS: usize = 300;

const ISSUERS: [&str; 2] = ["https://a.example", "https://b.example"];

/// Which role includes which, for Cedar.
const ENTITIES: &str = r#"[{"uid": {"type": "Role", "id": "admin"}, "attrs": {}, "parents": [{"type": "Role", "id": "clerk"}]}]"#;

/// A requirement, and Cedar's condition for it.
fn pairs() -> Vec<(Requirement, &'static str)> {
    let is_get = || predicate("GET", |input| input.method() == Method::GET);
    let at_orders = || predicate("orders", |input| input.path() == "/orders");
    vec![
        (authenticated(), "true"),
        (scope("a"), r#"principal in Scope::"a""#),
        (all_scopes(["a", "b"]), r#"principal in Scope::"a" && principal in Scope::"b""#),
        (any_scope(["a", "b"]), r#"principal in [Scope::"a", Scope::"b"]"#),
        (not(scope("a")), r#"!(principal in Scope::"a")"#),
        (role("clerk"), r#"principal in Role::"clerk""#),
        (role("admin"), r#"principal in Role::"admin""#),
        (not(role("clerk")), r#"!(principal in Role::"clerk")"#),
        (user(), "principal is User"),
        (not(user()), "principal is Client"),
        (client("app"), r#"context has client_id && context.client_id == "app""#),
        (issuer(ISSUERS[0]), r#"context.issuer == "https://a.example""#),
        (
            subject(ISSUERS[0], "alice"),
            r#"[User::"https://a.example#alice", Client::"https://a.example#alice", Subject::"https://a.example#alice"]
                .contains(principal)"#,
        ),
        (claim("tenant").equals("acme"), r#"principal has tenant && principal.tenant == "acme""#),
        (not(claim("tenant").equals("acme")), r#"!(principal has tenant && principal.tenant == "acme")"#),
        (claim("tenant").exists(), "principal has tenant"),
        (claim("level").equals(3), "principal has level && principal.level == 3"),
        (claim("level").is_any_of([3, 4]), "principal has level && [3, 4].contains(principal.level)"),
        (claim("verified").equals(true), "principal has verified && principal.verified == true"),
        (claim("groups").contains("staff"), r#"principal has groups && principal.groups.contains("staff")"#),
        (
            not(claim("groups").contains("staff")),
            r#"!(principal has groups && principal.groups.contains("staff"))"#,
        ),
        (
            claim("/access/roles").contains("staff"),
            r#"principal has access.roles && principal.access.roles.contains("staff")"#,
        ),
        (acr("gold"), r#"principal has acr && principal.acr == "gold""#),
        (amr("otp"), r#"principal has amr && principal.amr.contains("otp")"#),
        (
            max_age(Duration::from_secs(300)),
            "principal has auth_time && context.time <= principal.auth_time + 330 && principal.auth_time <= context.time + 30",
        ),
        (is_get(), r#"action == Action::"GET""#),
        (at_orders(), r#"resource == Endpoint::"/orders""#),
        (
            any_of([all_of([is_get(), scope("a")]), all_of([not(role("clerk")), user()])]),
            r#"(action == Action::"GET" && principal in Scope::"a") || (!(principal in Role::"clerk") && principal is User)"#,
        ),
        (
            all_of([at_orders(), any_of([claim("tenant").equals("acme"), role("admin")])]),
            r#"resource == Endpoint::"/orders"
                && ((principal has tenant && principal.tenant == "acme") || principal in Role::"admin")"#,
        ),
    ]
}

/// Claims that are absent, as they should be, or of another shape.
fn claims(random: &mut Random) -> Value {
    let mut claims = Map::new();
    let mut choose = |name: &str, choices: &[Value]| {
        let value = random.pick(choices).clone();
        if value != json!("absent") {
            claims.insert(name.to_owned(), value);
        }
    };
    let absent = || json!("absent");
    let [first, second] = ISSUERS.map(|issuer| json!(issuer));
    choose("iss", &[first.clone(), first.clone(), first, second.clone(), second, absent()]);
    let names = ["alice", "alice", "alice", "bob", "app"].map(|name| json!(name));
    choose("sub", &[&names[..], &[absent()]].concat());
    choose("client_id", &[json!("app"), json!("app"), json!("alice"), json!("other"), absent()]);
    choose("scope", &["a", "b", "a b", " b  a ", "c", "", "absent"].map(|scopes| json!(scopes)));
    let lists =
        [json!(["clerk"]), json!(["admin", "x"]), json!([]), json!(["x", {"value": "clerk"}]), absent()];
    choose("roles", &[&lists[..], &lists[..], &[json!("clerk"), json!(["x", 1]), Value::Null]].concat());
    choose(
        "tenant",
        &[
            json!("acme"),
            json!("acme"),
            json!("globex"),
            json!(5),
            json!(1.5),
            json!(["acme"]),
            json!({"id": "acme"}),
            Value::Null,
            absent(),
        ],
    );
    choose("level", &[json!(3), json!(3.0), json!(4), json!(3.5), json!("3"), json!(-3), absent()]);
    choose("verified", &[json!(true), json!(false), json!("true"), json!(1), absent()]);
    let groups = [
        json!(["staff"]),
        json!(["a", "staff"]),
        json!(["a"]),
        json!(["staff", null]),
        json!(["a", 1.5]),
        json!(["a", 1]),
        json!([{"value": "staff"}]),
        json!("staff"),
        json!({"staff": true}),
        absent(),
    ];
    choose("groups", &groups);
    let access: Vec<_> = groups.iter().map(|roles| json!({"roles": roles})).collect();
    choose("access", &[&access[..], &[json!("staff"), json!({}), absent()]].concat());
    choose("acr", &[json!("gold"), json!("silver"), json!(1), json!(["gold"]), absent()]);
    choose("amr", &[json!(["otp", "pwd"]), json!(["pwd"]), json!("otp"), json!(["otp", null]), absent()]);
    let times =
        [-10_000_i64, -331, -330, -329, -30, 0, 29, 30, 31, 10_000].map(|offset| json!(NOW as i64 + offset));
    choose("auth_time", &[&times[..], &[json!(NOW as f64 - 0.5), json!("now"), absent()]].concat());
    Value::Object(claims)
}

/// Why the two disagree about a token: its name, and which tokens are of it.
type Class = (&'static str, fn(&Value) -> bool);

/// What Cedar denies and our words admit. The first that fits is the explanation.
const STRICTER: [Class; 5] = [
    ("no issuer or no subject, so no principal", |claims| claims["iss"].is_null() || claims["sub"].is_null()),
    ("a claim for roles that is no list of names, whatever is asked", |claims| {
        !is_list_of_names(&claims["roles"])
    }),
    ("an array with something in it that Cedar has no value for", |claims| {
        ["groups", "amr"].iter().any(|name| is_left_out(&claims[name]))
            || is_left_out(&claims["access"]["roles"])
    }),
    ("a number that Cedar has no value for", |claims| {
        ["tenant", "level", "auth_time"].iter().any(|name| is_left_out(&claims[name]))
    }),
    ("an object whose `value` is the name", |claims| {
        [&claims["groups"], &claims["access"]["roles"]].iter().any(|list| list[0]["value"].is_string())
    }),
];

/// What our words deny and Cedar admits, each below a `not`.
const LOOSER: [Class; 2] = [
    ("a claim that is left out, which is not there", |claims| {
        is_left_out(&claims["tenant"]) || is_left_out(&claims["groups"])
    }),
    ("a claim of another shape, which is not equal to what is asked for", |claims| {
        !claims["tenant"].is_null() && !claims["tenant"].is_string() || !is_names(&claims["groups"])
    }),
];

/// Whether it is a number, or an array, that becomes no attribute.
fn is_left_out(value: &Value) -> bool {
    let is_fraction = |value: &Value| value.is_f64() && value.as_f64().unwrap().fract() != 0.0;
    is_fraction(value)
        || value.as_array().is_some_and(|all| all.iter().any(|one| one.is_null() || is_fraction(one)))
}

fn is_names(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(|all| all.iter().all(Value::is_string))
}

fn is_list_of_names(value: &Value) -> bool {
    let named = |entry: &Value| entry.is_string() || entry["value"].is_string();
    value.is_null() || value.as_array().is_some_and(|all| all.iter().all(named))
}

fn admits(policy: &dyn Policy, input: &PolicyInput<'_>) -> bool {
    policy.decide(input) == Decision::Allow
}

#[test]
fn requirements_decide_alike_in_both_languages_but_for_named_differences() {
    // covers: POL-002, POL-004, POL-011, POL-031
    let vocabulary = Vocabulary::builder().role_includes("admin", ["clerk"]).build().unwrap();
    let build = |policies: &str| CedarPolicy::builder(policies).entities(ENTITIES).build().unwrap();
    let table: Vec<_> = pairs()
        .into_iter()
        .map(|(requirement, when)| {
            let permit = build(&format!("permit (principal, action, resource) when {{ {when} }};"));
            let forbid = build(&format!(
                "permit (principal, action, resource); forbid (principal, action, resource) unless {{ {when} }};"
            ));
            (vocabulary.apply(requirement).unwrap(), permit, forbid)
        })
        .collect();
    let mut random = Random::new(31);
    let (mut seen, mut admitted) = (BTreeMap::<&str, usize>::new(), vec![0; table.len()]);
    for _ in 0..TOKENS {
        let claims = claims(&mut random);
        let token = ValidatedToken::assertion(Claims::from_json(claims.to_string()).unwrap());
        let method = random.pick(&[Method::GET, Method::POST, Method::HEAD]).clone();
        let path = *random.pick(&["/orders", "/orders/7", "/Orders"]);
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        let input = PolicyInput::of(Some(&token), &request).at(Duration::from_secs(NOW));
        for (at, (requirement, permit, forbid)) in table.iter().enumerate() {
            let ours = admits(requirement, &input);
            let theirs = admits(permit, &input);
            // What cannot be evaluated admits nothing, from either side.
            assert_eq!(admits(forbid, &input), theirs, "{requirement} / {claims}");
            admitted[at] += usize::from(ours && theirs);
            let classes: &[Class] = match (ours, theirs) {
                (true, false) => &STRICTER,
                (false, true) => &LOOSER,
                _ => continue,
            };
            let class = classes.iter().find(|(_, fits)| fits(&claims));
            let (name, _) = class.unwrap_or_else(|| panic!("{requirement}: {ours} {theirs} / {claims}"));
            let is_negated = requirement.to_string().contains("not");
            assert!(ours || is_negated, "only what is negated is looser: {requirement} / {claims}");
            *seen.entry(name).or_default() += 1;
        }
    }
    for (name, _) in STRICTER.iter().chain(&LOOSER) {
        assert!(seen.get(name).is_some_and(|count| *count > 4), "{name}: {seen:?}");
    }
    for ((requirement, ..), admitted) in table.iter().zip(admitted) {
        assert!(admitted > 4, "{requirement} is hardly met: {admitted}");
    }
}
