//! What a token grants, and what a server can be told: scopes (RFC 6749 §3.3), roles (RFC 9068 §2.2.3.1),
//! configuration errors.

use std::time::Duration;

use portcullis::testing::Issuer;
use portcullis::{
    ConfigProblem, JwkSet, ResourceServer, ResourceServerBuilder, RolesAs, TrustedIssuer, all_scopes, not,
    role, scope,
};
use serde_json::{Value, json};

use crate::jose::published::RFC_7515_A3;
use crate::support::{AUDIENCE, Api, ISSUER};

#[tokio::test]
async fn scopes_are_whole_words_separated_by_spaces() {
    // covers: JWT-022, JWT-023
    let (issuer, server, _) = Api::parts();
    let server = server.build().unwrap();
    let (both, one) =
        (Api::new(server.require(all_scopes(["a", "b"]))), Api::new(server.require(scope("read:all"))));
    for (text, good) in [
        ("a b", true),
        ("b a", true),
        (" a  b ", true),
        ("c b a d", true),
        ("a a b", true),
        ("a", false),
        ("A B", false),
        ("a B", false),
        ("ab", false),
        ("a,b", false),
        ("a\tb", false),
        ("a\u{a0}b", false),
        ("a\nb", false),
        ("\"a\" \"b\"", false),
        ("", false),
        (" ", false),
    ] {
        println!("{text:?}");
        let answer = both.token(issuer.token(AUDIENCE).scope(text).sign()).await;
        if good { answer.assert_admitted() } else { answer.assert_denied(Some("a b")) }
    }
    for text in
        ["read:all-not", "read:al", "xread:all", "Read:All", "READ:ALL", "read:*", "*", "read", "read:all,x"]
    {
        println!("{text:?}");
        one.token(issuer.token(AUDIENCE).scope(text).sign()).await.assert_denied(Some("read:all"));
    }
    one.token(issuer.token(AUDIENCE).scope("read:all-not read:all").sign()).await.assert_admitted();
    one.token(issuer.token(AUDIENCE).sign()).await.assert_denied(Some("read:all"));
    // Other claims of similar names grant nothing, and a list is not the one string of RFC 8693.
    for (name, value) in [
        ("scp", json!("read:all")),
        ("scopes", json!(["read:all"])),
        ("Scope", json!("read:all")),
        ("roles", json!(["read:all"])),
    ] {
        one.token(issuer.token(AUDIENCE).claim(name, value).sign()).await.assert_denied(Some("read:all"));
    }
    let list = issuer.token(AUDIENCE).claim("scope", json!(["read:all"])).sign();
    one.token(list).await.assert_invalid("malformed_token");
}

#[tokio::test]
async fn roles_are_a_list_of_names_or_of_objects_with_a_value() {
    // covers: JWT-028, POL-011, POL-026, POL-028, HT-031
    let (issuer, api) = Api::requiring(role("admin"));
    for roles in [
        json!(["admin"]),
        json!(["other", "admin"]),
        json!([{ "value": "admin" }]),
        json!([{ "value": "x", "type": "t" }, { "display": "Admin", "value": "admin", "$ref": null }]),
        json!([5, null, {}, [], true, "admin"]),
    ] {
        println!("{roles}");
        api.token(issuer.token(AUDIENCE).claim("roles", roles).sign()).await.assert_admitted();
    }
    for roles in [
        Value::Null,
        json!("admin"),
        json!("administrator"),
        json!([]),
        json!(["administrator"]),
        json!(["ADMIN"]),
        json!(["admin "]),
        json!(["admin,other"]),
        json!(["other admin"]),
        json!([["admin"]]),
        json!([[{ "value": "admin" }]]),
        json!({ "admin": true }),
        json!({ "value": "admin" }),
        json!({ "0": "admin" }),
        json!([{ "admin": true }]),
        json!([{ "Value": "admin" }]),
        json!([{ "display": "admin" }]),
        json!([{ "value": ["admin"] }]),
        json!([{ "value": { "value": "admin" } }]),
        json!([""]),
        json!(true),
        json!(1),
    ] {
        println!("{roles}");
        api.token(issuer.token(AUDIENCE).claim("roles", roles).sign()).await.assert_denied(None);
    }
    // Nobody else's statements, and no other claim, are the caller's roles.
    api.token(issuer.token(AUDIENCE).scope("admin").sign()).await.assert_denied(None);
    for name in ["Roles", "role", "groups", "entitlements", "act", "may_act"] {
        let value = json!({ "roles": ["admin"] });
        api.token(issuer.token(AUDIENCE).claim(name, value).sign()).await.assert_denied(None);
        let answer = api.token(issuer.token(AUDIENCE).claim(name, json!(["admin"])).sign()).await;
        match name {
            // Not a list, whatever is in it.
            "act" => answer.assert_invalid("malformed_token"),
            _ => answer.assert_denied(None),
        }
    }
}

