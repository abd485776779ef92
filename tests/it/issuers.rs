//! Several issuers on one server: the unverified `iss` selects one of a closed set, and nothing of one issuer (rules,
//! keys, outages) reaches another. Virtual time, counted requests.

mod changes;
mod mistakes;
mod room;
mod seen;

use std::sync::Arc;
use std::time::Duration;

use portcullis::SignatureAlgorithm::{EdDsa, Es256};
use portcullis::testing::{Flaw, Issuer, ManualClock};
use portcullis::{Profile, ResourceServer, ResourceServerBuilder, TrustedIssuer, authenticated, role};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::support::{AUDIENCE, Answer, Api, NOW, Reply, ScriptedClient, eventually};

const A: &str = "https://a.example.com";
const B: &str = "https://b.example.com";

/// Two issuers whose keys have the same names, the network that all keys come through, and the clock of everybody.
struct World {
    a: Issuer,
    b: Issuer,
    client: ScriptedClient,
    clock: ManualClock,
}

impl World {
    /// Both issuers answer.
    fn new() -> Self {
        let world = Self::silent();
        for issuer in [&world.a, &world.b] {
            world.keys_of(issuer, [jwks(issuer)]);
        }
        world
    }

    /// Neither does: every request is answered with 404.
    fn silent() -> Self {
        let clock = ManualClock::at(NOW);
        let issuer = |url| Issuer::offline(url).with_clock(clock.clone());
        let (a, b) = (issuer(A), issuer(B));
        for algorithm in [Es256, EdDsa] {
            assert_eq!(a.key_id(algorithm), b.key_id(algorithm));
        }
        Self { a, b, client: ScriptedClient::default(), clock }
    }

    /// The metadata of this issuer is there, and where it leads, these replies are.
    fn keys_of(&self, issuer: &Issuer, replies: impl IntoIterator<Item = Reply>) {
        let metadata = Reply::Json(issuer.metadata_json().to_string());
        self.client.clone().on(&openid(issuer), [metadata]).on(&jwks_uri(issuer), replies);
    }

    fn server(&self, issuer: impl Into<TrustedIssuer>) -> ResourceServerBuilder {
        ResourceServer::builder(issuer)
            .audience(AUDIENCE)
            .with_clock(self.clock.clone())
            .with_http_client(self.client.clone())
    }

    /// A server that trusts both issuers, and has no keys yet.
    fn both(&self) -> ResourceServer {
        self.server(A).issuer(B).build().unwrap()
    }
}

fn openid(issuer: &Issuer) -> String {
    format!("{}/.well-known/openid-configuration", issuer.url())
}

fn jwks_uri(issuer: &Issuer) -> String {
    format!("{}/jwks", issuer.url())
}

fn jwks(issuer: &Issuer) -> Reply {
    Reply::Json(issuer.jwks_json().to_string())
}

/// The issuer with its keys known from the start.
fn fixed(issuer: &Issuer) -> TrustedIssuer {
    TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set())
}

/// Another issuer with the name of the first, with other keys of the same names.
fn namesake(world: &World) -> Issuer {
    Issuer::offline(A).with_clock(world.clock.clone())
}

fn token(issuer: &Issuer) -> String {
    issuer.token(AUDIENCE).sign()
}

fn api(server: &ResourceServer) -> Api {
    Api::new(server.require(authenticated()))
}

/// A request of its own task.
fn ask(server: &ResourceServer, token: String) -> JoinHandle<Answer> {
    let api = api(server);
    tokio::spawn(async move { api.token(token).await })
}

/// Until the network was asked this often.
async fn asked(client: &ScriptedClient, times: usize) {
    eventually("the requests", async || client.count() >= times).await;
}

