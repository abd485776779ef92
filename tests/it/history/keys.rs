//! Keys that came from the wrong place, stayed too long, or were lost with the request that waited for them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode};
use portcullis::SignatureAlgorithm::Es256;
use portcullis::testing::{Flaw, Issuer, ManualClock};
use portcullis::{
    BoxFuture, FetchError, FetchLimits, HttpClient, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    ValidatedToken, authenticated, scope,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::{Service as _, ServiceExt as _, service_fn};

use crate::jose::published::RFC_7515_A3;
use crate::jose::{CLAIMS, encode};
use crate::key_sets::unusable_keys;
use crate::support::{AUDIENCE, Api, ISSUER, NOW, Random, Reply, ScriptedClient, capture_logs, get};

const OPENID: &str = "https://id.example.com/.well-known/openid-configuration";
const JWKS: &str = "https://id.example.com/jwks";

/// An issuer behind a scripted network, and the clock of everybody.
struct World {
    issuer: Issuer,
    client: ScriptedClient,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let issuer = Issuer::offline(ISSUER).with_clock(clock.clone());
        let world = Self { issuer, client: ScriptedClient::default(), clock };
        world.on(OPENID, [metadata(JWKS)]);
        world.on(JWKS, [world.keys()]);
        world
    }

    /// From now on, GETs of `url` are answered like this.
    fn on(&self, url: &str, replies: impl IntoIterator<Item = Reply>) {
        drop(self.client.clone().on(url, replies));
    }

    fn keys(&self) -> Reply {
        Reply::Json(self.issuer.jwks_json().to_string())
    }

    fn builder(&self, issuer: impl Into<TrustedIssuer>) -> ResourceServerBuilder {
        ResourceServer::builder(issuer)
            .audience(AUDIENCE)
            .with_clock(self.clock.clone())
            .with_http_client(self.client.clone())
    }

    /// A server that knows its issuer only.
    fn server(&self) -> ResourceServer {
        self.builder(ISSUER).build().unwrap()
    }

    fn token(&self, subject: &str) -> String {
        self.issuer.token(AUDIENCE).subject(subject).expires_in(Duration::from_secs(86_400)).sign()
    }

    fn stranger(&self) -> String {
        self.issuer.token(AUDIENCE).flaw(Flaw::UnknownKey).sign()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn metadata(jwks_uri: &str) -> Reply {
    Reply::Json(json!({ "issuer": ISSUER, "jwks_uri": jwks_uri }).to_string())
}

fn api(server: &ResourceServer) -> Api {
    Api::new(server.require(authenticated()))
}

/// Not https, or no URL at all.
const OTHER_PLACES: [&str; 19] = [
    "http://id.example.com/x",
    "http://169.254.169.254/latest/meta-data/",
    "HTTP://id.example.com/x",
    "ftp://id.example.com/x",
    "file:///etc/passwd",
    "file://id.example.com/etc/passwd",
    "data:application/json,{}",
    "data://id.example.com/,{}",
    "gopher://id.example.com/x",
    "jar:https://id.example.com!/x",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "httpsx://id.example.com/x",
    "//id.example.com/x",
    "/x",
    "id.example.com/x",
    "https:/id.example.com/x",
    " https://id.example.com/x",
    "",
];

#[tokio::test]
async fn nothing_but_https_is_asked_wherever_a_url_comes_from() {
    // covers: JWK-014, DSC-006, DSC-008
    // What `dangerous_allow_loopback_http` adds is this machine, and not what is only called alike.
    let alike = ["http://localhost.evil.example/x", "http://127.0.0.1.evil.example/x", "http://0.0.0.0/x"];
    for (loopback, place) in [false, true]
        .into_iter()
        .flat_map(|loopback| OTHER_PLACES.iter().chain(&alike).map(move |place| (loopback, *place)))
    {
        println!("{place:?} {loopback}");
        let world = World::new();
        let configured = |builder: ResourceServerBuilder| {
            if loopback { builder.dangerous_allow_loopback_http() } else { builder }
        };
        // In the configuration: at the start, and later.
        let running = configured(world.builder("https://other.example.com")).build().unwrap();
        for (trusted, code) in [
            (TrustedIssuer::new(place), "insecure_issuer"),
            (TrustedIssuer::keycloak(place), "insecure_issuer"),
            (TrustedIssuer::kubernetes(place), "insecure_issuer"),
            (TrustedIssuer::new(ISSUER).jwks_uri(place), "insecure_jwks_uri"),
            (TrustedIssuer::new(ISSUER).metadata_url(place), "insecure_metadata_url"),
        ] {
            let error = configured(world.builder(trusted.clone())).build().unwrap_err();
            assert_eq!(error.problems()[0].code(), code);
            let error = running.issuers().insert(trusted).unwrap_err();
            assert_eq!(error.problems()[0].code(), code);
        }
        assert_eq!(world.client.count(), 0);
        // In a document.
        world.on(OPENID, [metadata(place)]);
        let server = configured(world.builder(ISSUER)).build().unwrap();
        api(&server).token(world.token("ada")).await.assert_unavailable(1);
        assert_eq!(world.client.requests(), [OPENID]);
        // In a token.
        let world = World::new();
        let server = configured(world.builder(ISSUER)).build().unwrap();
        let token =
            world.issuer.token(AUDIENCE).claim("iss", place).header("jku", place).header("x5u", place);
        api(&server).token(token.sign()).await.assert_invalid("wrong_issuer");
        assert_eq!(world.client.count(), 0);
    }
}

/// Refuses to ask addresses. Names would have to be resolved, and what they resolve to be used for the connection.
#[derive(Debug)]
struct NamesOnly(ScriptedClient);

impl HttpClient for NamesOnly {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let host = request.uri().host().unwrap_or_default();
        if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
            return Box::pin(async { Err(FetchError::Failed("an address".into())) });
        }
        self.0.send(request, limits)
    }
}

