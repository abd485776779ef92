//! Signed answers (RFC 9701): what is not signed for us, now, by the issuer, says nothing.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::SignatureAlgorithm::{Es256, Rs256};
use portcullis::testing::{Fault, Issuer};
use portcullis::{
    ClientAuthentication, Introspection, Profile, ResourceServer, Secret, TrustedIssuer, authenticated,
};
use serde_json::{Value, json};

use super::world::{ENDPOINT, World, active, failure, introspection, with};
use crate::support::{AUDIENCE, Api, ISSUER, NOW};

fn signed_introspection() -> Introspection {
    introspection().signed_answers().endpoint(ENDPOINT)
}

/// A server that has the issuer's keys, and takes signed answers only.
fn server(world: &World) -> ResourceServer {
    let trusted = TrustedIssuer::new(ISSUER).jwk_set(world.issuer.jwk_set());
    world.builder(trusted.introspection(signed_introspection())).build().unwrap()
}

fn header(world: &World) -> Value {
    json!({ "typ": "token-introspection+jwt", "alg": "ES256", "kid": world.issuer.key_id(Es256) })
}

/// The claims of a right answer, at this world's first instant.
fn envelope(introspection: &Value) -> Value {
    json!({ "iss": ISSUER, "aud": "api", "iat": NOW, "token_introspection": introspection })
}

#[expect(clippy::needless_pass_by_value, reason = "so that a call reads well")]
fn sign(world: &World, header: &Value, envelope: impl ToString) -> String {
    world.issuer.sign(Es256, &header.to_string(), envelope.to_string().as_bytes())
}

/// The same object with another member, or (with `null`) without it.
fn set(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    object[name] = value.into();
    object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    object
}

/// A 503 that speaks of the answer, and nothing about the token.
async fn assert_untrusted(world: &World, answers: impl IntoIterator<Item = String>) {
    let server = server(world);
    let api = Api::new(server.require(authenticated()));
    for answer in answers {
        println!("{answer}");
        api.token(world.token_of(&answer)).await.assert_unavailable(1);
        assert_eq!(failure(&server), Some("untrusted_answer"));
    }
    let right = sign(world, &header(world), envelope(&active()));
    api.token(world.token_of(right)).await.assert_admitted();
}

#[tokio::test]
async fn a_signed_answer_is_taken_and_judged_like_a_plain_one() {
    // covers: INT-006, INT-016, INT-017, INT-018, INT-028
    let world = World::new();
    let api = Api::new(server(&world).require(authenticated()));
    for (answer, code) in [
        (active(), ""),
        (with("active", false), "inactive"),
        (with("active", "true"), "inactive"),
        (json!({}), "inactive"),
        (with("aud", "https://another-api.example.com"), "wrong_audience"),
        (with("iss", "https://another-issuer.example.com"), "wrong_issuer"),
        (with("exp", NOW - 60), "expired"),
        (with("nbf", NOW + 60), "not_yet_valid"),
        (with("exp", "9999999999"), "malformed_token"),
        (with("cnf", json!({ "jkt": "x" })), "binding_not_verified"),
        (with("token_type", "DPoP"), "binding_not_verified"),
    ] {
        let answer = api.token(world.token_of(sign(&world, &header(&world), envelope(&answer)))).await;
        match code {
            "" => answer.assert_admitted(),
            code => answer.assert_invalid(code),
        }
    }
    // As the kit makes them, whatever the token is.
    api.token(world.token()).await.assert_admitted();
    api.token("unheard-of").await.assert_invalid("inactive");
}