#[tokio::test]
async fn roles_are_read_in_the_configured_shape_and_in_no_other() {
    // covers: JWT-028, POL-011, HT-031
    let shapes = [
        (RolesAs::Array, json!(["other", "admin"]), json!(["administrator"])),
        (RolesAs::Words, json!(" other  admin"), json!("administrator admin-2")),
        (
            RolesAs::Members,
            json!({ "other": true, "admin": { "org": 1 } }),
            json!({ "admin": false, "a": true }),
        ),
    ];
    for (own, has, has_not) in &shapes {
        let (issuer, server, _) = Api::trusting(|trusted| trusted.roles_at("/r/s").roles_as(*own));
        let server = server.build().unwrap();
        let (admin, others) =
            (Api::new(server.require(role("admin"))), Api::new(server.require(not(role("admin")))));
        let token = |roles: &Value| issuer.token(AUDIENCE).claim("r", json!({ "s": roles })).sign();
        admin.token(token(has)).await.assert_admitted();
        others.token(token(has)).await.assert_denied(None);
        admin.token(token(has_not)).await.assert_denied(None);
        others.token(token(has_not)).await.assert_admitted();
        // What has another shape is neither a role nor its absence.
        let foreign = shapes.iter().filter(|(shape, ..)| shape != own).map(|(_, roles, _)| roles);
        for roles in foreign.chain([&json!(1), &json!(true)]) {
            admin.token(token(roles)).await.assert_denied(None);
            others.token(token(roles)).await.assert_denied(None);
        }
    }
    let (issuer, server, _) = Api::trusting(|trusted| trusted.roles_as(RolesAs::Members));
    let others = Api::new(server.build().unwrap().require(not(role("admin"))));
    let odd = issuer.token(AUDIENCE).claim("roles", json!({ "admin": "yes" })).sign();
    others.token(odd).await.assert_denied(None);
}

#[tokio::test]
async fn roles_are_read_from_exactly_the_configured_place() {
    // covers: JWT-028
    let admin = || json!(["admin"]);
    for (path, good, bad) in [
        (
            "/realm_access/roles",
            json!({ "realm_access": { "roles": admin() } }),
            json!({ "realm_access": admin() }),
        ),
        (
            "/resource_access/my.api/roles",
            json!({ "resource_access": { "my.api": { "roles": admin() } } }),
            json!({ "resource_access": { "my": { "api": { "roles": admin() } } } }),
        ),
        (
            "https://example.com/roles",
            json!({ "https://example.com/roles": admin() }),
            json!({ "https:": { "": { "example.com": { "roles": admin() } } } }),
        ),
        (
            "/https:~1~1example.com~1roles",
            json!({ "https://example.com/roles": admin() }),
            json!({ "https:~1~1example.com~1roles": admin() }),
        ),
        ("/a~1b/~01", json!({ "a/b": { "~1": admin() } }), json!({ "a/b": { "/": admin() } })),
        ("/my.roles", json!({ "my.roles": admin() }), json!({ "my": { "roles": admin() } })),
        ("urn:zitadel:iam:roles", json!({ "urn:zitadel:iam:roles": admin() }), json!({ "roles": admin() })),
        ("cognito:groups", json!({ "cognito:groups": admin() }), json!({ "cognito": { "groups": admin() } })),
        ("/x/0", json!({ "x": { "0": admin() } }), json!({ "x": [admin()] })),
        (
            "/x/roles",
            json!({ "x": { "roles": admin() } }),
            json!({ "x": { "Roles": admin() }, "roles": admin() }),
        ),
    ] {
        println!("{path}");
        let (issuer, server, _) = Api::trusting(|issuer| issuer.roles_at(path));
        let api = Api::new(server.build().unwrap().require(role("admin")));
        let token = |claims: &Value| token_with(&issuer, claims);
        api.token(token(&good)).await.assert_admitted();
        api.token(token(&bad)).await.assert_denied(None);
        api.token(token(&json!({}))).await.assert_denied(None);
    }
}