#[tokio::test]
async fn a_document_leads_to_an_address_inside_only_before_there_were_keys_and_a_client_can_forbid_that() {
    for inside in [
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/latest/meta-data/",
        "https://10.0.0.1/jwks",
        "https://127.0.0.1:8443/jwks",
    ] {
        let world = World::new();
        let warm = api(&world.server());
        warm.token(world.token("ada")).await.assert_admitted();
        world.on(OPENID, [metadata(inside)]);
        for _ in 0..3 {
            world.advance(3600);
            warm.token(world.stranger()).await.assert_invalid("unknown_key");
            warm.token(world.token("ada")).await.assert_admitted();
        }
        assert!(!world.client.requests().contains(&inside.to_owned()));

        // Deliberately not filtered: the first document of a configured issuer is believed whatever address it names,
        // since issuers inside of private networks are common. Whoever wants a filter has it in the client.
        let before = world.client.count();
        api(&world.server()).token(world.token("ada")).await.assert_unavailable(1);
        assert_eq!(world.client.requests()[before..], [OPENID, inside]);
        let guarded = world.builder(ISSUER).with_http_client(NamesOnly(world.client.clone()));
        api(&guarded.build().unwrap()).token(world.token("ada")).await.assert_unavailable(1);
        assert_eq!(world.client.requests()[before + 2..], [OPENID]);
    }
}

#[tokio::test]
async fn after_each_fetch_exactly_the_published_keys_verify() {
    // covers: JWK-012, JWK-018, HK-011
    let world = World::new();
    let signers = [(); 4].map(|()| Issuer::offline(ISSUER).with_clock(world.clock.clone()));
    let key_id = |signer: usize| format!("key-{signer}");
    let published = |set: usize| {
        let keys = signers.iter().enumerate().filter(|(signer, _)| set & (1 << signer) != 0);
        let keys = keys.map(|(signer, issuer)| {
            let mut key = issuer.jwks_json()["keys"][0].clone();
            key["kid"] = key_id(signer).into();
            key
        });
        Reply::Json(json!({ "keys": keys.collect::<Vec<_>>() }).to_string())
    };
    let tokens: Vec<_> = signers
        .iter()
        .enumerate()
        .map(|(signer, issuer)| {
            let token = issuer.token(AUDIENCE).expires_in(Duration::from_secs(86_400));
            token.header("kid", key_id(signer)).sign()
        })
        .collect();
    let (api, mut random) = (api(&world.server()), Random::new(59));
    for _ in 0..60 {
        let set = random.below(16);
        world.on(JWKS, [published(set)]);
        api.token(world.stranger()).await.assert_invalid("unknown_key");
        for (signer, token) in tokens.iter().enumerate() {
            let answer = api.token(token).await;
            if set & (1 << signer) == 0 {
                answer.assert_invalid("unknown_key");
            } else {
                answer.assert_admitted();
            }
        }
        world.advance(30);
    }
}