#[tokio::test]
async fn a_plain_answer_is_a_downgrade_and_is_not_taken() {
    // covers: INT-028, HI-011
    let world = World::new();
    let server = server(&world);
    let api = Api::new(server.require(authenticated()));
    let right = sign(&world, &header(&world), envelope(&active()));
    let signed = "application/token-introspection+jwt";
    for (content_type, body, expected) in [
        ("application/json", active().to_string(), "other_media_type"),
        ("application/json", json!({ "active": false }).to_string(), "other_media_type"),
        // Signed, and as something else.
        ("application/json", right.clone(), "other_media_type"),
        ("application/jwt", right.clone(), "other_media_type"),
        ("application/jose", right.clone(), "other_media_type"),
        ("text/plain", right.clone(), "other_media_type"),
        ("", right.clone(), "other_media_type"),
        // As something signed, and not.
        (signed, active().to_string(), "untrusted_answer"),
        (signed, String::new(), "untrusted_answer"),
        (signed, format!("{right}\n"), "untrusted_answer"),
        (signed, format!("\"{right}\""), "untrusted_answer"),
    ] {
        println!("{content_type}: {body}");
        world.network.answer(200, [("content-type", content_type)], body);
        api.token("abc").await.assert_unavailable(1);
        assert_eq!(failure(&server), Some(expected));
    }
    for (index, content_type) in
        [signed, "Application/Token-Introspection+JWT; charset=utf-8"].into_iter().enumerate()
    {
        world.network.answer(200, [("content-type", content_type)], right.clone());
        api.token(format!("right-{index}")).await.assert_admitted();
    }
}

#[tokio::test]
async fn a_signed_answer_is_no_plain_one_either() {
    // covers: INT-005, INT-008
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(authenticated()));
    let right = sign(&world, &header(&world), envelope(&active()));
    for content_type in ["application/token-introspection+jwt", "application/json"] {
        world.network.answer(200, [("content-type", content_type)], right.clone());
        api.token("abc").await.assert_unavailable(1);
    }
    assert_eq!(failure(&server), Some("unreadable_answer"));
}

#[tokio::test]
async fn another_jwt_of_the_issuer_is_no_answer() {
    // covers: INT-029, HI-011
    let world = World::new();
    let typ = |typ: Value| sign(&world, &set(header(&world), "typ", typ), envelope(&active()));
    let others = [
        "JWT",
        "jwt",
        "at+jwt",
        "application/at+jwt",
        "id+jwt",
        "logout+jwt",
        "dpop+jwt",
        "",
        "token-introspection",
        "token-introspection+jws",
        "token-introspection+jwt ",
        "text/token-introspection+jwt",
        "application/application/token-introspection+jwt",
        "token-introspection+jwt;x=y",
    ];
    let others = others.map(|name| typ(json!(name)));
    let ill_typed = [json!(1), json!(["token-introspection+jwt"]), json!({})].map(typ);
    let missing = typ(Value::Null);
    // An access token and an ID token, as they are.
    let own = [world.issuer.token(AUDIENCE).sign(), world.issuer.token("api").header("typ", "JWT").sign()];
    assert_untrusted(&world, others.into_iter().chain(ill_typed).chain([missing]).chain(own)).await;
    let api = Api::new(server(&world).require(authenticated()));
    for typ in ["application/token-introspection+jwt", "Token-Introspection+JWT"] {
        let right = sign(&world, &set(header(&world), "typ", typ), envelope(&active()));
        api.token(world.token_of(right)).await.assert_admitted();
    }
}

#[tokio::test]
async fn an_answer_without_a_right_signature_is_nobodys() {
    // covers: INT-030, HI-011
    let world = World::new();
    let right = sign(&world, &header(&world), envelope(&active()));
    let parts: [&str; 3] = right.split('.').collect::<Vec<_>>().try_into().unwrap();
    let [head, payload, signature] = parts;
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut answers = vec![
        format!("{head}.{payload}."),
        format!("{head}.{payload}"),
        format!("{head}.{payload}.{}", "A".repeat(signature.len())),
        format!("{head}.{}.{signature}", encode(&envelope(&with("sub", "root")))),
        format!("{right}."),
        format!("{right}.x"),
        // Encrypted: five parts.
        format!("{head}.{payload}.{payload}.{payload}.{signature}"),
        "....".to_owned(),
        format!("{head}..{signature}"),
        json!({ "protected": head, "payload": payload, "signature": signature }).to_string(),
    ];
    for alg in ["none", "None", "NONE", "", "HS256", "ES256K", "RS256", "es256"] {
        let head = encode(&set(header(&world), "alg", alg));
        answers.push(format!("{head}.{payload}."));
        answers.push(format!("{head}.{payload}.{signature}"));
    }
    // Somebody else's key, under the issuer's name for it or brought along.
    let stranger = Issuer::offline(ISSUER);
    let by_stranger =
        |header: Value| stranger.sign(Es256, &header.to_string(), envelope(&active()).to_string().as_bytes());
    let key = stranger.jwks_json()["keys"][0].clone();
    answers.push(by_stranger(header(&world)));
    answers.push(by_stranger(set(header(&world), "kid", Value::Null)));
    answers.push(by_stranger(set(header(&world), "kid", "strangers")));
    answers.push(by_stranger(set(header(&world), "jwk", key)));
    answers.push(by_stranger(set(header(&world), "jku", "https://elsewhere.example/jwks")));
    for (name, value) in
        [("crit", json!(["exp"])), ("b64", json!(false)), ("enc", json!("A256GCM")), ("zip", json!("DEF"))]
    {
        answers.push(sign(&world, &set(header(&world), name, value), envelope(&active())));
    }
    assert_untrusted(&world, answers).await;
    // Without `kid` the keys of the issuer are tried.
    let api = Api::new(server(&world).require(authenticated()));
    let nameless = sign(&world, &set(header(&world), "kid", Value::Null), envelope(&active()));
    api.token(world.token_of(nameless)).await.assert_admitted();
}