#[tokio::test]
async fn each_issuer_has_rules_of_its_own() {
    // covers: JWT-005, JWT-006, JWS-011, JWK-019
    let World { a, b, clock, .. } = World::silent();
    let (of_a, of_b) = ("https://api.example.com/a", "https://api.example.com/b");
    let strict = fixed(&a).audience(of_a).algorithms([Es256]);
    let plain = fixed(&b).audience(of_b).algorithms([EdDsa]).profile(Profile::PlainJwt);
    let plain = plain.max_token_lifetime(Duration::from_secs(600)).roles_at("/realm_access/roles");
    // The audience of the server is that of issuers without one of their own.
    let server = ResourceServer::builder(strict).issuer(plain).audience(AUDIENCE).with_clock(clock);
    let server = server.build().unwrap();
    let api = api(&server);
    let right_a = || a.token(of_a).algorithm(Es256);
    let right_b = || b.token(of_b).algorithm(EdDsa).without_header("typ").without("jti");
    api.token(right_a().sign()).await.assert_admitted();
    api.token(right_b().sign()).await.assert_admitted();
    for (token, code) in [
        (right_a().without_header("typ"), "wrong_type"),
        (right_a().without("jti"), "missing_claim"),
        (right_a().algorithm(EdDsa), "algorithm_not_allowed"),
        (right_b().algorithm(Es256), "algorithm_not_allowed"),
        (right_a().claim("aud", of_b), "wrong_audience"),
        (right_b().claim("aud", of_a), "wrong_audience"),
        (right_a().claim("aud", AUDIENCE), "wrong_audience"),
        (right_b().claim("aud", AUDIENCE), "wrong_audience"),
        (right_b().expires_in(Duration::from_secs(601)), "lives_too_long"),
    ] {
        api.token(token.sign()).await.assert_invalid(code);
    }
    api.token(right_a().expires_in(Duration::from_secs(601)).sign()).await.assert_admitted();
    // Roles, too, are read where this issuer has them.
    let clerks = Api::new(server.require(role("clerk")));
    let nested = json!({ "roles": ["clerk"] });
    clerks.token(right_a().roles(["clerk"]).sign()).await.assert_admitted();
    clerks.token(right_b().claim("realm_access", nested.clone()).sign()).await.assert_admitted();
    clerks.token(right_a().claim("realm_access", nested).sign()).await.assert_denied(None);
    clerks.token(right_b().roles(["clerk"]).sign()).await.assert_denied(None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_of_equal_name_never_verify_the_tokens_of_the_other_issuer() {
    // covers: JWK-019, HT-023
    for round in 0..8 {
        let world = World::silent();
        let (a, b) = (&world.a, &world.b);
        let gates = [a, b].map(|issuer| {
            let gate = Arc::new(Semaphore::new(0));
            world.keys_of(issuer, [Reply::After(Arc::clone(&gate), Box::new(jwks(issuer)))]);
            gate
        });
        let server = world.both();
        let disguised = |issuer: &Issuer, as_of| issuer.token(AUDIENCE).claim("iss", as_of).sign();
        let cases = [
            (token(a), "admitted"),
            (disguised(b, A), "bad_signature"),
            (token(b), "admitted"),
            (disguised(a, B), "bad_signature"),
        ];
        // Nobody has keys, and all of these wait together; then the keys of one issuer come, and those of the other.
        let first: Vec<_> = (0..64).map(|index| ask(&server, cases[index % 4].0.clone())).collect();
        asked(&world.client, 4).await;
        gates[round % 2].add_permits(1);
        gates[1 - round % 2].add_permits(1);
        let second = (0..64).map(|index| ask(&server, cases[index % 4].0.clone()));
        for (index, answer) in first.into_iter().chain(second).enumerate() {
            match (answer.await.unwrap(), cases[index % 4].1) {
                (answer, "admitted") => answer.assert_admitted(),
                (answer, code) => answer.assert_invalid(code),
            }
        }
        let mut requests = world.client.requests();
        requests.sort_unstable();
        assert_eq!(requests, [openid(a), jwks_uri(a), openid(b), jwks_uri(b)], "one fetch for each issuer");
    }
}

#[tokio::test]
async fn an_issuer_outside_the_set_is_refused_before_anything_is_fetched() {
    // covers: JWT-004, JWT-005, DSC-005, HT-015
    let world = World::new();
    let names = [
        "https://c.example.com",
        "https://a.example.com/",
        "https://a.example.com//",
        "https://A.example.com",
        "HTTPS://a.example.com",
        "http://a.example.com",
        "https://a.example.com:443",
        "https://a.example.com:8443",
        "https://a.example.com.",
        "https://a.example.com.evil",
        "https://a.example.com.evil/.well-known/openid-configuration",
        "https://a.example.com@evil.example",
        "https://evil.example@a.example.com",
        "https://evil.example#a.example.com",
        "https://evil.example#https://a.example.com",
        "https://evil.example?https://a.example.com",
        "https://evil.example/https://a.example.com",
        "https://a.example.com#",
        "https://a.example.com?",
        "https://a.example.com/%2e",
        "https://a%2eexample.com",
        "https://%61.example.com",
        "https%3A%2F%2Fa.example.com",
        "https://a.example.com/../b.example.com",
        "https://a.example.com https://b.example.com",
        "https://a.example.com,https://b.example.com",
        " https://a.example.com",
        "https://a.example.com\0",
        "a.example.com",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "*",
        "",
    ];
    let api = api(&world.both());
    let refuses_strangers = async || {
        for name in names {
            println!("{name:?}");
            let token = world.a.token(AUDIENCE).claim("iss", name).header("jku", name).sign();
            api.token(token).await.assert_invalid("wrong_issuer");
        }
        for (value, code) in [
            (Value::Null, "missing_claim"),
            (json!([A]), "malformed_token"),
            (json!([A, B]), "malformed_token"),
            (json!({ A: B }), "malformed_token"),
            (json!(1), "malformed_token"),
        ] {
            api.token(world.a.token(AUDIENCE).claim("iss", value).sign()).await.assert_invalid(code);
        }
        api.token(world.a.token(AUDIENCE).without("iss").sign()).await.assert_invalid("missing_claim");
    };
    refuses_strangers().await;
    assert_eq!(world.client.requests(), [""; 0]);
    // A token of one issuer is no reason to ask the other; and with keys in memory strangers fare no better.
    api.token(token(&world.b)).await.assert_admitted();
    refuses_strangers().await;
    assert_eq!(world.client.requests(), [openid(&world.b), jwks_uri(&world.b)]);
    api.token(token(&world.a)).await.assert_admitted();
    refuses_strangers().await;
    assert_eq!(world.client.count(), 4);
}

#[tokio::test]
async fn an_issuer_that_hangs_delays_no_token_of_another() {
    // covers: CHL-017
    let world = World::new();
    let gate = Arc::new(Semaphore::new(0));
    world.keys_of(&world.a, [Reply::After(Arc::clone(&gate), Box::new(jwks(&world.a)))]);
    let third = Issuer::offline("https://c.example.com").with_clock(world.clock.clone());
    let server = world.server(A).issuer(B).issuer(fixed(&third)).build().unwrap();
    // More tokens than may wait for one fetch.
    let waiting: Vec<_> = (0..1_100).map(|_| ask(&server, token(&world.a))).collect();
    asked(&world.client, 2).await;
    let api = api(&server);
    for issuer in [&world.b, &third, &world.b] {
        api.token(token(issuer)).await.assert_admitted();
    }
    assert_eq!(world.client.count(), 4);
    let still = waiting.iter().filter(|answer| !answer.is_finished()).count();
    gate.add_permits(1);
    let mut admitted = 0;
    for answer in waiting {
        match answer.await.unwrap() {
            answer if answer.status == 503 => answer.assert_unavailable(1),
            answer => {
                answer.assert_admitted();
                admitted += 1;
            }
        }
    }
    assert_eq!(admitted, still);
    assert!(still > 1_000 && still < 1_100, "{still} waited");
}

#[tokio::test]
async fn an_issuer_that_is_down_makes_no_other_unavailable() {
    // covers: CHL-017
    for replies in [
        [Reply::Unreachable],
        [Reply::Response(500, vec![], String::new())],
        [Reply::Json("{}".to_owned())],
        [Reply::Panic],
    ] {
        let world = World::new();
        world.keys_of(&world.a, replies);
        let api = api(&world.both());
        api.token(token(&world.a)).await.assert_unavailable(1);
        api.token(token(&world.b)).await.assert_admitted();
        // The outage of the one is not blamed for a wrong token of the other, and not forgotten over a right one.
        let unknown = world.b.token(AUDIENCE).flaw(Flaw::UnknownKey).sign();
        api.token(unknown).await.assert_invalid("unknown_key");
        api.token(token(&world.a)).await.assert_unavailable(1);
        world.keys_of(&world.a, [jwks(&world.a)]);
        world.clock.advance(Duration::from_secs(60));
        api.token(token(&world.a)).await.assert_admitted();
        api.token(token(&world.b)).await.assert_admitted();
    }
}