#[tokio::test]
async fn scopes_stand_where_the_configuration_says_as_words_or_as_a_list() {
    // covers: PRV-023
    let read = || json!("read write");
    let list = || json!(["read", "write"]);
    for (path, good, bad) in [
        ("scp", json!({ "scp": read() }), json!({ "scope": "read" })),
        ("scp", json!({ "scp": list() }), json!({ "scp": ["read write"] })),
        (
            "permissions",
            json!({ "permissions": list(), "scope": "x" }),
            json!({ "permissions": [], "scope": "read" }),
        ),
        ("/grant/scopes", json!({ "grant": { "scopes": list() } }), json!({ "grant": { "scope": "read" } })),
        ("scope", json!({ "scope": read() }), json!({ "scp": "read" })),
    ] {
        println!("{path}");
        let (issuer, server, _) = Api::trusting(|issuer| issuer.scopes_at(path));
        let server = server.build().unwrap();
        let (api, other) =
            (Api::new(server.require(scope("read"))), Api::new(server.require(not(scope("read")))));
        let token = |claims: &Value| token_with(&issuer, claims);
        api.token(token(&good)).await.assert_admitted();
        other.token(token(&good)).await.assert_denied(None);
        api.token(token(&bad)).await.assert_denied(Some("read"));
        api.token(token(&json!({}))).await.assert_denied(Some("read"));
        other.token(token(&json!({}))).await.assert_admitted();
    }
    // What cannot be read is neither there nor not there.
    let (issuer, server, _) = Api::trusting(|issuer| issuer.scopes_at("/grant/scopes"));
    let server = server.build().unwrap();
    for unreadable in
        [json!(5), json!({ "scopes": 5 }), json!({ "scopes": { "read": true } }), json!({ "scopes": [5] })]
    {
        let token = issuer.token(AUDIENCE).claim("grant", unreadable).sign();
        Api::new(server.require(scope("read"))).token(&token).await.assert_denied(Some("read"));
        Api::new(server.require(not(scope("read")))).token(&token).await.assert_denied(None);
    }
}

#[tokio::test]
async fn a_list_that_is_said_to_be_elsewhere_is_neither_there_nor_not_there() {
    // covers: PRV-010
    let (issuer, server, _) = Api::trusting(|issuer| issuer.roles_at("groups"));
    let server = server.build().unwrap();
    let (blocked, other) =
        (Api::new(server.require(role("blocked"))), Api::new(server.require(not(role("blocked")))));
    let named = |names: Value| issuer.token(AUDIENCE).claim("_claim_names", names).sign();
    for names in [json!({ "groups": "src1" }), json!({ "groups": null }), json!("groups")] {
        blocked.token(named(names.clone())).await.assert_denied(None);
        other.token(named(names)).await.assert_denied(None);
    }
    let unsaid = issuer.token(AUDIENCE).claim("_claim_names", json!({ "scope": "src1" })).sign();
    Api::new(server.require(scope("x"))).token(&unsaid).await.assert_denied(Some("x"));
    Api::new(server.require(not(scope("x")))).token(&unsaid).await.assert_denied(None);
    for names in [json!({ "shoe_size": "src1" }), json!(null)] {
        blocked.token(named(names.clone())).await.assert_denied(None);
        other.token(named(names)).await.assert_admitted();
    }
}

/// A token with these claims, too.
fn token_with(issuer: &Issuer, claims: &Value) -> String {
    let members = claims.as_object().unwrap().iter();
    members.fold(issuer.token(AUDIENCE), |token, (name, value)| token.claim(name, value.clone())).sign()
}

/// A server that can be built.
fn right() -> ResourceServerBuilder {
    trusting(issuer())
}

fn trusting(issuer: TrustedIssuer) -> ResourceServerBuilder {
    ResourceServer::builder(issuer).audience(AUDIENCE)
}

fn issuer() -> TrustedIssuer {
    TrustedIssuer::new(ISSUER)
}

fn keys() -> JwkSet {
    JwkSet::from_json(&json!({ "keys": [RFC_7515_A3.public_jwk()] }).to_string()).unwrap()
}

/// The problems of a configuration; none if it can be built.
fn problems(server: ResourceServerBuilder) -> Vec<&'static str> {
    let Err(error) = server.build() else { return vec![] };
    assert!(!error.problems().is_empty());
    let messages: Vec<_> = error.problems().iter().map(ToString::to_string).collect();
    assert_eq!(error.to_string(), messages.join("; "));
    error.problems().iter().map(ConfigProblem::code).collect()
}

