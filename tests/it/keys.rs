//! Keys that are fetched: discovery, cooldown, refresh, staleness, outages. Virtual time, counted requests.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis::SignatureAlgorithm::{EdDsa, Es256};
use portcullis::testing::{Flaw, Issuer, ManualClock};
use portcullis::{Clock, ResourceServer, TrustedIssuer, authenticated};
use tokio::sync::Semaphore;

use crate::support::{AUDIENCE, Api, ISSUER, JWKS, Reply, Site, capture_logs, eventually};

const OPENID: &str = "https://id.example.com/.well-known/openid-configuration";
const OAUTH: &str = "https://id.example.com/.well-known/oauth-authorization-server";

impl Site {
    fn metadata(&self) -> Reply {
        Reply::Json(self.issuer.metadata_json().to_string())
    }
}

/// The issuer, with its `jwks_uri` known.
fn located() -> TrustedIssuer {
    TrustedIssuer::new(ISSUER).jwks_uri(JWKS)
}

#[test]
fn building_needs_no_runtime_and_no_network() {
    // covers: JWK-022
    let world = Site::new();
    drop(world.discovering());
    assert_eq!(world.client.count(), 0);
    // With the default client, too.
    ResourceServer::builder(ISSUER).audience(AUDIENCE).build().unwrap();
}

#[tokio::test]
async fn keys_are_found_through_openid_metadata_at_the_first_token() {
    // covers: DSC-003
    let world = Site::new();
    world.client.clone().on(OPENID, [world.metadata()]).on(JWKS, [world.keys()]);
    let api = world.discovering();
    for _ in 0..3 {
        api.token(world.token()).await.assert_admitted();
    }
    assert_eq!(world.client.requests(), [OPENID, JWKS]);
}

#[tokio::test]
async fn without_openid_metadata_the_oauth_document_is_used() {
    // covers: DSC-001
    let world = Site::new();
    world.client.clone().on(OAUTH, [world.metadata()]).on(JWKS, [world.keys()]);
    world.discovering().token(world.token()).await.assert_admitted();
    assert_eq!(world.client.requests(), [OPENID, OAUTH, JWKS]);
}

#[tokio::test]
async fn metadata_members_that_are_not_needed_are_not_looked_at() {
    // covers: DSC-011
    let world = Site::new();
    let mut document = world.issuer.metadata_json();
    for (name, value) in [
        ("x", serde_json::json!({})),
        ("scopes_supported", serde_json::json!("a")),
        ("response_types_supported", serde_json::json!(5)),
        ("token_endpoint", serde_json::json!(null)),
    ] {
        document[name] = value;
    }
    world.client.clone().on(OPENID, [Reply::Json(document.to_string())]).on(JWKS, [world.keys()]);
    world.discovering().token(world.token()).await.assert_admitted();
    // Those that are needed are not guessed.
    for name in ["issuer", "jwks_uri"] {
        let world = Site::new();
        let mut document = world.issuer.metadata_json();
        document[name] = serde_json::json!([document[name]]);
        world.client.clone().on(OPENID, [Reply::Json(document.to_string())]).on(JWKS, [world.keys()]);
        world.discovering().token(world.token()).await.assert_unavailable(1);
    }
}