#[tokio::test]
async fn the_algorithms_of_the_issuer_are_those_of_its_answers() {
    // covers: INT-030
    let world = World::new();
    let header = json!({
        "typ": "token-introspection+jwt", "alg": "RS256", "kid": world.issuer.key_id(Rs256),
    });
    let by_rsa = world.issuer.sign(Rs256, &header.to_string(), envelope(&active()).to_string().as_bytes());
    for (algorithms, taken) in [(vec![Es256, Rs256], true), (vec![Es256], false)] {
        let trusted = TrustedIssuer::new(ISSUER).jwk_set(world.issuer.jwk_set()).algorithms(algorithms);
        let server = world.builder(trusted.introspection(signed_introspection())).build().unwrap();
        let answer = Api::new(server.require(authenticated())).token(world.token_of(&by_rsa)).await;
        match taken {
            true => answer.assert_admitted(),
            false => answer.assert_unavailable(1),
        }
    }
}

#[tokio::test]
async fn an_answer_is_from_the_issuer_and_for_this_server() {
    // covers: INT-031, HI-011
    let world = World::new();
    let right = envelope(&active());
    let mut wrong = Vec::new();
    for iss in [
        json!(null),
        json!(""),
        json!("https://another-issuer.example.com"),
        json!(format!("{ISSUER}/")),
        json!(ISSUER.to_uppercase()),
        json!([ISSUER]),
    ] {
        wrong.push(set(right.clone(), "iss", iss));
    }
    for aud in [
        json!(null),
        json!(""),
        json!("another-client"),
        json!("API"),
        json!("api "),
        json!("https://another-api.example.com"),
        json!(["another-client"]),
        json!([]),
        json!([["api"]]),
        json!(1),
        json!({ "aud": "api" }),
    ] {
        wrong.push(set(right.clone(), "aud", aud));
    }
    let answers: Vec<_> = wrong.iter().map(|envelope| sign(&world, &header(&world), envelope)).collect();
    assert_untrusted(&world, answers).await;
    // The client that asks, or what its tokens call it, alone or among others.
    let api = Api::new(server(&world).require(authenticated()));
    for aud in [json!("api"), json!(["api"]), json!(AUDIENCE), json!(["another-client", AUDIENCE])] {
        let answer = sign(&world, &header(&world), set(right.clone(), "aud", aud));
        api.token(world.token_of(answer)).await.assert_admitted();
    }
}

#[tokio::test]
async fn with_a_bearer_token_of_our_own_the_answer_is_for_an_audience_of_ours() {
    // covers: INT-031
    let world = World::new();
    world.issuer.client_token("nobody-told-us", "own-token");
    let asking = Introspection::new(ClientAuthentication::bearer(Secret::new("own-token")));
    let trusted = TrustedIssuer::new(ISSUER)
        .jwk_set(world.issuer.jwk_set())
        .introspection(asking.signed_answers().endpoint(ENDPOINT));
    let api = Api::new(world.builder(trusted).build().unwrap().require(authenticated()));
    let for_us = |aud: &str| sign(&world, &header(&world), set(envelope(&active()), "aud", aud));
    api.token(world.token_of(for_us(AUDIENCE))).await.assert_admitted();
    for aud in ["nobody-told-us", "api", ""] {
        api.token(world.token_of(for_us(aud))).await.assert_unavailable(1);
    }
}