/// A token that says it was signed with this key.
fn under(key_id: &str) -> String {
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": key_id });
    format!("{}.{}.{}", encode(header.to_string()), encode(CLAIMS), "A".repeat(86))
}

#[tokio::test]
async fn ten_thousand_random_kids_in_a_second_cause_one_fetch_also_in_an_outage() {
    // covers: JWK-009
    let mut random = Random::new(60);
    let strangers: Vec<_> = (0..10_000)
        .map(|_| {
            let length = 1 + random.below(40);
            under(&random.text(b"abcdefghijklmnopqrstuvwxyz0123456789-_./", length))
        })
        .collect();
    let down = || Reply::Response(500, vec![], String::new());
    for (warm, reply) in [
        (true, None),
        (true, Some(Reply::Unreachable)),
        (true, Some(down())),
        (false, None),
        (false, Some(Reply::Unreachable)),
        (false, Some(down())),
    ] {
        let world = World::new();
        let server = world.builder(TrustedIssuer::new(ISSUER).jwks_uri(JWKS)).build().unwrap();
        let api = api(&server);
        if warm {
            api.token(world.token("ada")).await.assert_admitted();
            world.advance(30);
        }
        let (before, outage) = (world.client.count(), reply.is_some());
        if let Some(reply) = reply {
            world.on(JWKS, [reply]);
        }
        for stranger in &strangers {
            let answer = api.token(stranger).await;
            if outage {
                assert_eq!(
                    (answer.status.as_u16(), answer.code(), answer.inner_calls),
                    (503, "unavailable", 0)
                );
            } else {
                answer.assert_invalid("unknown_key");
            }
            world.clock.advance(Duration::from_micros(99));
        }
        assert_eq!(world.client.count() - before, 1, "{warm} {outage}");
        if warm || !outage {
            api.token(world.token("ada")).await.assert_admitted();
        }
    }
}

#[tokio::test]
async fn a_kid_is_in_no_url_and_no_event_whatever_it_is() {
    // covers: JWS-032
    let hostile = [
        "../../../etc/passwd",
        "..%2f..%2f",
        "https://evil.example/key",
        "//evil.example/",
        "?x=1#y",
        "\0",
        "\r\nHost: evil.example\r\n\r\n",
        "\u{1b}[31m\u{202e}",
        "' OR 1=1; --",
        "$(id)`id`{{7*7}}",
        &"k".repeat(10_000),
    ]
    .map(|text| format!("{text}marked"));
    let world = World::new();
    let discovering = api(&world.server());
    for key_id in &hostile {
        let asked = world.client.count();
        let (answer, log) = capture_logs(discovering.token(under(key_id))).await;
        answer.assert_invalid("unknown_key");
        assert!(world.client.count() > asked, "the keys are fetched for it");
        assert!(log.contains("keys_fetching") && !log.contains("marked") && log.len() < 3_000, "{log}");
        assert!(!format!("{answer:?}").contains("marked"));
        world.advance(30);
    }

    // As the name of a published key it selects that key, and an event shows it in part and escaped.
    let mut set = world.issuer.jwks_json();
    let key = set["keys"][0].clone();
    let named = |key_id: &String| {
        let mut key = key.clone();
        key["kid"] = key_id.as_str().into();
        key
    };
    set["keys"] = hostile.iter().map(named).collect();
    world.on(JWKS, [Reply::Json(set.to_string())]);
    for (number, key_id) in hostile.iter().enumerate() {
        let token = world.issuer.token(AUDIENCE).header("kid", key_id.as_str()).sign();
        let (answer, log) = capture_logs(discovering.token(token)).await;
        answer.assert_admitted();
        assert_eq!(log.contains("keys_changed"), number == 0, "{log}");
        assert_eq!(log.contains("../etc/passwdmarked"), number == 0, "{log}");
        assert!(!log.contains(['\0', '\r', '\u{1b}', '\u{202e}']) && !log.contains("\nHost"), "{log}");
        assert!(!log.contains(&"k".repeat(100)), "{log}");
    }
    assert!(world.client.requests().iter().all(|url| [OPENID, JWKS].contains(&&**url)));
}