#[tokio::test]
async fn an_issuer_in_another_unicode_normal_form_is_another_issuer() {
    // covers: DSC-012
    let configured = "https://id.example.com/caf%C3%A9";
    for other in [
        "https://id.example.com/cafe%CC%81",
        "https://id.example.com/caf\u{e9}",
        "https://id.example.com/cafe\u{301}",
        "https://id.example.com/caf%c3%a9",
    ] {
        for (named, admitted) in [(configured, true), (other, false)] {
            let world = Site::new();
            let document = serde_json::json!({ "issuer": named, "jwks_uri": JWKS }).to_string();
            let place = format!("{configured}/.well-known/openid-configuration");
            world.client.clone().on(&place, [Reply::Json(document)]).on(JWKS, [world.keys()]);
            let server =
                ResourceServer::builder(configured).audience(AUDIENCE).with_clock(world.clock.clone());
            let server = server.with_http_client(world.client.clone()).build().unwrap();
            let answer = Api::new(server.require(authenticated()));
            let token = world.issuer.token(AUDIENCE).claim("iss", configured).sign();
            let answer = answer.token(token).await;
            if admitted { answer.assert_admitted() } else { answer.assert_unavailable(1) }
        }
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_is_not_used_and_ends_discovery() {
    // covers: DSC-004, DSC-010, HM-002
    for other in
        ["https://id.example.com/", "https://ID.example.com", "http://id.example.com", "https://evil.example"]
    {
        let world = Site::new();
        let document = serde_json::json!({ "issuer": other, "jwks_uri": JWKS }).to_string();
        world
            .client
            .clone()
            .on(OPENID, [Reply::Json(document)])
            .on(OAUTH, [world.metadata()])
            .on(JWKS, [world.keys()]);
        world.discovering().token(world.token()).await.assert_unavailable(1);
        assert_eq!(world.client.requests(), [OPENID], "{other}");
    }
}

#[tokio::test]
async fn metadata_that_is_no_json_object_or_names_no_https_key_set_is_an_outage() {
    // covers: DSC-007, DSC-008, JWK-014
    let json = |text: &str| Reply::Json(text.to_owned());
    let html = Reply::Response(200, vec![("content-type", "text/html")], "<html>".to_owned());
    let redirect = Reply::Response(302, vec![("location", "https://evil.example")], String::new());
    let untyped = |headers| Reply::Response(200, headers, Site::new().issuer.metadata_json().to_string());
    for reply in [
        html,
        untyped(vec![("content-type", "text/html")]),
        untyped(vec![("content-type", "application/jsonp")]),
        untyped(vec![]),
        redirect,
        Reply::Response(500, vec![], String::new()),
        Reply::Unreachable,
        json("[]"),
        json("{"),
        json(r#"{"issuer":"https://id.example.com"}"#),
        json(r#"{"issuer":"https://id.example.com","jwks_uri":"http://id.example.com/jwks"}"#),
        json(r#"{"issuer":"https://id.example.com","jwks_uri":"file:///etc/passwd"}"#),
        json(r#"{"issuer":"https://id.example.com","jwks_uri":5}"#),
        json(r#"{"issuer":"https://id.example.com","issuer":"x","jwks_uri":"https://id.example.com/jwks"}"#),
    ] {
        let world = Site::new();
        world.client.clone().on(OPENID, [reply.clone()]).on(JWKS, [world.keys()]);
        world.discovering().token(world.token()).await.assert_unavailable(1);
        assert_eq!(world.client.requests(), [OPENID], "{reply:?}");
    }
}

#[tokio::test]
async fn algorithms_in_metadata_add_nothing() {
    // covers: DSC-013, HM-004
    let world = Site::new();
    let mut metadata = world.issuer.metadata_json();
    metadata["id_token_signing_alg_values_supported"] = serde_json::json!(["none", "HS256"]);
    world.client.clone().on(OPENID, [Reply::Json(metadata.to_string())]).on(JWKS, [world.keys()]);
    let api = world.discovering();
    api.token(world.token()).await.assert_admitted();
    api.token(world.issuer.token(AUDIENCE).flaw(Flaw::AlgNone).sign())
        .await
        .assert_invalid("algorithm_not_allowed");
}

#[tokio::test]
async fn a_moved_key_set_is_found_again_after_a_failure_and_after_an_hour() {
    let world = Site::new();
    let moved = "https://id.example.com/moved";
    let metadata = serde_json::json!({ "issuer": ISSUER, "jwks_uri": moved }).to_string();
    let not_found = Reply::Response(404, vec![], String::new());
    let lives_long =
        Reply::Response(200, vec![("cache-control", "max-age=86400")], world.issuer.jwks_json().to_string());
    world
        .client
        .clone()
        .on(OPENID, [world.metadata(), Reply::Json(metadata)])
        .on(JWKS, [world.keys(), not_found])
        .on(moved, [lives_long]);
    let api = world.discovering();
    api.token(world.token()).await.assert_admitted();
    world.advance(30);
    api.token(world.stranger()).await.assert_unavailable(30);
    world.advance(30);
    api.token(world.stranger()).await.assert_invalid("unknown_key");
    assert_eq!(world.client.requests(), [OPENID, JWKS, JWKS, OPENID, moved]);
    world.advance(3600);
    api.token(world.stranger()).await.assert_invalid("unknown_key");
    assert_eq!(world.client.requests()[5..], [OPENID, moved]);
}

#[tokio::test]
async fn two_hundred_first_requests_share_one_fetch() {
    // covers: JWK-010
    let world = Site::new();
    let gate = Arc::new(Semaphore::new(0));
    world.client.clone().on(JWKS, [Reply::After(Arc::clone(&gate), Box::new(world.keys()))]);
    let (api, token) = (Arc::new(world.configured()), world.token());
    let waiting: Vec<_> = (0..200)
        .map(|_| {
            let (api, token) = (Arc::clone(&api), token.clone());
            tokio::spawn(async move { api.token(token).await.status.as_u16() })
        })
        .collect();
    eventually("the fetch", async || world.client.count() == 1).await;
    gate.add_permits(1);
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), 200);
    }
    assert_eq!(world.client.count(), 1);
}

#[tokio::test]
async fn a_rotated_key_is_found_by_the_first_token_that_needs_it_and_the_old_one_stops_working() {
    // covers: JWK-008, JWK-012
    let world = Site::new();
    let before = world.keys();
    let old = world.token();
    world.issuer.rotate();
    world.client.clone().on(JWKS, [before, world.keys()]);
    let api = world.configured();
    api.token(&old).await.assert_admitted();
    world.advance(30);
    api.token(world.token()).await.assert_admitted();
    api.token(&old).await.assert_invalid("unknown_key");
    assert_eq!(world.client.count(), 2);
}

#[tokio::test]
async fn a_fetched_set_has_at_most_a_hundred_keys() {
    // covers: JWK-016, HK-007
    for (count, admitted) in [(100, true), (101, false), (1_000, false)] {
        let world = Site::new();
        let mut set = world.issuer.jwks_json();
        set["keys"].as_array_mut().unwrap().resize(count, serde_json::json!({ "kty": "EC" }));
        world.client.clone().on(JWKS, [Reply::Json(set.to_string())]);
        let answer = world.configured().token(world.token()).await;
        if admitted {
            answer.assert_admitted();
        } else {
            answer.assert_unavailable(1);
        }
        assert_eq!(world.client.count(), 1);
    }
}

#[tokio::test]
async fn an_issuer_that_publishes_private_keys_is_told_of_in_the_log() {
    // covers: HK-005
    for (name, warned) in [("d", true), ("k", true), ("priv", true), ("oth", true), ("x5u", false)] {
        let world = Site::new();
        let mut set = world.issuer.jwks_json();
        set["keys"][0][name] = "private-member".into();
        world.client.clone().on(JWKS, [Reply::Json(set.to_string())]);
        let api = world.configured();
        let (answer, log) = capture_logs(api.token(world.token())).await;
        answer.assert_admitted();
        assert_eq!(log.contains("publishes private"), warned, "{log}");
        assert!(!log.contains("private-member"));
    }
}

#[tokio::test]
async fn a_key_that_comes_back_under_the_same_kid_is_the_new_key() {
    // covers: HK-011
    let world = Site::new();
    let published = || {
        let mut set = world.issuer.jwks_json();
        set["keys"][0]["kid"] = "same".into();
        Reply::Json(set.to_string())
    };
    let token =
        || world.issuer.token(AUDIENCE).header("kid", "same").expires_in(Duration::from_secs(86_400)).sign();
    let (before, old) = (published(), token());
    world.issuer.rotate();
    world.client.clone().on(JWKS, [before, published()]);
    let api = world.configured();
    api.token(&old).await.assert_admitted();
    // Found when the set is next fetched, at the end of its lifetime at the latest.
    api.token(token()).await.assert_invalid("bad_signature");
    world.advance(600);
    eventually("the refresh", async || {
        api.token("junk").await.assert_invalid("malformed_token");
        drop(api.token(token()).await);
        world.client.count() == 2
    })
    .await;
    api.token(token()).await.assert_admitted();
    api.token(&old).await.assert_invalid("bad_signature");
}

#[tokio::test]
async fn ten_thousand_strangers_cause_one_fetch_per_cooldown() {
    // covers: JWK-009
    let world = Site::new();
    world.client.clone().on(JWKS, [world.keys()]);
    let api = world.configured();
    for number in 0..10_000 {
        let key_id = format!("stranger-{number}");
        let token = world.issuer.token(AUDIENCE).header("kid", key_id).sign();
        api.token(token).await.assert_invalid("unknown_key");
    }
    assert_eq!(world.client.count(), 1);
    world.advance(30);
    api.token(world.stranger()).await.assert_invalid("unknown_key");
    api.token(world.stranger()).await.assert_invalid("unknown_key");
    assert_eq!(world.client.count(), 2);
    api.token(world.token()).await.assert_admitted();
}

#[tokio::test]
async fn a_token_that_is_refused_anyway_never_causes_a_fetch() {
    // covers: JWT-005, JWS-027, HT-015
    let world = Site::new();
    world.client.clone().on(JWKS, [world.keys()]);
    let api = world.configured();
    for flaw in [
        Flaw::Expired,
        Flaw::WrongIssuer,
        Flaw::WrongAudience,
        Flaw::NotYetValid,
        Flaw::OtherType,
        Flaw::AlgNone,
    ] {
        assert_eq!(api.token(world.issuer.token(AUDIENCE).flaw(flaw).sign()).await.status, 401);
    }
    for issuer in ["http://169.254.169.254/", "file:///etc/passwd"] {
        let token =
            world.issuer.token(AUDIENCE).claim("iss", issuer).header("jku", "https://canary.example/jwks");
        api.token(token.sign()).await.assert_invalid("wrong_issuer");
    }
    assert_eq!(world.client.count(), 0);
}

#[tokio::test]
async fn keys_are_refreshed_in_the_background_ahead_of_their_end() {
    // covers: JWK-013
    let world = Site::new();
    world.client.clone().on(JWKS, [world.keys()]);
    let api = world.configured();
    api.token(world.token()).await.assert_admitted();
    world.advance(449);
    api.token(world.token()).await.assert_admitted();
    assert_eq!(world.client.count(), 1);
    world.advance(31);
    for _ in 0..3 {
        api.token(world.token()).await.assert_admitted();
        tokio::task::yield_now().await;
    }
    assert_eq!(world.client.count(), 2);
}

#[tokio::test]
async fn a_known_key_never_waits_for_a_fetch() {
    let world = Site::new();
    let hanging = Reply::After(Arc::new(Semaphore::new(0)), Box::new(world.keys()));
    world.client.clone().on(JWKS, [world.keys(), hanging]);
    let api = world.configured();
    api.token(world.token()).await.assert_admitted();
    // The refresh hangs, and so does a stranger's question; those who have a key are served.
    world.advance(599);
    let (token, stranger) = (world.token(), world.stranger());
    tokio::select! {
        biased;
        _ = api.token(&stranger) => panic!("the stranger's answer needs the fetch"),
        () = async {
            for _ in 0..10 {
                api.token(&token).await.assert_admitted();
                tokio::task::yield_now().await;
            }
        } => {}
    }
    assert_eq!(world.client.count(), 2);
}

#[tokio::test]
async fn the_last_good_keys_survive_an_outage_for_an_hour_and_then_requests_fail_closed() {
    // covers: JWK-001, JWK-011, CHL-017, HK-001
    let json = |text: &str| Reply::Json(text.to_owned());
    let status = |status, headers| Reply::Response(status, headers, String::new());
    // Were one of these taken, no token of before would be admitted.
    let others = Site::new().issuer.jwks_json();
    let large = format!("{others}{}", " ".repeat(256 * 1024));
    let many = serde_json::json!({ "keys": vec![&others["keys"][0]; 101] }).to_string();
    for (outage, code) in [
        (Reply::Unreachable, "request_failed"),
        (Reply::TimedOut, "timed_out"),
        (Reply::Panic, "given_up"),
        (status(500, vec![]), "bad_status"),
        (status(404, vec![]), "bad_status"),
        (Reply::Response(204, vec![], others.to_string()), "bad_status"),
        (status(302, vec![("location", "http://169.254.169.254/")]), "bad_status"),
        (json(""), "malformed_key_set"),
        (json("<html>"), "malformed_key_set"),
        (json("{}"), "malformed_key_set"),
        (json("[]"), "malformed_key_set"),
        (json("null"), "malformed_key_set"),
        (json(r#"{"keys":{}}"#), "malformed_key_set"),
        (json(r#"{"keys":[]} x"#), "malformed_key_set"),
        (json(r#"{"keys":[{"kty":"AKP"}]}"#), "no_usable_key"),
        (json(&large), "too_large"),
        (json(&many), "too_many_keys"),
        (json(&format!(r#"{{"keys":[{}{{}}]}}"#, "{},".repeat(2_000))), "too_many_keys"),
    ] {
        let world = Site::new();
        world.client.clone().on(JWKS, [world.keys(), outage]);
        let server = world.server(located()).build().unwrap();
        let api = Api::new(server.require(authenticated()));
        api.token(world.token()).await.assert_admitted();
        for _ in 0..60 {
            world.advance(69);
            api.token(world.token()).await.assert_admitted();
            tokio::task::yield_now().await;
        }
        // 600 s of lifetime and an hour of trust are over.
        world.advance(60);
        let answer = api.token(world.token()).await;
        assert_eq!((answer.status.as_u16(), answer.code(), answer.inner_calls), (503, "unavailable", 0));
        assert!(world.client.count() > 30, "the issuer was asked all the while");
        assert_eq!(server.issuers().status()[0].keys.last_error.as_ref().unwrap().code, code);
    }
}

#[tokio::test]
async fn a_fetch_that_never_ends_is_given_up_and_nobody_waits_for_it_forever() {
    // covers: JWK-016
    let world = Site::new();
    let hanging = Reply::After(Arc::new(Semaphore::new(0)), Box::new(world.keys()));
    world.client.clone().on(JWKS, [hanging.clone(), hanging, world.keys()]);
    let (api, token) = (Arc::new(world.configured()), world.token());
    let waiting = |api: &Arc<Api>| {
        let (api, token) = (Arc::clone(api), token.clone());
        tokio::spawn(async move { api.token(token).await })
    };
    let (first, second) = (waiting(&api), waiting(&api));
    eventually("the fetch", async || world.client.count() == 1).await;
    world.advance(10);
    // Whoever comes now finds it lost. It began ten seconds ago, so the backoff is over: a new one begins.
    let third = waiting(&api);
    for answer in [first, second] {
        assert_eq!(answer.await.unwrap().status, 503);
    }
    eventually("another fetch", async || world.client.count() == 2).await;
    world.advance(10);
    api.token(&token).await.assert_admitted();
    assert_eq!(third.await.unwrap().status, 503, "its fetch was lost, too");
    assert_eq!(world.client.count(), 3);
}

#[tokio::test]
async fn no_more_than_a_thousand_requests_wait_for_one_fetch() {
    let world = Site::new();
    let hanging = Reply::After(Arc::new(Semaphore::new(0)), Box::new(world.keys()));
    world.client.clone().on(JWKS, [hanging]);
    let (api, token) = (Arc::new(world.configured()), world.token());
    let waiting: Vec<_> = (0..1100)
        .map(|_| {
            let (api, token) = (Arc::clone(&api), token.clone());
            tokio::spawn(async move { api.token(token).await.status.as_u16() })
        })
        .collect();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    let refused = waiting.iter().filter(|answer| answer.is_finished()).count();
    assert!((60..=100).contains(&refused), "{refused}");
    api.token(&token).await.assert_unavailable(1);
    assert_eq!(world.client.count(), 1);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_token_without_kid_finds_a_rotated_key_within_the_cooldown() {
    // covers: JWK-007
    let world = Site::new();
    let before = world.keys();
    let token = |world: &Site| world.issuer.token(AUDIENCE).without_header("kid").sign();
    let old = token(&world);
    world.issuer.rotate();
    world.client.clone().on(JWKS, [before, world.keys()]);
    let api = world.configured();
    api.token(old).await.assert_admitted();
    api.token(token(&world)).await.assert_invalid("bad_signature");
    assert_eq!(world.client.count(), 1);
    world.advance(30);
    api.token(token(&world)).await.assert_admitted();
    assert_eq!(world.client.count(), 2);
}

#[tokio::test]
async fn an_empty_set_withdraws_every_key() {
    // covers: JWK-018
    let world = Site::new();
    world.client.clone().on(JWKS, [world.keys(), Reply::Json(r#"{"keys":[]}"#.to_owned())]);
    let api = world.configured();
    api.token(world.token()).await.assert_admitted();
    world.advance(30);
    api.token(world.stranger()).await.assert_invalid("unknown_key");
    api.token(world.token()).await.assert_invalid("unknown_key");
}

#[tokio::test]
async fn with_the_issuer_down_a_cold_start_answers_503_and_recovers_by_itself() {
    // covers: CHL-017, JWK-022
    let world = Site::new();
    world.client.clone().on(JWKS, [Reply::Unreachable, Reply::Unreachable, world.keys()]);
    let api = world.configured();
    api.token(world.token()).await.assert_unavailable(1);
    api.token(world.token()).await.assert_unavailable(1);
    assert_eq!(world.client.count(), 1, "the backoff holds");
    // What is wrong whatever the keys are is still the token's fault.
    api.token(world.issuer.token(AUDIENCE).flaw(Flaw::Expired).sign()).await.assert_invalid("expired");
    world.advance(1);
    api.token(world.token()).await.assert_unavailable(2);
    world.advance(2);
    api.token(world.token()).await.assert_admitted();
    assert_eq!(world.client.count(), 3);
}

#[tokio::test]
async fn an_unknown_key_during_an_outage_is_not_blamed_on_the_token() {
    let world = Site::new();
    world.client.clone().on(JWKS, [world.keys(), Reply::Unreachable]);
    let api = world.configured();
    api.token(world.stranger()).await.assert_invalid("unknown_key");
    world.advance(30);
    api.token(world.stranger()).await.assert_unavailable(30);
    api.token(world.token()).await.assert_admitted();
}

#[tokio::test]
async fn a_known_kid_under_another_algorithm_is_refused_also_during_an_outage() {
    // covers: JWS-014, JWK-020
    let world = Site::new();
    world.client.clone().on(JWKS, [world.keys(), Reply::Unreachable]);
    let api = world.configured();
    let kid = world.issuer.key_id(Es256);
    let token = world.issuer.token(AUDIENCE).expires_in(Duration::from_secs(86_400)).algorithm(EdDsa);
    let token = token.header("kid", kid).sign();
    api.token(world.token()).await.assert_admitted();
    api.token(&token).await.assert_invalid("unknown_key");
    world.advance(30);
    // A fetch could bring a second key of this name, so one is tried.
    for _ in 0..2 {
        api.token(&token).await.assert_invalid("unknown_key");
        api.token(world.stranger()).await.assert_unavailable(30);
        assert_eq!(world.client.count(), 2);
    }
    // What is too old says nothing any more.
    world.advance(600 + 3600);
    api.token(&token).await.assert_unavailable(2);
}

#[tokio::test]
async fn a_second_key_of_a_known_kid_is_found_by_the_first_token_that_needs_it() {
    // covers: JWK-008, JWK-020
    let world = Site::new();
    let (first, kid) = (world.keys(), world.issuer.key_id(Es256));
    let token = world.issuer.token(AUDIENCE).algorithm(EdDsa).header("kid", kid.as_str()).sign();
    let mut both = world.issuer.jwks_json();
    both["keys"][1]["kid"] = kid.into();
    world.client.clone().on(JWKS, [first, Reply::Json(both.to_string())]);
    let api = world.configured();
    api.token(world.token()).await.assert_admitted();
    api.token(&token).await.assert_invalid("unknown_key");
    world.advance(30);
    api.token(&token).await.assert_admitted();
    assert_eq!(world.client.count(), 2);
}

/// A clock that lets something else happen at the instant of one of its readings.
#[derive(Clone, Debug)]
struct Interrupted {
    clock: ManualClock,
    interruption: Arc<Mutex<Option<Interruption>>>,
}

struct Interruption {
    /// How many readings of monotonic time come first.
    after: usize,
    act: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interruption").field("after", &self.after).finish_non_exhaustive()
    }
}

impl Clock for Interrupted {
    fn unix_time(&self) -> Duration {
        self.clock.unix_time()
    }

    fn monotonic(&self) -> Duration {
        let mut interruption = self.interruption.lock().unwrap();
        let now = match interruption.take() {
            Some(Interruption { after: 0, act }) => Some(act),
            Some(Interruption { after, act }) => {
                *interruption = Some(Interruption { after: after - 1, act });
                None
            }
            None => None,
        };
        drop(interruption);
        if let Some(act) = now {
            act();
        }
        self.clock.monotonic()
    }
}

#[test]
fn a_valid_token_is_not_refused_because_its_key_lands_at_that_moment() {
    // covers: JWK-010
    for kid in [true, false] {
        let world = Site::new();
        let before = world.keys();
        let first = world.token();
        world.issuer.rotate();
        world.client.clone().on(JWKS, [before, world.keys()]);
        let clock = Interrupted { clock: world.clock.clone(), interruption: Arc::default() };
        let server = world.server(located()).with_clock(clock.clone()).build().unwrap();
        let api = Arc::new(Api::new(server.require(authenticated())));
        let token = world.issuer.token(AUDIENCE);
        let token = if kid { token } else { token.without_header("kid") }.sign();
        let ask = |token: &str| futures_util::FutureExt::now_or_never(api.token(token)).unwrap();
        ask(&first).assert_admitted();
        world.advance(30);
        // Between a request's look at the keys and its look at the schedule, another one fetches them.
        let (other, same) = (Arc::clone(&api), token.clone());
        let act = Box::new(move || {
            let thread = std::thread::spawn(move || {
                let answer = futures_util::FutureExt::now_or_never(other.token(same)).unwrap();
                assert_eq!(answer.code(), "admitted");
            });
            thread.join().unwrap();
        });
        *clock.interruption.lock().unwrap() = Some(Interruption { after: 1, act });
        assert_eq!(ask(&token).code(), "admitted");
        assert!(clock.interruption.lock().unwrap().is_none(), "the other request came in between");
        assert_eq!(world.client.count(), 2);
    }
}

#[tokio::test]
async fn a_fetch_survives_the_request_that_began_it() {
    let world = Site::new();
    let gate = Arc::new(Semaphore::new(0));
    world.client.clone().on(JWKS, [Reply::After(Arc::clone(&gate), Box::new(world.keys()))]);
    let api = world.configured();
    // A client that hangs up while the keys are on their way.
    tokio::select! {
        biased;
        _ = api.token(world.token()) => panic!("there are no keys yet"),
        () = tokio::task::yield_now() => {}
    }
    gate.add_permits(1);
    eventually("the answer", async || gate.available_permits() == 0).await;
    api.token(world.token()).await.assert_admitted();
    assert_eq!(world.client.count(), 1);
}

#[test]
fn a_fetch_that_dies_with_its_runtime_does_not_block_the_next_one() {
    let world = Site::new();
    let hanging = Reply::After(Arc::new(Semaphore::new(0)), Box::new(world.keys()));
    world.client.clone().on(JWKS, [hanging, world.keys()]);
    let api = world.configured();
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime().block_on(async {
        tokio::select! {
            biased;
            _ = api.token(world.token()) => panic!("there are no keys yet"),
            () = tokio::task::yield_now() => {}
        }
    });
    world.advance(1);
    runtime().block_on(async { api.token(world.token()).await.assert_admitted() });
}

#[test]
fn without_a_runtime_the_waiting_request_drives_the_fetch() {
    let world = Site::new();
    world.client.clone().on(JWKS, [world.keys()]);
    let api = world.configured();
    futures_util::FutureExt::now_or_never(api.token(world.token())).unwrap().assert_admitted();
}

#[test]
fn without_a_runtime_the_default_client_is_unavailable_and_does_not_panic() {
    let issuer = Issuer::offline(ISSUER);
    let server = ResourceServer::builder(ISSUER).audience(AUDIENCE).build().unwrap();
    let api = Api::new(server.require(authenticated()));
    let token = issuer.token(AUDIENCE).sign();
    futures_util::FutureExt::now_or_never(api.token(token)).unwrap().assert_unavailable(1);
}

#[tokio::test]
async fn the_default_client_fetches_over_sockets_and_follows_no_redirect() {
    // covers: JWK-015, JWK-017, DSC-006
    let issuer = Issuer::start().await;
    let server = ResourceServer::builder(issuer.url()).audience(AUDIENCE).dangerous_allow_loopback_http();
    let api = Api::new(server.build().unwrap().require(authenticated()));
    api.token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
    api.token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
    assert_eq!((issuer.requests().discovery, issuer.requests().jwks), (1, 1));

    // A key set behind a redirect, and one larger than the limit.
    let keys = issuer.jwks_json().to_string();
    let huge = format!("{{\"pad\":\"{}\",{}", "x".repeat(256 * 1024), &keys[1..]);
    let target = axum::http::HeaderMap::from_iter([(
        http::header::LOCATION,
        format!("{}/jwks", issuer.url()).parse().unwrap(),
    )]);
    let app = axum::Router::new()
        .route("/fine", axum::routing::get(async || ([("content-type", "application/jwk-set+json")], keys)))
        .route("/moved", axum::routing::get(async || (http::StatusCode::FOUND, target)))
        .route("/huge", axum::routing::get(async || huge));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    for (path, admitted) in [("fine", true), ("moved", false), ("huge", false)] {
        let server = ResourceServer::builder(
            TrustedIssuer::new(issuer.url()).jwks_uri(format!("http://{address}/{path}")),
        )
        .audience(AUDIENCE)
        .dangerous_allow_loopback_http();
        let api = Api::new(server.build().unwrap().require(authenticated()));
        let answer = api.token(issuer.token(AUDIENCE).sign()).await;
        if admitted { answer.assert_admitted() } else { answer.assert_unavailable(1) }
    }
    assert_eq!(issuer.requests().jwks, 1, "nobody was led back to the issuer");
}

#[tokio::test(start_paused = true)]
async fn the_default_client_gives_up_on_a_server_that_does_not_answer() {
    // covers: JWK-016, DSC-017
    // A listener that nobody accepts from: the connection stands, and no byte ever comes. Time is virtual.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = Issuer::offline(&format!("http://{}", listener.local_addr().unwrap()));
    let server = ResourceServer::builder(issuer.url()).audience(AUDIENCE).dangerous_allow_loopback_http();
    let api = Api::new(server.build().unwrap().require(authenticated()));
    let started = tokio::time::Instant::now();
    let (answer, log) = capture_logs(api.token(issuer.token(AUDIENCE).sign())).await;
    answer.assert_unavailable(1);
    assert_eq!(started.elapsed().as_secs(), 5);
    assert!(log.contains("timed out"), "{log}");
}

#[tokio::test]
async fn operators_see_why_keys_could_not_be_loaded() {
    let world = Site::new();
    world.client.clone().on(JWKS, [Reply::Unreachable, Reply::Json("{".to_owned()), world.keys()]);
    let api = world.configured();
    let ((), log) = capture_logs(async {
        for seconds in [1, 2, 0] {
            api.token(world.token()).await;
            world.advance(seconds);
        }
    })
    .await;
    for text in [
        "keys could not be loaded",
        "connection refused",
        "not a JSON object",
        "keys loaded",
        "code=\"unavailable\"",
    ] {
        assert!(log.contains(text), "{text} / {log}");
    }
}