#[tokio::test]
async fn an_answer_was_made_now_and_is_still_good() {
    // covers: INT-031, HI-011
    let world = World::new();
    let right = envelope(&active());
    let mut wrong = Vec::new();
    for iat in [
        json!(null),
        json!(0),
        json!(NOW - 31),
        json!(NOW - 3_600),
        json!(NOW + 31),
        json!(NOW + 3_600),
        json!(NOW.to_string()),
        json!(-1),
        json!(1e300),
        json!([NOW]),
    ] {
        wrong.push(set(right.clone(), "iat", iat));
    }
    for exp in [json!(NOW), json!(NOW - 1), json!(0), json!("never"), json!(-1)] {
        wrong.push(set(right.clone(), "exp", exp));
    }
    for nbf in [json!(NOW + 31), json!(NOW + 3_600), json!("now"), json!(-1)] {
        wrong.push(set(right.clone(), "nbf", nbf));
    }
    let answers: Vec<_> = wrong.iter().map(|envelope| sign(&world, &header(&world), envelope)).collect();
    assert_untrusted(&world, answers).await;
    let api = Api::new(server(&world).require(authenticated()));
    for (name, value) in [
        ("iat", json!(NOW - 30)),
        ("iat", json!(NOW + 30)),
        ("iat", json!(NOW as f64 + 0.5)),
        ("exp", json!(NOW + 1)),
        ("nbf", json!(NOW + 30)),
        ("nbf", json!(0)),
    ] {
        let answer = sign(&world, &header(&world), set(right.clone(), name, value));
        api.token(world.token_of(answer)).await.assert_admitted();
    }
}

#[tokio::test]
async fn whole_seconds_are_recent_enough_without_any_leeway() {
    // covers: INT-031
    let world = World::new();
    let trusted = TrustedIssuer::new(ISSUER).jwk_set(world.issuer.jwk_set());
    let builder = world.builder(trusted.introspection(signed_introspection()));
    let api = Api::new(builder.leeway(Duration::ZERO).build().unwrap().require(authenticated()));
    world.clock.advance(Duration::from_millis(700));
    // The kit dates its answer by the second that has begun.
    api.token(world.token()).await.assert_admitted();
    let early = sign(&world, &header(&world), set(envelope(&active()), "iat", NOW - 1));
    api.token(world.token_of(early)).await.assert_unavailable(1);
}

#[tokio::test]
async fn only_the_object_inside_speaks_of_the_token() {
    // covers: INT-032, HI-011
    let world = World::new();
    let api = Api::new(server(&world).require(authenticated()));
    let inactive = || json!({ "active": false });
    // Everything that would admit, at the top.
    let mut above = active();
    for (name, value) in [("aud", json!("api")), ("token_introspection", inactive())] {
        above[name] = value;
    }
    api.token(world.token_of(sign(&world, &header(&world), &above))).await.assert_invalid("inactive");
    let mut beside = envelope(&json!({ "active": true, "client_id": "client-1" }));
    beside["scope"] = json!("admin");
    api.token(world.token_of(sign(&world, &header(&world), &beside))).await.assert_invalid("missing_claim");
    let mut root = envelope(&active());
    (root["sub"], root["active"]) = (json!("root"), json!(false));
    let answer = api.token(world.token_of(sign(&world, &header(&world), &root))).await;
    answer.assert_admitted();
    assert_eq!(answer.body, "alice");
    // What binds the answer does not bind the token.
    let bound = set(envelope(&active()), "cnf", json!({ "jkt": "x" }));
    api.token(world.token_of(sign(&world, &header(&world), &bound))).await.assert_admitted();
}

