//! Opaque tokens of the kit, and the endpoint that explains them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response};
use jsonwebtoken::{Algorithm, DecodingKey, jwk};
use portcullis::testing::{Fault, Flaw, Issuer, ManualClock, TokenBuilder, presented};
use portcullis::{FetchError, FetchLimits, HttpClient, SignatureAlgorithm};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, NOW};

const FORM: &str = "application/x-www-form-urlencoded";
const SIGNED: &str = "application/token-introspection+jwt";
const BY_POST: [(&str, &str); 2] = [("client_id", "api"), ("client_secret", "secret")];

fn issuer() -> (Issuer, ManualClock) {
    let clock = ManualClock::at(NOW);
    (Issuer::offline(ISSUER).with_clock(clock.clone()), clock)
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn form(fields: &[(&str, &str)]) -> Request<Bytes> {
    let request = Request::post("/introspect").header("content-type", FORM);
    request.body(Bytes::from(encoded(fields))).unwrap()
}

/// By the client that there is from the start.
fn asking(token: &str) -> Request<Bytes> {
    form(&[("token", token), BY_POST[0], BY_POST[1]])
}

fn with(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

async fn try_send(issuer: &Issuer, mut request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
    let url = format!("{}{}", issuer.url().trim_end_matches('/'), request.uri());
    *request.uri_mut() = url.parse().unwrap();
    issuer.send(request, FetchLimits::default()).await
}

async fn send(issuer: &Issuer, request: Request<Bytes>) -> Response<Bytes> {
    try_send(issuer, request).await.unwrap()
}

async fn introspect(issuer: &Issuer, token: &str) -> Value {
    let answer = send(issuer, asking(token)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    serde_json::from_slice(answer.body()).unwrap()
}

fn inactive() -> Value {
    json!({ "active": false })
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[tokio::test]
async fn an_opaque_token_is_active_with_its_claims_and_any_other_text_is_not() {
    let (issuer, _) = issuer();
    let token = issuer.token(AUDIENCE).scope("a b").claim("acr", "high").without("jti").opaque();
    let claims = json!({
        "active": true, "token_type": "Bearer", "iss": ISSUER, "aud": AUDIENCE, "sub": "alice",
        "client_id": "client-1", "iat": NOW, "exp": NOW + 300, "scope": "a b", "acr": "high",
    });
    assert_eq!(introspect(&issuer, &token).await, claims);
    assert_eq!(introspect(&issuer, "unheard-of").await, inactive());
    assert_eq!(introspect(&issuer, &token.to_lowercase()).await, inactive());
    assert_eq!(introspect(&Issuer::offline(ISSUER), &token).await, inactive(), "another issuer's");
    let odd = issuer.token(AUDIENCE).claim("active", "true").claim("token_type", "DPoP").opaque();
    let answer = introspect(&issuer, &odd).await;
    assert_eq!((&answer["active"], &answer["token_type"]), (&json!("true"), &json!("DPoP")));
}

#[test]
fn the_text_of_an_opaque_token_is_a_bearer_token_that_must_be_encoded_and_is_no_jwt() {
    let (issuer, _) = issuer();
    let token = issuer.token(AUDIENCE).opaque_with_prefix("gho_");
    let request = super::get(Some(&token));
    assert_eq!(presented(&request).token.expose_secret(), token);
    assert!(token.starts_with("gho_") && !token.contains('.'));
    assert!(['+', '/', '~', '='].into_iter().all(|character| token.contains(character)), "{token}");
    for prefix in ["a b", "=", "\u{e4}", "a\n"] {
        let made = catch_unwind(AssertUnwindSafe(|| issuer.token(AUDIENCE).opaque_with_prefix(prefix)));
        assert!(made.is_err(), "{prefix:?}");
    }
}

#[tokio::test]
async fn a_token_that_expired_or_was_revoked_is_not_active() {
    let (issuer, clock) = issuer();
    let make = || issuer.token(AUDIENCE);
    for finish in [TokenBuilder::opaque, TokenBuilder::sign] {
        let short = finish(make().expires_in(Duration::from_secs(60)));
        let long = finish(make());
        clock.advance(Duration::from_secs(59));
        assert_eq!(introspect(&issuer, &short).await["active"], true);
        clock.advance(Duration::from_secs(1));
        assert_eq!(introspect(&issuer, &short).await, inactive());
        assert_eq!(introspect(&issuer, &long).await["active"], true);
        issuer.revoke(&long);
        assert_eq!(introspect(&issuer, &long).await, inactive());
    }
    for flaw in [Flaw::Expired, Flaw::NotYetValid] {
        assert_eq!(introspect(&issuer, &make().flaw(flaw).opaque()).await, inactive());
    }
    assert_eq!(introspect(&issuer, &make().without("exp").opaque()).await["active"], true);
    assert_eq!(introspect(&issuer, &make().claim("exp", 1.5).opaque()).await, inactive());
}

#[tokio::test]
async fn a_flaw_of_the_claims_is_in_the_answer_and_one_of_the_signature_cannot_be() {
    let (issuer, _) = issuer();
    for flaw in Flaw::ALL {
        let made = catch_unwind(AssertUnwindSafe(|| issuer.token(AUDIENCE).flaw(flaw).opaque()));
        assert_eq!(made.is_ok(), flaw.concerns_claims(), "{flaw:?}");
        let Ok(token) = made else { continue };
        let answer = introspect(&issuer, &token).await;
        let found = match flaw {
            Flaw::BoundToKey => answer["cnf"]["jkt"].is_string(),
            Flaw::Expired | Flaw::NotYetValid => answer == inactive(),
            Flaw::IssuedInTheFuture => answer["iat"] == NOW + 3600,
            Flaw::NoAudience => answer["active"] == true && answer.get("aud").is_none(),
            Flaw::NoExpiry => answer["active"] == true && answer.get("exp").is_none(),
            Flaw::WrongAudience => answer["active"] == true && answer["aud"] != AUDIENCE,
            Flaw::WrongIssuer => answer["active"] == true && answer["iss"] != ISSUER,
            _ => false,
        };
        assert!(found, "{flaw:?}: {answer}");
    }
}

#[tokio::test]
async fn an_access_token_that_the_issuer_signed_can_be_introspected_too() {
    let (issuer, _) = issuer();
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Ed25519] {
        let token = issuer.token(AUDIENCE).algorithm(algorithm).scope("a").sign();
        let answer = introspect(&issuer, &token).await;
        assert_eq!((&answer["active"], &answer["scope"]), (&json!(true), &json!("a")));
    }
    for typ in ["JWT", "application/at+jwt"] {
        let token = issuer.token(AUDIENCE).header("typ", typ).sign();
        assert_eq!(introspect(&issuer, &token).await["active"], true, "{typ}");
    }
    for flaw in Flaw::ALL {
        let token = issuer.token(AUDIENCE).flaw(flaw).sign();
        let expected = match flaw {
            // What a server says of a token of its own, for somebody else or for later use.
            Flaw::BoundToKey
            | Flaw::IssuedInTheFuture
            | Flaw::NoAudience
            | Flaw::NoExpiry
            | Flaw::WrongAudience => true,
            _ => false,
        };
        assert_eq!(introspect(&issuer, &token).await["active"], expected, "{flaw:?}");
    }
    let token = issuer.token(AUDIENCE).sign();
    issuer.rotate();
    assert_eq!(introspect(&issuer, &token).await, inactive(), "its key is gone");
}

#[tokio::test]
async fn each_client_authenticates_in_its_own_way_and_in_no_other() {
    let (issuer, _) = issuer();
    issuer.client("a:b c", "p%\u{e4}+");
    issuer.client_token("by-token", "resource-server-token");
    let token = issuer.token(AUDIENCE).opaque();
    let bare = || form(&[("token", &*token)]);
    let authorized = |value: &str| with(bare(), "authorization", value);
    let posted = |id, secret| form(&[("token", &*token), ("client_id", id), ("client_secret", secret)]);
    for right in [
        authorized(&basic("api", "secret")),
        authorized(&basic("api", "secret").replace("Basic", "basic")),
        posted("api", "secret"),
        authorized(&basic("a%3Ab+c", "p%25%C3%A4%2B")),
        posted("a:b c", "p%\u{e4}+"),
        authorized("Bearer resource-server-token"),
    ] {
        assert_eq!(send(&issuer, right).await.status(), 200, "{:?}", issuer.last_introspection());
    }
    for (wrong, scheme) in [
        (bare(), "Basic"),
        (authorized(&basic("api", "Secret")), "Basic"),
        (authorized(&basic("nobody", "secret")), "Basic"),
        (authorized(&basic("a:b c", "p%\u{e4}+")), "Basic"),
        (authorized("Basic !"), "Basic"),
        (authorized("Digest x"), "Basic"),
        (authorized("Bearer another"), "Bearer"),
        (posted("api", ""), "Basic"),
        (posted("by-token", "resource-server-token"), "Basic"),
        (form(&[("token", &*token), ("client_id", "api")]), "Basic"),
        (form(&[("token", &*token), ("client_secret", "secret")]), "Basic"),
    ] {
        let answer = send(&issuer, wrong).await;
        assert_eq!(answer.status(), 401, "{:?}", issuer.last_introspection());
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with(scheme), "{challenge}");
    }
    let twice = with(posted("api", "secret"), "authorization", &basic("api", "secret"));
    assert_eq!(send(&issuer, twice).await.status(), 400, "one method for each request");
    // A new secret replaces the old one.
    issuer.client("api", "another");
    assert_eq!(send(&issuer, posted("api", "secret")).await.status(), 401);
    assert_eq!(send(&issuer, posted("api", "another")).await.status(), 200);
}

#[tokio::test]
async fn a_client_with_keys_authenticates_by_an_assertion_for_this_issuer() {
    let (issuer, _) = issuer();
    // Whoever has keys can sign.
    let client = Issuer::offline("https://client.example.com");
    issuer.client_keys("api", client.jwk_set());
    let token = issuer.token(AUDIENCE).opaque();
    let right = json!({ "iss": "api", "sub": "api", "aud": ISSUER, "exp": NOW + 60, "jti": "1" });
    let sign = |signer: &Issuer, claims: &Value| {
        let header = json!({ "alg": "ES256", "kid": signer.key_id(SignatureAlgorithm::Es256) }).to_string();
        signer.sign(SignatureAlgorithm::Es256, &header, claims.to_string().as_bytes())
    };
    let status = async |assertion: &str, kind: &str, client_id: &str| {
        let kind = format!("urn:ietf:params:oauth:client-assertion-type:{kind}");
        let mut fields =
            vec![("token", &*token), ("client_assertion_type", &*kind), ("client_assertion", assertion)];
        fields.extend((!client_id.is_empty()).then_some(("client_id", client_id)));
        send(&issuer, form(&fields)).await.status().as_u16()
    };
    let assertion = sign(&client, &right);
    assert_eq!(status(&assertion, "jwt-bearer", "").await, 200);
    assert_eq!(status(&assertion, "jwt-bearer", "api").await, 200);
    assert_eq!(status(&assertion, "jwt-bearer", "other").await, 401);
    assert_eq!(status(&assertion, "saml2-bearer", "api").await, 401);
    assert_eq!(status(&sign(&issuer, &right), "jwt-bearer", "api").await, 401, "a stranger's key");
    assert_eq!(send(&issuer, asking(&token)).await.status(), 401, "the secret is no more");
    let endpoint = issuer.metadata_json()["introspection_endpoint"].clone();
    for (name, value, expected) in [
        ("aud", json!([ISSUER]), 200),
        ("aud", endpoint, 200),
        ("aud", json!("https://another-issuer.example.com"), 401),
        ("aud", Value::Null, 401),
        ("iss", json!("other"), 401),
        ("sub", json!("other"), 401),
        ("exp", json!(NOW), 401),
        ("exp", Value::Null, 401),
    ] {
        let mut claims = right.clone();
        claims[name] = value;
        let status = status(&sign(&client, &claims), "jwt-bearer", "").await;
        assert_eq!(status, expected, "{name}: {}", claims[name]);
    }
}

#[tokio::test]
async fn only_a_form_with_one_token_and_nothing_secret_in_the_url_is_taken() {
    let (issuer, _) = issuer();
    let token = issuer.token(AUDIENCE).opaque();
    let at = |uri: &str| {
        let mut request = asking(&token);
        *request.uri_mut() = uri.parse().unwrap();
        request
    };
    let mut got = asking(&token);
    *got.method_mut() = Method::GET;
    let mut untyped = asking(&token);
    untyped.headers_mut().clear();
    for (request, expected) in [
        (at("/introspect"), 200),
        (at("/introspect?tenant=1"), 200),
        (with(asking(&token), "content-type", &format!("{FORM}; charset=utf-8")), 200),
        (form(&[("token", &*token), BY_POST[0], BY_POST[1], ("token_type_hint", "unheard_of")]), 200),
        (got, 405),
        (at("/introspect?token=a"), 400),
        (at("/introspect?client_secret=a"), 400),
        (at("/introspect/"), 404),
        (with(asking(&token), "content-type", "application/json"), 400),
        (untyped, 400),
        (form(&BY_POST), 400),
        (form(&[("token", ""), BY_POST[0], BY_POST[1]]), 400),
        (form(&[("token", &*token), ("token", "a"), BY_POST[0], BY_POST[1]]), 400),
    ] {
        let answer = send(&issuer, request).await;
        assert_eq!(answer.status(), expected, "{:?}", issuer.last_introspection());
        if expected == 405 {
            assert_eq!(answer.headers()["allow"], "POST");
        }
    }
}

#[tokio::test]
async fn a_signed_answer_is_for_its_client_and_whoever_asks_for_it() {
    let (issuer, _) = issuer();
    let token = issuer.token(AUDIENCE).scope("a").opaque();
    let signed = async |token: &str, accept: &str| {
        let answer = send(&issuer, with(asking(token), "accept", accept)).await;
        let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (content_type, String::from_utf8(answer.into_body().to_vec()).unwrap())
    };
    assert_eq!(signed(&token, "application/json, */*").await.0, "application/json");
    let (content_type, text) =
        signed(&token, "application/json, Application/token-introspection+JWT;q=0.9").await;
    assert_eq!(content_type, SIGNED);

    let keys: jwk::JwkSet = serde_json::from_value(issuer.jwks_json()).unwrap();
    let mut rules = jsonwebtoken::Validation::new(Algorithm::ES256);
    rules.set_audience(&["api"]);
    rules.set_issuer(&[ISSUER]);
    rules.set_required_spec_claims(&["iss", "aud"]);
    let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let read = |text: &str| jsonwebtoken::decode::<Value>(text, &key, &rules).unwrap();
    let jwt = read(&text);
    assert_eq!(jwt.header.typ.as_deref(), Some("token-introspection+jwt"));
    assert_eq!(jwt.header.kid, Some(issuer.key_id(SignatureAlgorithm::Es256)));
    assert_eq!(jwt.claims["iat"], NOW);
    assert_eq!(jwt.claims["token_introspection"], introspect(&issuer, &token).await);
    assert_eq!(jwt.claims.as_object().unwrap().len(), 4);

    let (_, unknown) = signed("unheard-of", SIGNED).await;
    assert_eq!(read(&unknown).claims["token_introspection"], inactive());
    assert_eq!(introspect(&issuer, &text).await, inactive(), "an answer is no access token");
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_has_its_own_faults_which_are_mended_with_the_others() {
    let (issuer, _) = issuer();
    let token = issuer.token(AUDIENCE).opaque();
    let metadata = async || {
        let request = Request::get("/.well-known/openid-configuration").body(Bytes::new()).unwrap();
        send(&issuer, request).await.status().as_u16()
    };
    issuer.fail(Fault::Status(500));
    assert_eq!((metadata().await, introspect(&issuer, &token).await["active"].clone()), (500, json!(true)));
    issuer.fail_introspection(Fault::Status(503));
    assert_eq!(send(&issuer, asking(&token)).await.status(), 503);
    issuer.mend();
    assert_eq!((metadata().await, introspect(&issuer, &token).await["active"].clone()), (200, json!(true)));

    issuer.fail_introspection(Fault::Hang);
    assert!(matches!(try_send(&issuer, asking(&token)).await, Err(FetchError::TimedOut)));
    assert_eq!(metadata().await, 200);
    issuer.fail_introspection(Fault::BreakOff);
    assert!(matches!(try_send(&issuer, asking(&token)).await, Err(FetchError::Failed(_))));
    issuer.fail_introspection(Fault::Delay(Duration::from_secs(60)));
    assert!(matches!(try_send(&issuer, asking(&token)).await, Err(FetchError::TimedOut)));
    issuer.fail_introspection(Fault::Delay(Duration::from_secs(1)));
    assert_eq!(introspect(&issuer, &token).await["active"], true);
    issuer.fail_introspection(Fault::Body("{".to_owned()));
    assert_eq!(send(&issuer, asking(&token)).await.body(), "{");
    issuer.fail_introspection(Fault::answer(
        429,
        [("retry-after", "7"), ("content-type", "text/html")],
        "<p>",
    ));
    let answer = send(&issuer, asking(&token)).await;
    let field = |name| answer.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (429, &b"<p>"[..]));
    assert_eq!((field("retry-after"), field("content-type")), (Some("7"), Some("text/html")));
}

#[tokio::test]
async fn one_token_can_have_any_answer_at_all() {
    let (issuer, _) = issuer();
    let (token, other) = (issuer.token(AUDIENCE).opaque(), issuer.token(AUDIENCE).opaque());
    issuer.answer_introspection(&token, r#"{"active":1"#);
    let answer = send(&issuer, asking(&token)).await;
    assert_eq!(
        (&answer.headers()["content-type"], &answer.body()[..]),
        (&"application/json".parse().unwrap(), &br#"{"active":1"#[..])
    );
    assert_eq!(introspect(&issuer, &other).await["active"], true);
    assert_eq!(send(&issuer, form(&[("token", &*token)])).await.status(), 401, "for clients only");
    issuer.answer_introspection(&token, "a.b.c");
    let answer = send(&issuer, with(asking(&token), "accept", SIGNED)).await;
    assert_eq!(
        (&answer.headers()["content-type"], &answer.body()[..]),
        (&SIGNED.parse().unwrap(), &b"a.b.c"[..])
    );
    issuer.revoke(&token);
    assert_eq!(introspect(&issuer, &token).await, inactive());
}

#[tokio::test]
async fn what_the_endpoint_saw_is_counted_and_kept_and_not_printed() {
    let (issuer, _) = issuer();
    assert!(issuer.last_introspection().is_none());
    let token = issuer.token(AUDIENCE).opaque();
    let authorization = basic("api", "secret");
    let request = with(
        form(&[("token", &*token), ("token_type_hint", "access_token")]),
        "authorization",
        &authorization,
    );
    send(&issuer, with(request, "accept", "application/json")).await;
    let seen = issuer.last_introspection().unwrap();
    assert_eq!((&seen.method, seen.uri.to_string().as_str()), (&Method::POST, "/introspect"));
    assert_eq!(seen.header("Authorization"), Some(&*authorization));
    assert_eq!((seen.header("accept"), seen.header("content-type")), (Some("application/json"), Some(FORM)));
    assert_eq!(
        seen.form,
        [("token".to_owned(), token.clone()), ("token_type_hint".into(), "access_token".into())]
    );
    assert_eq!((seen.field("token"), seen.field("client_id")), (Some(&*token), None));

    issuer.fail_introspection(Fault::Status(500));
    let mut exposing = asking(&token);
    *exposing.uri_mut() = format!("/introspect?{}", encoded(&[("token", &token)])).parse().unwrap();
    send(&issuer, exposing).await;
    assert!(issuer.last_introspection().unwrap().uri.query().unwrap().starts_with("token="));
    assert_eq!((issuer.requests().introspection, issuer.requests().jwks), (2, 0));
    for shown in [format!("{seen:?}"), format!("{:?}", issuer.last_introspection()), format!("{issuer:?}")] {
        for secret in [&*token, &encoded(&[("", &token)])[1..], &authorization, "access_token"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn an_issuer_on_loopback_introspects_in_the_same_way() {
    let issuer = Issuer::start().await;
    let clock = ManualClock::at(NOW);
    let issuer = issuer.with_clock(clock.clone());
    let endpoint = issuer.metadata_json()["introspection_endpoint"].as_str().unwrap().to_owned();
    assert_eq!(endpoint, format!("{}/introspect", issuer.url()));
    let token = issuer.token(AUDIENCE).opaque();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |form: String| {
        let call = client.post(&endpoint).basic_auth("api", Some("secret")).header("content-type", FORM);
        call.body(form).send().await
    };
    let active = async || {
        let answer = ask(encoded(&[("token", &token)])).await.unwrap();
        assert_eq!(answer.status(), 200);
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()["active"].clone()
    };
    assert_eq!(active().await, true);
    assert_eq!(issuer.last_introspection().unwrap().field("token"), Some(&*token));
    let refused = client.post(&endpoint).header("content-type", FORM).body(encoded(&[("token", &token)]));
    assert_eq!(refused.send().await.unwrap().status(), 401);
    // What is encoded wrongly is another token.
    let wrong = ask(format!("token={token}")).await.unwrap();
    assert_eq!(wrong.text().await.unwrap(), inactive().to_string());
    clock.advance(Duration::from_secs(300));
    assert_eq!(active().await, false);
    issuer.fail_introspection(Fault::BreakOff);
    let broken = async { ask(encoded(&[("token", &token)])).await?.text().await };
    assert!(broken.await.is_err());
    assert_eq!(issuer.requests().introspection, 5);
}

#[tokio::test]
async fn an_issuer_answers_below_its_own_path_only() {
    let issuer = Issuer::offline("https://id.example.com/realm/");
    let token = issuer.token(AUDIENCE).opaque();
    assert_eq!(introspect(&issuer, &token).await["active"], true);
    for elsewhere in ["https://id.example.com/introspect", "https://id.example.com/realms/introspect"] {
        let mut request = asking(&token);
        *request.uri_mut() = elsewhere.parse().unwrap();
        assert!(issuer.send(request, FetchLimits::default()).await.is_err());
    }
}
