//! An introspection endpoint that was taken over, or is merely broken, asked by the default client over real sockets.

use std::time::Duration;

use portcullis::SignatureAlgorithm::Es256;
use portcullis::testing::{Fault, Issuer, ManualClock};
use portcullis::{ClientAuthentication, Introspection, ResourceServer, Secret, TrustedIssuer, authenticated};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Api, NOW, Origin, Serve};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn issuer() -> Issuer {
    Issuer::start().await.with_clock(ManualClock::at(NOW))
}

fn introspection() -> Introspection {
    Introspection::new(ClientAuthentication::basic("api", Secret::new("secret")))
}

fn api(issuer: &Issuer, introspection: Introspection) -> Api {
    let trusted = TrustedIssuer::new(issuer.url()).introspection(introspection);
    let server = ResourceServer::builder(trusted).audience(AUDIENCE).with_clock(ManualClock::at(NOW));
    Api::new(server.dangerous_allow_loopback_http().build().unwrap().require(authenticated()))
}

fn active(issuer: &Issuer) -> Value {
    json!({ "active": true, "iss": issuer.url(), "aud": AUDIENCE, "sub": "alice", "exp": NOW + 300 })
}

#[expect(clippy::needless_pass_by_value, reason = "so that a call reads well")]
fn token_of(issuer: &Issuer, answer: impl ToString) -> String {
    let token = issuer.token(AUDIENCE).opaque();
    issuer.answer_introspection(&token, answer.to_string());
    token
}

#[tokio::test]
async fn no_hostile_answer_makes_a_token_active() {
    // covers: HI-001, HI-003, HI-005
    let issuer = issuer().await;
    let api = api(&issuer, introspection());
    let with = |name: &str, value: Value| {
        let mut answer = active(&issuer);
        answer[name] = value;
        answer.to_string()
    };
    let inactive = [
        with("active", json!("true")),
        with("active", json!(1)),
        with("active", json!([true])),
        with("active", json!({ "true": true })),
        with("active", json!(null)),
        with("active", json!(false)),
        r#"{"active":"true"}"#.to_owned(),
        r#"{"ACTIVE":true}"#.to_owned(),
        r#"{"active":false,"scope":"admin"}"#.to_owned(),
        r#"{"active":false,"scope":"admin","sub":"root","exp":"never"}"#.to_owned(),
        "{}".to_owned(),
    ];
    let inactive = inactive.map(|answer| (answer, "inactive"));
    let foreign = [
        (with("aud", json!("https://another-api.example.com")), "wrong_audience"),
        (with("aud", json!(["https://another-api.example.com"])), "wrong_audience"),
        (with("iss", json!("https://another-issuer.example.com")), "wrong_issuer"),
        (with("iss", json!(format!("{}/", issuer.url()))), "wrong_issuer"),
    ];
    for (answer, code) in inactive.into_iter().chain(foreign) {
        println!("{answer}");
        api.token(token_of(&issuer, answer)).await.assert_invalid(code);
        api.token(token_of(&issuer, active(&issuer))).await.assert_admitted();
    }
    for answer in ["true", "[true]", "[]", "null", "\"active\"", "active", "", r#"{"active":true"#] {
        println!("{answer}");
        api.token(token_of(&issuer, answer)).await.assert_unavailable(1);
        api.token(token_of(&issuer, active(&issuer))).await.assert_admitted();
    }
}

#[tokio::test]
async fn whatever_the_endpoint_does_token_and_credentials_go_nowhere_else() {
    // covers: INT-009, INT-010, INT-025, HI-007
    let (issuer, elsewhere) = (issuer().await, Origin::start().await);
    elsewhere.on("/introspect", Serve::json(active(&issuer).to_string()));
    let api = api(&issuer, introspection());
    let (there, here) = (elsewhere.url("/introspect"), format!("{}/other", issuer.url()));
    let right = active(&issuer).to_string();
    let mut faults = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        for location in [&*there, &*here, "//127.0.0.1:9/introspect", "/introspect"] {
            faults.push(Fault::answer(status, [("location", location), JSON], right.clone()));
        }
    }
    for status in [400, 401, 403, 404, 407, 421, 425, 500, 502] {
        faults.push(Fault::answer(status, [JSON], right.clone()));
        faults.push(Fault::Status(status));
    }
    // What a client might take for an invitation to say more, or to say it elsewhere.
    let challenge = ("www-authenticate", "Basic realm=\"x\", Negotiate, NTLM, Digest realm=\"x\"");
    faults.push(Fault::answer(401, [challenge, ("location", &*there)], ""));
    faults.push(Fault::answer(
        200,
        [("refresh", &*format!("0; url={there}")), ("content-type", "text/html")],
        "",
    ));
    faults.push(Fault::answer(
        200,
        [("content-type", "text/html")],
        "<html><form action=/login></form></html>",
    ));
    faults.push(Fault::answer(401, [("alt-svc", &*format!("h2=\"{}\"", elsewhere.address))], ""));
    for (asked, fault) in faults.into_iter().enumerate() {
        println!("{fault:?}");
        issuer.fail_introspection(fault);
        api.token(issuer.token(AUDIENCE).opaque()).await.assert_unavailable(1);
        assert_eq!(
            (issuer.requests().introspection, elsewhere.total()),
            (asked + 1, 0),
            "once, and there only"
        );
    }
    issuer.mend();
    api.token(issuer.token(AUDIENCE).opaque()).await.assert_admitted();
    assert_eq!(elsewhere.total(), 0);
}

