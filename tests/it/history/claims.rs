//! Claims that were skipped, coerced or taken from another kind of token.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Request;
use portcullis::SignatureAlgorithm::Es256;
use portcullis::testing::Flaw;
use portcullis::{
    ClientAuthentication, Introspection, Profile, Requirement, ResourceServer, Secret, TrustedIssuer,
    ValidatedToken, all_scopes, any_scope, authenticated, role, scope,
};
use serde_json::{Value, json};
use tower::{ServiceExt as _, service_fn};

use crate::jose::CLAIMS;
use crate::support::{AUDIENCE, Api, ISSUER, NOW, Random, Reply, ScriptedClient};

/// The claims of a right token without one of them, and with this text in its place.
fn with_text(name: &str, text: &str) -> String {
    let mut claims: Value = CLAIMS.parse().unwrap();
    claims.as_object_mut().unwrap().remove(name);
    let claims = claims.to_string();
    format!("{},\"{name}\":{text}}}", &claims[..claims.len() - 1])
}

#[tokio::test]
async fn a_time_in_any_form_is_read_as_the_number_it_is_or_refused_and_never_skipped() {
    // covers: JWT-011, JWT-013, JWT-014, JWT-015, JWT-016
    let (issuer, api) = Api::requiring(authenticated());
    let mut random = Random::new(51);
    for _ in 0..600 {
        let name = *random.pick(&["exp", "nbf", "iat"]);
        // A number written in one of the ways of JSON: what it says is what a correct parser says.
        let near = NOW - 2_000 + u64::try_from(random.below(4_000)).unwrap();
        let text = match random.below(9) {
            0 => near.to_string(),
            1 => format!("{near}.{}", random.below(1_000)),
            2 => format!("{near}.0e0"),
            3 => format!("{}E-{}", near * 1_000, 3),
            4 => format!("0.{near}e+10"),
            5 => format!("-{near}"),
            6 => format!("{}e{}", random.below(100), random.below(320)),
            7 => (random.number() >> random.below(64)).to_string(),
            _ => (*random.pick(&["0", "-0", "0.0", "1e-400", "253402300799", "253402300800", "1e308"]))
                .to_owned(),
        };
        let time: f64 = text.parse().unwrap();
        let (now, leeway) = (NOW as f64, 30.0);
        // A whole second between the times keeps rounding out of the question.
        if (time - now).abs() > leeway - 1.0 && (time - now).abs() < leeway + 1.0 {
            continue;
        }
        let expected = match name {
            _ if !(0.0..253_402_300_800.0).contains(&time) => "malformed_token",
            "exp" if now >= time + leeway => "expired",
            "nbf" if time > now + leeway => "not_yet_valid",
            "iat" if time > now + leeway => "issued_in_the_future",
            _ => "admitted",
        };
        let payload = with_text(name, &text);
        let token = issuer.sign(Es256, r#"{"alg":"ES256","typ":"at+jwt"}"#, payload.as_bytes());
        let answer = api.token(token).await;
        assert_eq!(answer.code(), expected, "{name}: {text}");
        if expected != "admitted" {
            answer.assert_invalid(expected);
        }
    }
    // What is no number is no time, whatever it would become if it were made one.
    for _ in 0..300 {
        let name = *random.pick(&["exp", "nbf", "iat"]);
        let time = NOW + 100;
        let text = match random.below(8) {
            0 => format!("\"{time}\""),
            1 => format!("[{time}]"),
            2 => format!("{{\"$numberLong\":\"{time}\"}}"),
            3 => format!("{{\"value\":{time}}}"),
            4 => (*random.pick(&[
                "true",
                "false",
                "[]",
                "{}",
                "\"\"",
                "\" \"",
                "\"NaN\"",
                "\"Infinity\"",
                "\"0x7fffffff\"",
            ]))
            .to_owned(),
            5 => format!("\"{}\"", random.text(b"0123456789.eE+-TZ: ", 12)),
            6 => "\"2099-01-01T00:00:00Z\"".to_owned(),
            _ => (*random.pick(&["-1", "1e400", "-1e300", "1e300", "99999999999999999999"])).to_owned(),
        };
        let token =
            issuer.sign(Es256, r#"{"alg":"ES256","typ":"at+jwt"}"#, with_text(name, &text).as_bytes());
        let answer = api.token(token).await;
        assert_eq!(answer.code(), "malformed_token", "{name}: {text}");
        answer.assert_invalid("malformed_token");
    }
}

#[tokio::test]
async fn the_audience_is_checked_whatever_way_the_keys_came_and_whatever_the_profile() {
    // covers: JWT-006, JWT-007, JWT-008, JWT-009, HT-017
    let (issuer, _, clock) = Api::parts();
    let jwks = "https://id.example.com/jwks";
    let client = ScriptedClient::default()
        .on(
            "https://id.example.com/.well-known/openid-configuration",
            [Reply::Json(issuer.metadata_json().to_string())],
        )
        .on(jwks, [Reply::Json(issuer.jwks_json().to_string())]);
    let mut random = Random::new(52);
    let known = ["https://a.example", "https://b.example", "https://c.example", "d", "https://a.example/"];
    for round in 0..60 {
        // Some of the identifiers are ours, and some are in the token.
        let some = |random: &mut Random| -> BTreeSet<&str> {
            known.into_iter().filter(|_| random.one_in(3)).collect()
        };
        let mut ours = some(&mut random);
        ours.insert(known[round % known.len()]);
        let trusted =
            TrustedIssuer::new(ISSUER).profile(*random.pick(&[Profile::Rfc9068, Profile::PlainJwt]));
        let trusted = match round % 3 {
            0 => trusted.jwk_set(issuer.jwk_set()),
            1 => trusted,
            _ => trusted.jwks_uri(jwks),
        };
        let server =
            ResourceServer::builder(trusted).with_clock(clock.clone()).with_http_client(client.clone());
        let server = ours.iter().fold(server, |server, audience| server.audience(*audience));
        let api = Api::new(server.build().unwrap().require(authenticated()));
        for _ in 0..8 {
            let theirs = some(&mut random);
            let claim = match theirs.iter().next() {
                Some(one) if theirs.len() == 1 && random.one_in(2) => json!(one),
                _ => json!(theirs),
            };
            let answer = api.token(issuer.token("").claim("aud", claim.clone()).sign()).await;
            match ours.is_disjoint(&theirs) {
                true => answer.assert_invalid("wrong_audience"),
                false => answer.assert_admitted(),
            }
        }
        // The right one, in a form that is none.
        let right = ours.first().unwrap();
        for claim in [
            json!([[right]]),
            json!({ "aud": right }),
            json!([right, 1]),
            json!([null, right]),
            json!(0),
            json!(true),
        ] {
            api.token(issuer.token("").claim("aud", claim).sign()).await.assert_invalid("malformed_token");
        }
        for claim in [
            format!("{right} x"),
            format!("x,{right}"),
            right.to_uppercase() + "/",
            String::new(),
            "*".to_owned(),
        ] {
            api.token(issuer.token("").claim("aud", claim).sign()).await.assert_invalid("wrong_audience");
        }
        api.token(issuer.token("").without("aud").sign()).await.assert_invalid("missing_claim");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_token_gets_the_same_answer_every_time_and_beside_any_other() {
    let (issuer, api) = Api::requiring(scope("a"));
    let token = issuer.token(AUDIENCE).scope("a");
    let cases = [
        (token.clone().subject("one").sign(), "admitted", "one"),
        (token.clone().subject("two").sign(), "admitted", "two"),
        (token.clone().scope("b").sign(), "denied", ""),
        (token.clone().flaw(Flaw::BadSignature).sign(), "bad_signature", ""),
        (token.clone().flaw(Flaw::WrongIssuer).sign(), "wrong_issuer", ""),
        (token.flaw(Flaw::Expired).sign(), "expired", ""),
    ];
    // Without a count of calls, which is of the whole API.
    let (api, cases) = (std::sync::Arc::new(api), std::sync::Arc::new(cases));
    let tasks = (0..4).map(|seed| {
        let (api, cases) = (std::sync::Arc::clone(&api), std::sync::Arc::clone(&cases));
        tokio::spawn(async move {
            let mut random = Random::new(seed);
            for _ in 0..250 {
                let (token, code, subject) = random.pick(&*cases);
                let answer = api.token(token).await;
                assert_eq!((answer.code(), &*answer.body), (*code, *subject));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert!(api.calls() > 0);
}

#[tokio::test]
async fn nothing_of_a_refused_token_leaves_the_layer() {
    // covers: JWT-032
    let (issuer, server, _) = Api::parts();
    let service = server.build().unwrap().require(role("admin")).layer(service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    }));
    let secret = "subject-that-nobody-may-see";
    let token = issuer.token(AUDIENCE).subject(secret).claim("email", secret);
    let flaws = [
        Flaw::AlgNone,
        Flaw::BoundToKey,
        Flaw::BadSignature,
        Flaw::Expired,
        Flaw::NotYetValid,
        Flaw::OtherType,
        Flaw::UnknownKey,
        Flaw::WrongAudience,
        Flaw::WrongIssuer,
    ];
    let mut tokens: Vec<_> = flaws.map(|flaw| token.clone().flaw(flaw).sign()).into();
    // Denied, too.
    tokens.push(token.sign());
    for token in tokens {
        let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert!(response.status().is_client_error());
        assert!(ValidatedToken::of(response.extensions()).is_none());
        assert!(response.extensions().get::<ValidatedToken>().is_none());
        assert_eq!(response.extensions().len(), 1, "the reason, and nothing else");
        let rejection = response.extensions().get::<portcullis::Rejection>().unwrap();
        let shown = format!("{response:?} {rejection} {rejection:?}");
        assert!(!shown.contains(secret) && !shown.contains(&token), "{shown}");
    }
}

/// A requirement without `not`.
fn requirement(random: &mut Random, depth: usize) -> Requirement {
    let pick = |random: &mut Random| *random.pick(&["a", "b", "c"]);
    match random.below(if depth == 0 { 4 } else { 6 }) {
        0 => scope(pick(random)),
        1 => role(pick(random)),
        2 => any_scope([pick(random), pick(random)]),
        3 => all_scopes([pick(random), pick(random)]),
        4 => requirement(random, depth - 1).and(requirement(random, depth - 1)),
        _ => requirement(random, depth - 1).or(requirement(random, depth - 1)),
    }
}

#[tokio::test]
async fn a_claim_that_is_not_there_never_widens_what_a_token_grants() {
    // covers: POL-002, POL-011
    let mut random = Random::new(53);
    let mut admitted = 0;
    for _ in 0..80 {
        let (issuer, api) = Api::requiring(requirement(&mut random, 2));
        let mut grants = |name: &str| {
            let held: Vec<_> = ["a", "b", "c"].into_iter().filter(|_| random.one_in(2)).collect();
            match name {
                "scope" => json!(held.join(" ")),
                _ => json!(held),
            }
        };
        let claims = [
            ("scope", grants("scope")),
            ("roles", grants("roles")),
            ("scp", json!(["a", "b", "c"])),
            ("groups", json!(["a"])),
            ("permissions", json!("a b c")),
            ("act", json!({ "sub": "a", "roles": ["a", "b", "c"] })),
        ];
        let full = claims
            .iter()
            .fold(issuer.token(AUDIENCE), |token, (name, value)| token.claim(name, value.clone()));
        let before = api.token(full.clone().sign()).await.code();
        admitted += usize::from(before == "admitted");
        let everything = claims.iter().map(|(name, _)| *name).chain([
            "sub",
            "client_id",
            "jti",
            "iat",
            "exp",
            "aud",
            "iss",
        ]);
        for name in everything {
            for (how, token) in [
                ("absent", full.clone().without(name)),
                ("null", full.clone().claim(name, Value::Null)),
                ("empty", full.clone().claim(name, "")),
                ("an empty list", full.clone().claim(name, json!([]))),
                ("an empty object", full.clone().claim(name, json!({}))),
                ("false", full.clone().claim(name, false)),
            ] {
                let after = api.token(token.sign()).await.code();
                assert!(before == "admitted" || after != "admitted", "{name} {how}: {before}, then {after}");
            }
        }
    }
    assert!((10..70).contains(&admitted), "{admitted}");
}

#[tokio::test]
async fn the_checks_of_a_jwt_are_those_of_an_answer() {
    // covers: INT-016, INT-017, INT-018, INT-020
    let secret = ClientAuthentication::basic("api", Secret::new("secret"));
    let (issuer, server, _) = Api::trusting(|trusted| {
        trusted
            .profile(Profile::PlainJwt)
            .max_token_lifetime(Duration::from_secs(3_600))
            .introspection(Introspection::new(secret).endpoint(format!("{ISSUER}/introspect")))
    });
    let api = Api::new(server.with_http_client(issuer.clone()).build().unwrap().require(scope("a")));
    let header = json!({ "alg": "ES256", "kid": issuer.key_id(Es256) }).to_string();
    let mut random = Random::new(54);
    let mut seen = BTreeSet::new();
    for _ in 0..1_500 {
        let mut claims: Value = CLAIMS.parse().unwrap();
        claims["scope"] = json!("a");
        for _ in 0..1 + random.below(2) {
            let near = NOW - 100 + u64::try_from(random.below(200)).unwrap();
            let odd = [
                json!(""),
                json!(near),
                json!(near.to_string()),
                json!(["a"]),
                json!([]),
                json!({}),
                json!(true),
            ];
            let (name, value) = match random.below(12) {
                0 => (
                    "iss",
                    json!(*random.pick(&["https://another-issuer.example.com", "https://id.example.com/"])),
                ),
                1 => (
                    "aud",
                    json!(*random.pick(&["https://another-api.example.com", "https://api.example.com/"])),
                ),
                2 => ("aud", Value::Null),
                3 => ("sub", Value::Null),
                4 => ("cnf", json!({ "jkt": "x" })),
                5 => ("scope", json!(*random.pick(&["b", "a b", ""]))),
                6 => ("exp", json!(NOW + 3_000 + u64::try_from(random.below(1_200)).unwrap())),
                7 => ("typ", json!(*random.pick(&["Refresh", "ID", "Offline", "Bearer"]))),
                8 => (*random.pick(&["exp", "nbf", "iat"]), json!(near)),
                9 => ("token_use", json!(*random.pick(&["access", "id", "refresh"]))),
                _ => (
                    *random.pick(&["iss", "aud", "sub", "client_id", "exp", "nbf", "iat", "scope", "jti"]),
                    random.pick(&odd).clone(),
                ),
            };
            claims[name] = value;
        }
        let jwt = issuer.sign(Es256, &header, claims.to_string().as_bytes());
        claims["active"] = json!(true);
        let opaque = issuer.token(AUDIENCE).opaque();
        issuer.answer_introspection(&opaque, claims.to_string());
        let (of_jwt, of_answer) = (api.token(jwt).await.code(), api.token(opaque).await.code());
        assert_eq!(of_jwt, of_answer, "{claims}");
        seen.insert(of_answer);
    }
    let all = [
        "admitted",
        "binding_not_verified",
        "denied",
        "expired",
        "issued_in_the_future",
        "lives_too_long",
        "malformed_token",
        "missing_claim",
        "not_yet_valid",
        "wrong_audience",
        "wrong_issuer",
        "wrong_type",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}