#[test]
fn every_mistake_in_a_configuration_has_its_code() {
    // covers: JWT-010, JWT-012, JWT-029, JWK-014, JWK-018
    use portcullis::SignatureAlgorithm::{Es256, Rs256};
    let none: [&str; 0] = [];
    let seconds = Duration::from_secs;
    let empty = JwkSet::from_json(r#"{"keys":[]}"#).unwrap();
    for (server, expected) in [
        (right(), &none[..]),
        (
            trusting(issuer().max_token_lifetime(seconds(1)).algorithms([Es256, Es256]))
                .leeway(seconds(300))
                .realm(""),
            &none,
        ),
        (trusting(issuer().jwks_uri("https://id.example.com/jwks?x=1")), &none),
        (trusting(issuer().jwk_set(keys()).algorithms([Rs256, Es256])), &none),
        (trusting(issuer().jwks_uri("http://localhost:9/jwks")).dangerous_allow_loopback_http(), &none),
        (ResourceServer::builder("http://[::1]:9").audience("x").dangerous_allow_loopback_http(), &none),
        (ResourceServer::builder(ISSUER), &["missing_audience"]),
        (right().audience(""), &["empty_audience"]),
        (ResourceServer::builder("").audience("x"), &["insecure_issuer"]),
        (ResourceServer::builder("id.example.com").audience("x"), &["insecure_issuer"]),
        (ResourceServer::builder("http://id.example.com").audience("x"), &["insecure_issuer"]),
        (ResourceServer::builder("http://127.0.0.1").audience("x"), &["insecure_issuer"]),
        (ResourceServer::builder("https://me@id.example.com").audience("x"), &["insecure_issuer"]),
        (ResourceServer::builder("https://id.example.com#x").audience("x"), &["insecure_issuer"]),
        (
            ResourceServer::builder("http://10.0.0.1").audience("x").dangerous_allow_loopback_http(),
            &["insecure_issuer"],
        ),
        (ResourceServer::builder("https://id.example.com?x=1").audience("x"), &["invalid_issuer"]),
        (trusting(issuer().algorithms([])), &["no_algorithm"]),
        (right().leeway(seconds(301)), &["excessive_leeway"]),
        (right().leeway(Duration::from_millis(300_001)), &["excessive_leeway"]),
        (right().leeway(Duration::MAX), &["excessive_leeway"]),
        (trusting(issuer().max_token_lifetime(Duration::ZERO)), &["zero_token_lifetime"]),
        (right().realm("a\r\nb"), &["invalid_realm"]),
        (right().realm("é"), &["invalid_realm"]),
        (trusting(issuer().scopes_at("/")), &["invalid_claim_path"]),
        (trusting(issuer().scopes_at("a.b")), &["ambiguous_claim_path"]),
        (trusting(issuer().roles_at("")), &["invalid_claim_path"]),
        (trusting(issuer().roles_at("/")), &["invalid_claim_path"]),
        (trusting(issuer().roles_at("realm_access/roles")), &["ambiguous_claim_path"]),
        (trusting(issuer().roles_at("realm_access.roles")), &["ambiguous_claim_path"]),
        (trusting(issuer().jwks_uri("http://id.example.com/jwks")), &["insecure_jwks_uri"]),
        (trusting(issuer().jwks_uri("http://127.0.0.1/jwks")), &["insecure_jwks_uri"]),
        (trusting(issuer().jwks_uri("")), &["insecure_jwks_uri"]),
        (trusting(issuer().jwks_uri("/jwks")), &["insecure_jwks_uri"]),
        (trusting(issuer().jwk_set(empty)), &["no_usable_key"]),
        (trusting(issuer().jwk_set(keys()).algorithms([Rs256])), &["no_usable_key"]),
        (trusting(issuer().jwk_set(keys()).jwks_uri("https://id.example.com/jwks")), &["two_key_sources"]),
    ] {
        println!("{server:?}");
        assert_eq!(problems(server), expected);
    }
}

#[test]
fn one_build_lists_every_mistake_in_the_order_of_the_settings() {
    // covers: JWT-010
    let issuer = || {
        TrustedIssuer::new("http://id.example.com")
            .max_token_lifetime(Duration::ZERO)
            .roles_at("a.b")
            .jwks_uri("http://id.example.com/jwks")
    };
    let wrong = |issuer| ResourceServer::builder(issuer).leeway(Duration::MAX).realm("\n");
    let expected = |first: &[&'static str], keys: &[&'static str]| {
        let claims = ["zero_token_lifetime", "ambiguous_claim_path"];
        [first, &claims, keys, &["excessive_leeway", "invalid_realm"]].concat()
    };
    let empty = JwkSet::from_json(r#"{"keys":[]}"#).unwrap();
    // One mistake does not hide another.
    let (servers, lists): (Vec<_>, Vec<_>) = [
        (wrong(issuer()), expected(&["insecure_issuer", "missing_audience"], &["insecure_jwks_uri"])),
        (
            wrong(issuer().algorithms([])).audience(""),
            expected(&["insecure_issuer", "empty_audience", "no_algorithm"], &["insecure_jwks_uri"]),
        ),
        (
            wrong(issuer().jwk_set(empty)).audience("x"),
            expected(&["insecure_issuer"], &["insecure_jwks_uri", "two_key_sources", "no_usable_key"]),
        ),
        (
            wrong(issuer().algorithms([]).jwk_set(keys())).audience("x"),
            expected(&["insecure_issuer", "no_algorithm"], &["insecure_jwks_uri", "two_key_sources"]),
        ),
    ]
    .into_iter()
    .unzip();
    assert_eq!(servers.into_iter().map(problems).collect::<Vec<_>>(), lists);
}