#[tokio::test]
async fn without_one_object_inside_nothing_is_said() {
    // covers: INT-032, HI-011
    let world = World::new();
    let wrong = [json!(active().to_string()), json!(true), json!([active()]), json!(null), json!(1)]
        .map(|inside| envelope(&inside).to_string());
    let mut top = active();
    top["aud"] = json!("api");
    let only_at_the_top = top.to_string();
    let text = envelope(&active()).to_string();
    let nested = set(envelope(&json!(null)), "data", json!({ "token_introspection": active() })).to_string();
    let other_case = text.replace("token_introspection", "Token_Introspection");
    let spliced = |more: &str| format!("{},{more}}}", &text[..text.len() - 1]);
    let twice = [
        spliced(r#""token_introspection":{"active":true}"#),
        spliced(r#""token\u005fintrospection":{"active":true}"#),
        spliced(r#""iat":1"#),
        text.replace(r#""active":true"#, r#""active":true,"active":true"#),
        format!("{text}x"),
        format!("[{text}]"),
        format!("\u{feff}{text}"),
        String::new(),
    ];
    let wrong = wrong.into_iter().chain([only_at_the_top, nested, other_case]).chain(twice);
    let answers: Vec<_> = wrong.map(|text| sign(&world, &header(&world), text)).collect();
    assert_untrusted(&world, answers).await;
    let api = Api::new(server(&world).require(authenticated()));
    let escaped = text.replace("token_introspection", "token\\u005fintrospection");
    api.token(world.token_of(sign(&world, &header(&world), escaped))).await.assert_admitted();
}

#[tokio::test]
async fn an_answer_by_a_key_that_is_new_has_the_keys_fetched() {
    // covers: INT-030
    let world = World::new();
    let api = world.api_asking(signed_introspection());
    api.token(world.token()).await.assert_admitted();
    assert_eq!(world.issuer.requests().jwks, 1);
    world.issuer.rotate();
    // So soon after the last fetch nobody is asked again: an outage, and nothing is said about the token.
    let token = world.token();
    api.token(&token).await.assert_unavailable(1);
    assert_eq!(world.issuer.requests().jwks, 1);
    world.advance(31);
    api.token(&token).await.assert_admitted();
    assert_eq!(world.issuer.requests().jwks, 2);
    // With notice nobody waits.
    world.issuer.publish_next();
    world.advance(31);
    world.issuer.activate_next();
    api.token(world.token()).await.assert_admitted();
    assert_eq!(world.issuer.requests().jwks, 3);
    // An old key counts until it is gone.
    let token = world.token();
    let jwt = world.issuer.token(AUDIENCE).sign();
    api.token(&token).await.assert_admitted();
    api.token(jwt).await.assert_admitted();
    assert_eq!(world.issuer.requests().jwks, 3);
}

#[tokio::test]
async fn keys_that_are_out_of_reach_are_an_outage_and_no_fault_of_the_token() {
    // covers: INT-030
    for fault in [Fault::Status(500), Fault::BreakOff, Fault::Body("{}".to_owned())] {
        let world = World::new();
        world.issuer.fail(fault);
        let server = world.server(signed_introspection());
        let api = Api::new(server.require(authenticated()));
        let token = world.token();
        api.token(&token).await.assert_unavailable(1);
        assert_eq!(failure(&server), Some("no_keys"));
        let unknown = "unheard-of";
        api.token(unknown).await.assert_unavailable(1);
        world.issuer.mend();
        world.advance(60);
        api.token(&token).await.assert_admitted();
        api.token(unknown).await.assert_invalid("inactive");
    }
}

#[tokio::test]
async fn an_answer_is_no_access_token() {
    // covers: INT-033, HT-021
    let world = World::new();
    // For an audience of ours, with everything that an access token has.
    let mut claims = active();
    claims["jti"] = json!("1");
    claims["token_introspection"] = active();
    let answer = sign(&world, &header(&world), &claims);
    let retyped = |typ: Value| sign(&world, &set(header(&world), "typ", typ), &claims);
    let jwks = world.issuer.jwk_set();
    for profile in [Profile::Rfc9068, Profile::PlainJwt] {
        let local = TrustedIssuer::new(ISSUER).jwk_set(jwks.clone()).profile(profile);
        for trusted in [
            local.clone(),
            local.clone().introspection(introspection()),
            local.introspection(signed_introspection()),
        ] {
            let api = Api::new(world.builder(trusted).build().unwrap().require(authenticated()));
            api.token(&answer).await.assert_invalid("wrong_type");
            // An issuer that does not type its answers.
            api.token(retyped(Value::Null)).await.assert_invalid("wrong_type");
            api.token(retyped(json!("JWT"))).await.assert_invalid("wrong_type");
        }
    }
    assert_eq!(world.asked(), 0);
    for asking in [introspection().every_token(), introspection().every_token().signed_answers()] {
        let api = world.api_asking(asking);
        api.token(&answer).await.assert_invalid("inactive");
        // The very answer to a question that was just put.
        let token = world.token_of(&answer);
        api.token(&token).await;
        api.token(&answer).await.assert_invalid("inactive");
    }
}
