//! What the members of an active answer must say for its token to be let in.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use portcullis::{
    Identity, Profile, ResourceServer, TrustedIssuer, ValidatedToken, actor, any_acr, authenticated,
    authorization_detail, max_age, role, scope, user,
};
use serde_json::{Value, json};
use tower::{ServiceExt as _, service_fn};

use super::world::{World, active, assert_all, introspection, judged, with, without};
use crate::support::{AUDIENCE, Api, ISSUER, NOW, get};

#[tokio::test]
async fn the_audience_of_an_answer_is_this_server() {
    // covers: INT-017, HI-005
    let world = World::new();
    let api = world.api();
    let cases = [
        (json!(AUDIENCE), ""),
        (json!([AUDIENCE]), ""),
        (json!(["https://another-api.example.com", AUDIENCE]), ""),
        (json!("https://another-api.example.com"), "wrong_audience"),
        (json!(["https://another-api.example.com"]), "wrong_audience"),
        (json!(format!("{AUDIENCE}/")), "wrong_audience"),
        (json!(AUDIENCE.to_uppercase()), "wrong_audience"),
        (json!(format!("{AUDIENCE} https://another-api.example.com")), "wrong_audience"),
        (json!("*"), "wrong_audience"),
        (json!(""), "wrong_audience"),
        (json!([]), "wrong_audience"),
        (json!([""]), "wrong_audience"),
        (json!(null), "missing_claim"),
        (json!(0), "malformed_token"),
        (json!(true), "malformed_token"),
        (json!([AUDIENCE, 1]), "malformed_token"),
        (json!([null, AUDIENCE]), "malformed_token"),
        (json!([[AUDIENCE]]), "malformed_token"),
        (json!({ "aud": AUDIENCE }), "malformed_token"),
    ];
    assert_all(&world, &api, cases.into_iter().map(|(aud, code)| (with("aud", aud), code))).await;
    let answer = judged(&world, &api, without(["aud"])).await;
    answer.assert_invalid("missing_claim");
    // The operator hears what to do about a server that never says it; the caller does not.
    let told = answer.rejection.as_ref().unwrap().to_string();
    assert!(
        told.contains("Introspection::client_as_audience") && !answer.challenge().contains("client"),
        "{told}"
    );
    // Nor is the audience what else may look like one.
    for name in ["audience", "azp", "resource", "Aud"] {
        let mut answer = without(["aud"]);
        answer[name] = json!(AUDIENCE);
        judged(&world, &api, answer).await.assert_invalid("missing_claim");
    }
}