#[tokio::test]
async fn thirty_malformed_keys_beside_a_good_one_spoil_no_fetch() {
    // covers: JWK-002, HK-003
    let malformed: Vec<_> = unusable_keys().into_iter().map(|(_, key)| key).collect();
    assert!(malformed.len() > 60 && malformed.iter().any(|key| !key.starts_with('{')));
    let mut good: Value = RFC_7515_A3.public_jwk();
    good["kid"] = "good".into();
    let header = encode(r#"{"alg":"ES256","typ":"at+jwt","kid":"good"}"#);
    let token = RFC_7515_A3.token(Es256, &format!("{header}.{}", encode(CLAIMS)));
    for thirty in malformed.chunks(30) {
        for position in [0, thirty.len()] {
            let world = World::new();
            let mut keys = thirty.to_vec();
            keys.insert(position, good.to_string());
            world.on(JWKS, [Reply::Json(format!(r#"{{"keys":[{}]}}"#, keys.join(",")))]);
            let api = api(&world.server());
            api.token(&token).await.assert_admitted();
            api.token(world.token("ada")).await.assert_invalid("unknown_key");
            assert_eq!(world.client.requests(), [OPENID, JWKS]);
        }
    }
}

/// Lets the tasks of a runtime run. Without one there are none: who waits drives the fetch.
async fn settle() {
    if tokio::runtime::Handle::try_current().is_ok() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

/// Two requests wait for metadata and keys, which come one after the other. One of the two is dropped before step `when`
/// of: the first look, the metadata, the keys, the answer.
async fn hang_up(when: usize, leaves_first: bool) {
    let world = World::new();
    let gates = [(OPENID, metadata(JWKS)), (JWKS, world.keys())].map(|(url, reply)| {
        let gate = Arc::new(Semaphore::new(0));
        world.on(url, [Reply::After(Arc::clone(&gate), Box::new(reply))]);
        gate
    });
    let server = world.server();
    let [left, stayed, late] = [(); 3].map(|()| api(&server));
    let (ada, bob) = (world.token("ada"), world.token("bob"));
    let mut leaving = Some(Box::pin(left.token(&ada)));
    let mut staying = Box::pin(stayed.token(&bob));
    for step in 0..3 {
        if step == when {
            leaving = None;
        }
        if step > 0 {
            gates[step - 1].add_permits(1);
            settle().await;
        }
        if step == 2 {
            break;
        }
        for leaver in [leaves_first, !leaves_first] {
            let polled = match &mut leaving {
                Some(leaving) if leaver => leaving.as_mut().now_or_never(),
                _ => staying.as_mut().now_or_never(),
            };
            assert!(polled.is_none(), "there are no keys yet");
        }
        settle().await;
    }
    if when == 3 {
        leaving = None;
    }
    if let Some(leaving) = leaving {
        assert_eq!(leaving.await.body, "ada");
    } else {
        assert_eq!(left.calls(), 0, "who left is not served");
    }
    let answer = staying.await;
    answer.assert_admitted();
    assert_eq!(answer.body, "bob");
    let answer = late.token(&ada).await;
    answer.assert_admitted();
    assert_eq!(answer.body, "ada");
    assert_eq!(world.client.requests(), [OPENID, JWKS]);
}

#[tokio::test]
async fn a_client_that_hangs_up_at_any_moment_of_a_fetch_takes_nothing_from_another() {
    // covers: JWK-010
    for (when, leaves_first) in (0..=4).flat_map(|when| [(when, true), (when, false)]) {
        println!("{when} {leaves_first}");
        hang_up(when, leaves_first).await;
        // The same where nobody drives the fetch but those who wait.
        let without_runtime = move || hang_up(when, leaves_first).now_or_never();
        std::thread::spawn(without_runtime).join().unwrap().unwrap();
    }
}

/// Cancels the first of a hundred requests that wait for one fetch.
async fn cancel_the_first() {
    let world = World::new();
    let gate = Arc::new(Semaphore::new(0));
    world.on(JWKS, [Reply::After(Arc::clone(&gate), Box::new(world.keys()))]);
    let server = world.server();
    let (apis, token) = ([(); 100].map(|()| api(&server)), world.token("ada"));
    let mut waiting: Vec<_> = apis.iter().map(|api| Box::pin(api.token(&token))).collect();
    for request in &mut waiting {
        assert!(request.as_mut().now_or_never().is_none());
        settle().await;
    }
    drop(waiting.remove(0));
    settle().await;
    gate.add_permits(1);
    for request in waiting {
        request.await.assert_admitted();
    }
    let served: Vec<_> = apis.iter().map(Api::calls).collect();
    assert_eq!((served[0], &served[1..]), (0, &[1; 99][..]));
    assert_eq!(world.client.requests(), [OPENID, JWKS]);
}

#[tokio::test]
async fn without_the_first_of_a_hundred_who_wait_the_others_are_admitted_by_the_same_fetch() {
    // covers: JWK-010
    cancel_the_first().await;
    std::thread::spawn(|| cancel_the_first().now_or_never()).join().unwrap().unwrap();
}

fn subject(request: &Request<()>) -> String {
    let token = ValidatedToken::of(request.extensions()).expect("an admitted request carries its token");
    token.subject().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_passes_through_clones_of_a_service_at_once_does_not_mix() {
    // covers: JWK-010
    let world = World::new();
    let inner = service_fn(|request: Request<()>| async move {
        let before = subject(&request);
        tokio::task::yield_now().await;
        assert_eq!(subject(&request), before);
        Ok::<_, Infallible>(Response::new(before))
    });
    let service = tower::Layer::layer(&world.server().require(scope("orders")), inner);
    let token =
        |subject: &str, scope: &str| world.issuer.token(AUDIENCE).subject(subject).scope(scope).sign();
    let expired = world.issuer.token(AUDIENCE).flaw(Flaw::Expired).scope("orders").sign();
    let cases = Arc::new([
        (token("ada", "orders"), StatusCode::OK, "ada"),
        (token("bob", "orders"), StatusCode::OK, "bob"),
        (token("eve", "other"), StatusCode::FORBIDDEN, ""),
        (expired, StatusCode::UNAUTHORIZED, ""),
    ]);
    let clients = (0..8).map(|client| {
        let (mut service, cases) = (service.clone(), Arc::clone(&cases));
        tokio::spawn(async move {
            for round in 0..250 {
                // Through one clone several at once, and each through a clone of its own.
                let own: Vec<_> = (0..4).map(|case| &cases[(client + round + case) % 4]).collect();
                let shared = own.iter().map(|case| service.call(get(&case.0))).collect::<Vec<_>>();
                let cloned = own.iter().map(|case| service.clone().oneshot(get(&case.0)));
                let answers = futures_util::future::join(
                    futures_util::future::join_all(shared),
                    futures_util::future::join_all(cloned),
                );
                let (shared, cloned) = answers.await;
                for (answer, (_, status, body)) in
                    shared.into_iter().chain(cloned).zip(own.iter().chain(&own))
                {
                    let answer = answer.unwrap();
                    assert_eq!((answer.status(), answer.body().as_str()), (*status, *body));
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    assert_eq!(world.client.requests(), [OPENID, JWKS]);
}