#[tokio::test]
async fn no_hostile_signed_answer_makes_a_token_active() {
    // covers: INT-028, INT-029, INT-030, INT-031, INT-032, HI-011
    let issuer = issuer().await;
    let api = api(&issuer, introspection().signed_answers());
    let header = json!({ "typ": "token-introspection+jwt", "alg": "ES256", "kid": issuer.key_id(Es256) });
    let envelope = json!({
        "iss": issuer.url(), "aud": "api", "iat": NOW, "token_introspection": active(&issuer),
    });
    let sign = |header: &Value, claims: &Value| {
        issuer.sign(Es256, &header.to_string(), claims.to_string().as_bytes())
    };
    let header_with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        sign(&header, &envelope)
    };
    let claims_with = |name: &str, value: Value| {
        let mut claims = envelope.clone();
        claims[name] = value;
        sign(&header, &claims)
    };
    let right = sign(&header, &envelope);
    let unsigned = header_with("alg", json!("none"));
    let stranger = Issuer::offline(issuer.url());
    let mut top = active(&issuer);
    top["aud"] = json!("api");
    for answer in [
        active(&issuer).to_string(),
        header_with("typ", json!("JWT")),
        header_with("typ", json!("at+jwt")),
        unsigned.clone(),
        format!("{}.", unsigned.rsplit_once('.').unwrap().0),
        stranger.sign(Es256, &header.to_string(), envelope.to_string().as_bytes()),
        claims_with("aud", json!("another-client")),
        claims_with("iss", json!("https://another-issuer.example.com")),
        claims_with("iat", json!(NOW - 3_600)),
        claims_with("iat", json!(NOW + 3_600)),
        claims_with("exp", json!(NOW - 1)),
        claims_with("token_introspection", json!("{\"active\":true}")),
        sign(&header, &top),
        format!("{right}.{right}"),
    ] {
        println!("{answer}");
        api.token(token_of(&issuer, answer)).await.assert_unavailable(1);
        api.token(token_of(&issuer, &right)).await.assert_admitted();
    }
    top["token_introspection"] = json!({ "active": false });
    top["iat"] = json!(NOW);
    api.token(token_of(&issuer, sign(&header, &top))).await.assert_invalid("inactive");
    // A plain answer of the right server to somebody who asked for a signed one.
    issuer.fail_introspection(Fault::Body(active(&issuer).to_string()));
    api.token(issuer.token(AUDIENCE).opaque()).await.assert_unavailable(1);
}

/// An API whose endpoint answers in these octets.
async fn answered_by(issuer: &Issuer, serve: Serve) -> (Api, Origin) {
    let origin = Origin::start().await;
    origin.on("/introspect", serve);
    (api(issuer, introspection().endpoint(origin.url("/introspect"))), origin)
}

#[tokio::test]
async fn an_answer_larger_than_the_bound_is_given_up_before_it_ends() {
    // covers: INT-008, INT-010
    let issuer = issuer().await;
    let right = active(&issuer).to_string();
    let of_size = |size: usize| format!("{right}{}", " ".repeat(size - right.len()));
    let endless = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".to_vec();
    let chunked =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for serve in [
        Serve::Stall(Serve::octets("200 OK", "", of_size(64 * 1024 + 1))),
        Serve::Stall(Serve::octets("200 OK", "", of_size(1024 * 1024))),
        Serve::Endless(endless, b" ".repeat(1_000)),
        Serve::Endless(chunked, [b"3e8\r\n", &b" ".repeat(1_000)[..], b"\r\n"].concat()),
        Serve::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-Pad: 1\r\n".repeat(100)),
    ] {
        let (api, origin) = answered_by(&issuer, serve).await;
        let started = tokio::time::Instant::now();
        api.token("abc").await.assert_unavailable(1);
        assert!(started.elapsed() < Duration::from_secs(4), "not by its time");
        assert_eq!(origin.total(), 1);
    }
    let (api, _origin) =
        answered_by(&issuer, Serve::Stall(Serve::octets("200 OK", "", of_size(64 * 1024)))).await;
    api.token("abc").await.assert_admitted();
}

#[tokio::test]
async fn an_endpoint_that_answers_slowly_or_not_at_all_is_given_up_after_five_seconds() {
    // covers: INT-010
    // In real time, all at once: a client that reads a clock of its own is not fooled by ours.
    let issuer = issuer().await;
    let right = active(&issuer).to_string();
    let whole = Serve::octets("200 OK", "", &right);
    let (head, second) = (whole[..whole.len() - right.len()].to_vec(), Duration::from_secs(1));
    let started = tokio::time::Instant::now();
    let slow = [
        Serve::Stall(Vec::new()),
        Serve::Stall(head.clone()),
        Serve::Stall(whole[..whole.len() - 1].to_vec()),
        Serve::Drip(head, right.into_bytes(), second),
        Serve::Drip(Vec::new(), whole, second),
    ]
    .map(async |serve| {
        let (api, origin) = answered_by(&issuer, serve).await;
        api.token("abc").await.assert_unavailable(1);
        let elapsed = started.elapsed().as_secs();
        assert!((5..15).contains(&elapsed), "{elapsed} s");
        assert_eq!(origin.total(), 1);
    });
    futures_util::future::join_all(slow).await;
}