#[tokio::test]
async fn without_an_audience_the_clients_of_a_list_are_taken_and_no_others() {
    // covers: INT-017
    let world = World::new();
    let api = world.api_asking(introspection().client_as_audience("client-1").client_as_audience("client-2"));
    let of_client = |client: Value| {
        let mut answer = without(["aud"]);
        answer["client_id"] = client;
        answer
    };
    let none = without(["aud", "client_id"]);
    let mut by_azp = none.clone();
    by_azp["azp"] = json!("client-1");
    assert_all(
        &world,
        &api,
        [
            (of_client(json!("client-1")), ""),
            (of_client(json!("client-2")), ""),
            (of_client(json!("client-3")), "wrong_audience"),
            (of_client(json!("client-")), "wrong_audience"),
            (of_client(json!("Client-1")), "wrong_audience"),
            (of_client(json!("client-1 ")), "wrong_audience"),
            (of_client(json!("client-1 client-2")), "wrong_audience"),
            (of_client(json!("")), "wrong_audience"),
            (of_client(json!(null)), "wrong_audience"),
            (of_client(json!(["client-1"])), "malformed_token"),
            (of_client(json!(1)), "malformed_token"),
            (none, "wrong_audience"),
            // RFC 7662 §2.2 calls it `client_id`.
            (by_azp, "wrong_audience"),
            // Where there is an audience, it counts.
            (active(), ""),
            (with("client_id", "client-3"), ""),
            (with("aud", "https://another-api.example.com"), "wrong_audience"),
            (with("aud", json!([])), "wrong_audience"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_audience_that_may_be_missing_must_still_be_right_where_it_is_there() {
    // covers: INT-017
    let world = World::new();
    let api = world.api_asking(introspection().dangerous_without_audience());
    assert_all(
        &world,
        &api,
        [
            (active(), ""),
            (without(["aud"]), ""),
            (without(["aud", "client_id", "sub", "iss", "exp", "iat", "token_type", "scope"]), ""),
            (with("aud", json!(null)), ""),
            (with("aud", json!([])), "wrong_audience"),
            (with("aud", "https://another-api.example.com"), "wrong_audience"),
            (with("aud", 1), "malformed_token"),
            (with("iss", "https://another-issuer.example.com"), "wrong_issuer"),
            (with("active", false), "inactive"),
            (with("client_id", ""), "missing_claim"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_issuer_of_an_answer_is_the_one_that_was_asked() {
    // covers: INT-018, HI-005
    let world = World::new();
    let api = world.api();
    let cases = [
        (json!(ISSUER), ""),
        (json!(null), ""),
        (json!("https://another-issuer.example.com"), "wrong_issuer"),
        (json!(format!("{ISSUER}/")), "wrong_issuer"),
        (json!(ISSUER.to_uppercase()), "wrong_issuer"),
        (json!(format!("{ISSUER}.evil.example")), "wrong_issuer"),
        (json!(ISSUER.trim_start_matches("https://")), "wrong_issuer"),
        (json!(""), "wrong_issuer"),
        (json!([ISSUER]), "malformed_token"),
        (json!(1), "malformed_token"),
        (json!({}), "malformed_token"),
    ];
    assert_all(&world, &api, cases.into_iter().map(|(iss, code)| (with("iss", iss), code))).await;
    judged(&world, &api, without(["iss"])).await.assert_admitted();
}

#[tokio::test]
async fn one_issuer_does_not_speak_for_another_that_is_trusted_too() {
    // covers: INT-018
    let world = World::new();
    let other = TrustedIssuer::new("https://other.example.com").jwk_set(world.issuer.jwk_set());
    let first = TrustedIssuer::new(ISSUER).introspection(introspection());
    let server = world.builder(first).issuer(other).build().unwrap();
    let api = Api::new(server.require(authenticated()));
    judged(&world, &api, active()).await.assert_admitted();
    judged(&world, &api, with("iss", "https://other.example.com")).await.assert_invalid("wrong_issuer");
}

#[tokio::test]
async fn the_times_of_an_answer_are_judged_by_our_clock_too() {
    // covers: INT-016, INT-020
    let world = World::new();
    let api = world.api();
    let now = f64::from(u32::try_from(NOW).unwrap());
    let mut cases = Vec::new();
    for (exp, code) in [
        (json!(NOW + 1), ""),
        (json!(now + 0.5), ""),
        // Within the leeway of 30 s.
        (json!(NOW - 29), ""),
        (json!(NOW - 30), "expired"),
        (json!(now - 30.5), "expired"),
        (json!(NOW - 3_600), "expired"),
        (json!(0), "expired"),
        (json!(null), ""),
        (json!(253_402_300_799_u64), ""),
        (json!(253_402_300_800_u64), "malformed_token"),
        (json!(u64::MAX), "malformed_token"),
        (json!(1e300), "malformed_token"),
        (json!(-1), "malformed_token"),
        (json!(-1e300), "malformed_token"),
    ] {
        cases.push((with("exp", exp), code));
    }
    for (nbf, code) in [
        (json!(NOW - 3_600), ""),
        (json!(NOW + 30), ""),
        (json!(NOW + 31), "not_yet_valid"),
        (json!(now + 30.5), "not_yet_valid"),
        (json!(null), ""),
        (json!(-1), "malformed_token"),
        (json!(1e300), "malformed_token"),
    ] {
        cases.push((with("nbf", nbf), code));
    }
    for (iat, code) in [
        (json!(0), ""),
        (json!(NOW + 30), ""),
        (json!(NOW + 31), "issued_in_the_future"),
        (json!(null), ""),
        (json!(-1), "malformed_token"),
    ] {
        cases.push((with("iat", iat), code));
    }
    for name in ["exp", "nbf", "iat"] {
        cases.push((without([name]), ""));
        for ill_typed in [
            json!("9999999999"),
            json!((NOW + 100).to_string()),
            json!(""),
            json!("2099-01-01T00:00:00Z"),
            json!(true),
            json!(false),
            json!([NOW]),
            json!({}),
        ] {
            cases.push((with(name, ill_typed), "malformed_token"));
        }
    }
    assert_all(&world, &api, cases).await;
}

#[tokio::test]
async fn registered_members_have_their_types_and_all_others_are_ignored() {
    // covers: INT-020
    let world = World::new();
    let api = world.api();
    for name in ["iss", "sub", "client_id", "jti", "scope"] {
        for ill_typed in [json!(1), json!(true), json!(["a"]), json!({ "a": 1 }), json!([])] {
            judged(&world, &api, with(name, ill_typed)).await.assert_invalid("malformed_token");
        }
    }
    for (name, value) in [
        ("username", json!(["alice"])),
        ("error", json!("invalid_client")),
        ("extension", json!({ "a": [1, { "b": null }] })),
        ("acr", json!(5)),
        ("", json!("")),
        ("ACTIVE", json!(false)),
        ("jti", json!(null)),
        ("nonce", json!("n-0S6_WzA2Mj")),
    ] {
        judged(&world, &api, with(name, value)).await.assert_admitted();
    }
}

#[tokio::test]
async fn an_empty_name_is_nobodys_and_a_missing_one_is_no_mistake() {
    let world = World::new();
    let api = world.api();
    assert_all(
        &world,
        &api,
        [
            (with("sub", ""), "missing_claim"),
            (with("client_id", ""), "missing_claim"),
            (without(["sub"]), ""),
            (with("sub", Value::Null), ""),
            (without(["client_id"]), ""),
            (with("sub", " "), ""),
        ],
    )
    .await;
    // Without a subject there is nobody to take for anybody.
    let answer = judged(&world, &api, without(["sub"])).await;
    assert_eq!(answer.body, "nobody");
}

#[tokio::test]
async fn a_token_that_lives_longer_than_allowed_or_for_ever_is_refused() {
    // covers: INT-016
    let world = World::new();
    let hour = Duration::from_secs(3_600);
    let trusted = TrustedIssuer::new(ISSUER).introspection(introspection()).max_token_lifetime(hour);
    let api = Api::new(world.builder(trusted).build().unwrap().require(authenticated()));
    assert_all(
        &world,
        &api,
        [
            (with("exp", NOW + 3_600), ""),
            (with("exp", NOW + 3_601), "lives_too_long"),
            (with("iat", NOW - 3_300), ""),
            (with("iat", NOW - 3_301), "lives_too_long"),
            (without(["exp"]), "missing_claim"),
            (with("exp", Value::Null), "missing_claim"),
            (without(["iat"]), ""),
        ],
    )
    .await;
    let mut answer = without(["iat"]);
    answer["exp"] = json!(NOW + 3_601);
    judged(&world, &api, answer).await.assert_invalid("lives_too_long");
}

#[tokio::test]
async fn scope_feeds_the_policy_as_that_of_a_jwt_does() {
    // covers: INT-019
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(scope("a")));
    for granted in [json!("a"), json!("a b"), json!("b a"), json!("b  a")] {
        judged(&world, &api, with("scope", granted)).await.assert_admitted();
    }
    for granted in [
        json!("b"),
        json!(""),
        json!("A"),
        json!("ab"),
        json!("a,b"),
        json!("a\tb"),
        json!("a\u{a0}b"),
        Value::Null,
    ] {
        judged(&world, &api, with("scope", granted)).await.assert_denied(Some("a"));
    }
    judged(&world, &api, without(["scope"])).await.assert_denied(Some("a"));
    for name in ["scopes", "scp", "Scope"] {
        let mut answer = without(["scope"]);
        answer[name] = json!("a");
        judged(&world, &api, answer).await.assert_denied(Some("a"));
    }
    judged(&world, &api, with("scope", json!(["a"]))).await.assert_invalid("malformed_token");
    // Denied is not invalid: the same token, from memory, does where less is required.
    let token = world.token_of(with("scope", "b"));
    api.token(&token).await.assert_denied(Some("a"));
    let asked = world.asked();
    Api::new(server.require(scope("b"))).token(&token).await.assert_admitted();
    assert_eq!(world.asked(), asked);
}

#[tokio::test]
async fn roles_and_scopes_are_found_where_the_issuer_puts_them() {
    // covers: INT-019
    let world = World::new();
    let trusted = TrustedIssuer::new(ISSUER)
        .introspection(introspection())
        .roles_at("/realm_access/roles")
        .scopes_at("scp");
    let server = world.builder(trusted).build().unwrap();
    let api = Api::new(server.require(role("admin").and(scope("a"))));
    let mut answer = with("realm_access", json!({ "roles": ["admin"] }));
    judged(&world, &api, &answer).await.assert_denied(Some("a"));
    answer["scp"] = json!(["a", "b"]);
    judged(&world, &api, &answer).await.assert_admitted();
    answer["realm_access"] = json!({ "roles": "admin" });
    judged(&world, &api, &answer).await.assert_denied(None);
}

#[tokio::test]
async fn an_answer_about_a_bound_token_is_refused_where_nobody_verified_the_binding() {
    // covers: INT-021, INT-022
    let world = World::new();
    let bound = "binding_not_verified";
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let cases = || {
        [
            (with("cnf", json!({ "jkt": thumbprint })), bound),
            (with("cnf", json!({ "x5t#S256": thumbprint })), bound),
            (with("cnf", json!({ "unheard-of": 1 })), bound),
            (with("cnf", json!({})), bound),
            (with("cnf", Value::Null), ""),
            (with("token_type", "DPoP"), bound),
            (with("token_type", "dpop"), bound),
            (with("jkt", thumbprint), ""),
            // Whether the claim or the type says it.
            (
                json!({ "active": true, "aud": AUDIENCE, "token_type": "DPoP", "cnf": { "jkt": thumbprint } }),
                bound,
            ),
        ]
    };
    let lax = introspection().dangerous_without_audience().client_as_audience("client-1");
    for api in [world.api(), world.api_asking(lax), world.api_asking(introspection().every_token())] {
        assert_all(&world, &api, cases()).await;
    }
    // What is no object is no confirmation that anybody could check, and no way around it.
    for cnf in [json!("x"), json!([]), json!(false), json!(0)] {
        let answer = judged(&world, &world.api(), with("cnf", cnf)).await;
        assert_eq!((answer.status.as_u16(), answer.inner_calls), (401, 0));
    }
}

#[tokio::test]
async fn an_active_token_of_another_kind_is_no_access_token() {
    let world = World::new();
    let lax = introspection().dangerous_without_audience();
    for api in [world.api(), world.api_asking(lax)] {
        let mut cases = Vec::new();
        for (token_type, code) in [
            (json!("Bearer"), ""),
            (json!("bearer"), ""),
            (json!("BEARER"), ""),
            (json!(null), ""),
            (json!("refresh_token"), "wrong_type"),
            (json!("urn:ietf:params:oauth:token-type:refresh_token"), "wrong_type"),
            (json!("id_token"), "wrong_type"),
            (json!("mac"), "wrong_type"),
            (json!("N_A"), "wrong_type"),
            (json!("Bearer "), "wrong_type"),
            (json!(""), "wrong_type"),
            (json!(["Bearer"]), "wrong_type"),
            (json!(1), "wrong_type"),
        ] {
            cases.push((with("token_type", token_type), code));
        }
        for (token_use, code) in [
            (json!("access_token"), ""),
            (json!("access"), ""),
            (json!(null), ""),
            (json!("refresh_token"), "wrong_type"),
            (json!("refresh"), "wrong_type"),
            (json!("id"), "wrong_type"),
            (json!(""), "wrong_type"),
            (json!(["access_token"]), "wrong_type"),
        ] {
            cases.push((with("token_use", token_use), code));
        }
        for (typ, code) in [
            (json!("Bearer"), ""),
            (json!("at+jwt"), ""),
            (json!(null), ""),
            (json!("Refresh"), "wrong_type"),
            (json!("Offline"), "wrong_type"),
            (json!("ID"), "wrong_type"),
            (json!("Logout"), "wrong_type"),
        ] {
            cases.push((with("typ", typ), code));
        }
        assert_all(&world, &api, cases).await;
    }
}

#[tokio::test]
async fn an_answer_like_that_about_a_refresh_token_is_taken_of_listed_clients_only() {
    // covers: INT-017
    let world = World::new();
    // As servers describe refresh tokens: active, of a client and a user, without a type and for nobody in particular.
    let look_alike = json!({
        "active": true, "iss": ISSUER, "sub": "alice", "client_id": "client-1", "exp": NOW + 86_400, "iat": NOW,
        "scope": "read",
    });
    judged(&world, &world.api(), &look_alike).await.assert_invalid("missing_claim");
    let listing = |client| world.api_asking(introspection().client_as_audience(client));
    judged(&world, &listing("client-2"), &look_alike).await.assert_invalid("wrong_audience");
    judged(&world, &listing("client-1"), &look_alike).await.assert_admitted();
}

/// What a handler sees of the token.
async fn seen<T: Send + 'static>(
    world: &World,
    server: &ResourceServer,
    answer: &Value,
    look: fn(&ValidatedToken) -> T,
) -> T {
    let seen = Arc::new(Mutex::new(None));
    let handler = Arc::clone(&seen);
    let inner = service_fn(move |request: Request<()>| {
        *handler.lock().unwrap() = ValidatedToken::of(request.extensions()).map(look);
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    });
    let service = server.require(authenticated()).layer(inner);
    assert_eq!(service.oneshot(get(&world.token_of(answer))).await.unwrap().status(), 200);
    seen.lock().unwrap().take().unwrap()
}

#[tokio::test]
async fn whose_subject_it_is_is_known_also_where_the_answer_does_not_say() {
    // covers: INT-018
    let world = World::new();
    let server = world.server(introspection().dangerous_without_audience());
    let look = |token: &ValidatedToken| {
        let Identity { issuer, subject, .. } = token.identity()?;
        let own = (token.issuer()?.to_owned(), token.claims().issuer().map(str::to_owned));
        Some((issuer.to_owned(), subject.to_owned(), own))
    };
    let (issuer, alice) = (ISSUER.to_owned(), "alice".to_owned());
    let named = Some((issuer.clone(), alice.clone(), (issuer.clone(), Some(issuer.clone()))));
    assert_eq!(seen(&world, &server, &active(), look).await, named);
    let told = Some((issuer.clone(), alice, (issuer, None)));
    assert_eq!(seen(&world, &server, &without(["iss"]), look).await, told);
    assert_eq!(seen(&world, &server, &with("iss", Value::Null), look).await, told);
    assert_eq!(seen(&world, &server, &without(["sub"]), look).await, None, "no subject, no identity");
}

#[tokio::test]
async fn authentication_in_an_answer_feeds_the_policy_as_that_in_a_jwt_does() {
    // covers: INT-023, POL-014, POL-015, POL-019
    let world = World::new();
    let requirement = any_acr(["gold", "platinum"]).and(max_age(Duration::from_secs(300))).and(scope("read"));
    let api = Api::new(world.server(introspection()).require(requirement));
    let answer = |acr: Value, auth_time: Value| {
        let mut answer = with("acr", acr);
        answer["auth_time"] = auth_time;
        answer
    };
    for right in [answer(json!("gold"), json!(NOW)), answer(json!("platinum"), json!(NOW - 330))] {
        judged(&world, &api, right).await.assert_admitted();
    }
    let named = [("acr_values", "gold platinum"), ("max_age", "300")];
    for wrong in [
        answer(json!("low"), json!(NOW)),
        answer(Value::Null, json!(NOW)),
        answer(json!(["gold"]), json!(NOW)),
        answer(json!("gold"), json!(NOW - 331)),
        answer(json!("gold"), json!(NOW + 31)),
        answer(json!("gold"), json!(NOW.to_string())),
        with("acr", "gold"),
        with("auth_time", NOW),
    ] {
        judged(&world, &api, wrong).await.assert_step_up(&named);
    }
    let mut unscoped = answer(json!("low"), json!(NOW));
    unscoped["scope"] = json!("write");
    judged(&world, &api, unscoped).await.assert_step_up(&[("scope", "read"), named[0], named[1]]);
}

#[tokio::test]
async fn authorization_details_of_an_answer_feed_the_policy_as_those_of_a_jwt_do() {
    // covers: INT-024, POL-022, POL-024
    let world = World::new();
    let pay = authorization_detail("payment").with_action("initiate").granted();
    let api = Api::new(world.server(introspection()).require(pay));
    let of = |kind: &str| json!([{ "type": kind, "actions": ["initiate"] }]);
    judged(&world, &api, with("authorization_details", of("payment"))).await.assert_admitted();
    let nested = json!({ "authorization_details": of("payment") });
    for wrong in
        [of("account"), json!([]), Value::Null, of("payment")[0].clone(), json!("payment"), nested.clone()]
    {
        judged(&world, &api, with("authorization_details", wrong)).await.assert_denied(None);
    }
    // At the top level of the answer, and nowhere else.
    judged(&world, &api, with("token", nested)).await.assert_denied(None);
    judged(&world, &api, active()).await.assert_denied(None);
}

#[tokio::test]
async fn the_actor_in_an_answer_is_the_outermost_and_of_the_issuer_that_was_asked() {
    // covers: POL-026, POL-029
    let world = World::new();
    let api = Api::new(world.server(introspection()).require(actor(ISSUER, "svc-a")));
    let mut unsaid = without(["iss"]);
    unsaid["act"] = json!({ "sub": "svc-a" });
    for right in [with("act", json!({ "sub": "svc-a" })), unsaid] {
        judged(&world, &api, right).await.assert_admitted();
    }
    for wrong in
        [json!({ "sub": "svc-b", "act": { "sub": "svc-a" } }), json!({ "sub": "svc-b" }), Value::Null]
    {
        judged(&world, &api, with("act", wrong)).await.assert_denied(None);
    }
    for ill_typed in [json!("svc-a"), json!(["svc-a"]), json!({ "sub": "svc-a", "act": "x" })] {
        judged(&world, &api, with("act", ill_typed)).await.assert_invalid("malformed_token");
    }
}

#[tokio::test]
async fn an_answer_from_memory_grows_too_old_as_any_other_does() {
    // covers: INT-023, POL-015
    let world = World::new();
    let api = Api::new(world.server(introspection()).require(max_age(Duration::from_secs(10))));
    let token = world.token_of(with("auth_time", NOW - 30));
    api.token(&token).await.assert_admitted();
    let asked = world.asked();
    world.advance(11);
    api.token(&token).await.assert_step_up(&[("max_age", "10")]);
    assert_eq!(world.asked(), asked, "the same answer, judged by the time of the request");
}

#[tokio::test]
async fn a_handler_sees_every_member_of_an_answer() {
    let world = World::new();
    let server = world.server(introspection());
    let details = json!([{ "type": "payment", "amount": "12.00" }]);
    let mut answer = with("acr", "urn:example:high");
    (answer["authorization_details"], answer["auth_time"]) = (details.clone(), json!(NOW - 10));
    let claims = seen(&world, &server, &answer, |token| token.claims().deserialize::<Value>().unwrap()).await;
    assert_eq!(claims, answer);
    assert_eq!(claims["authorization_details"], details);
    let look = |token: &ValidatedToken| {
        (token.client_id().map(str::to_owned), token.scopes().contains("write"), token.expires_at().is_some())
    };
    assert_eq!(seen(&world, &server, &answer, look).await, (Some("client-1".to_owned()), true, true));
    assert_eq!(
        seen(&world, &server, &without(["exp"]), look).await,
        (Some("client-1".to_owned()), true, false)
    );
}

#[tokio::test]
async fn the_profile_of_jwts_asks_nothing_of_an_answer() {
    // RFC 7662 §2.2: every member but `active` is optional; what RFC 9068 §2.2 requires is required of JWTs.
    let world = World::new();
    for profile in [Profile::Rfc9068, Profile::PlainJwt] {
        let trusted = TrustedIssuer::new(ISSUER).introspection(introspection()).profile(profile);
        let server = world.builder(trusted).build().unwrap();
        let api = Api::new(server.require(authenticated()));
        let least = json!({ "active": true, "aud": AUDIENCE });
        judged(&world, &api, &least).await.assert_admitted();
        Api::new(server.require(scope("a"))).token(world.token_of(&least)).await.assert_denied(Some("a"));
        let jwt = world.issuer.token(AUDIENCE).without("exp").sign();
        api.token(jwt).await.assert_invalid("missing_claim");
    }
}

#[tokio::test]
async fn the_same_checks_hold_of_a_jwt_that_is_introspected() {
    // covers: INT-016, INT-017, INT-018
    let world = World::new();
    let api = world.api_asking(introspection().every_token());
    for (answer, code) in [
        (active(), ""),
        (with("active", "true"), "inactive"),
        (with("aud", "https://another-api.example.com"), "wrong_audience"),
        (without(["aud"]), "missing_claim"),
        (with("iss", "https://another-issuer.example.com"), "wrong_issuer"),
        (with("exp", NOW - 60), "expired"),
        (with("nbf", NOW + 60), "not_yet_valid"),
        (with("token_use", "refresh_token"), "wrong_type"),
        (with("cnf", json!({ "jkt": "x" })), "binding_not_verified"),
        (with("exp", "never"), "malformed_token"),
    ] {
        // What the JWT says of itself is right, and counts for nothing.
        let token = world.issuer.token(AUDIENCE).claim("jti", answer.to_string()).sign();
        world.issuer.answer_introspection(&token, answer.to_string());
        let answer = api.token(token).await;
        match code {
            "" => answer.assert_admitted(),
            code => answer.assert_invalid(code),
        }
    }
}

#[tokio::test]
async fn who_speaks_for_a_user_is_told_by_the_answer_as_by_a_jwt() {
    let world = World::new();
    let api = Api::new(world.server(introspection()).require(user()));
    let introspected = judged(&world, &api, active()).await;
    introspected.assert_admitted();
    api.token(world.issuer.token(AUDIENCE).sign()).await.assert_admitted();
    let of_client = json!({ "active": true, "aud": AUDIENCE, "client_id": "client-1" });
    judged(&world, &api, of_client).await.assert_denied(None);
}

#[tokio::test]
async fn an_answer_names_scopes_and_client_as_the_rfc_does_whatever_the_jwts_of_its_provider_are_like() {
    // covers: INT-019
    let clock = portcullis::testing::ManualClock::at(NOW);
    // Its JWTs have `scp`, an array, and `cid`.
    let issuer = portcullis::testing::Issuer::offline("https://dev-1.okta.com/oauth2/default")
        .with_clock(clock.clone());
    let server = ResourceServer::builder(TrustedIssuer::okta(issuer.url()).introspection(introspection()))
        .audience(AUDIENCE)
        .with_http_client(issuer.clone())
        .with_clock(clock)
        .build()
        .unwrap();
    let token = issuer.token(AUDIENCE).scope("read").claim("scp", ["write"]).claim("cid", "another").opaque();
    let admits = async |policy: portcullis::Requirement| {
        Api::new(server.require(policy)).token(&token).await.status == 200
    };
    assert!(admits(scope("read")).await && !admits(portcullis::not(scope("read"))).await);
    assert!(!admits(scope("write")).await);
    let client = service_fn(async |request: Request<()>| {
        let token = ValidatedToken::of(request.extensions());
        let client = token.and_then(ValidatedToken::client_id).unwrap_or_default().to_owned();
        Ok::<_, Infallible>(Response::new(client))
    });
    let answer = server.require(authenticated()).layer(client).oneshot(get(&token)).await.unwrap();
    assert_eq!(answer.body(), "client-1");
}
