//! The life of a fetched key set, as operators see and set it: events, times of their own, and its end.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis::testing::Issuer;
use portcullis::{KeyTiming, ResourceServerBuilder, TrustedIssuer, authenticated};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{Api, ISSUER, JWKS, Reply, Site, capture_logs};

/// A site whose keys are these, one after the other.
fn site(replies: impl FnOnce(&Issuer) -> Vec<Reply>) -> Site {
    let site = Site::new();
    site.client.clone().on(JWKS, replies(&site.issuer));
    site
}

/// A server that knows where the keys are.
fn server(site: &Site) -> ResourceServerBuilder {
    site.server(TrustedIssuer::new(ISSUER).jwks_uri(JWKS))
}

fn keys(issuer: &Issuer) -> Reply {
    Reply::Json(issuer.jwks_json().to_string())
}

/// The events about keys in what was logged: name and line.
fn events(log: &str) -> Vec<(&str, &str)> {
    let about_keys = log.lines().filter(|line| line.contains("portcullis::keys"));
    about_keys.map(|line| (line.split("event=\"").nth(1).unwrap().split('"').next().unwrap(), line)).collect()
}

#[track_caller]
fn assert_events(log: &str, expected: &[&str]) {
    let events = events(log);
    let names: Vec<_> = events.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, expected, "{log}");
    assert!(events.iter().all(|(_, line)| line.contains(&format!("issuer=\"{ISSUER}\""))), "{log}");
}

#[tokio::test]
async fn each_step_of_a_key_set_is_an_event_with_its_issuer() {
    // covers: JWK-018
    let world = site(|issuer| {
        let first = keys(issuer);
        issuer.rotate();
        vec![
            first,
            keys(issuer),
            Reply::Unreachable,
            Reply::Json(r#"{"keys":[]}"#.to_owned()),
            Reply::Unreachable,
        ]
    });
    let api = world.configured();
    let ((), log) =
        capture_logs(async { api.token(world.stranger()).await.assert_invalid("unknown_key") }).await;
    assert_events(&log, &["keys_fetching", "keys_loaded", "keys_changed"]);
    assert!(log.contains("cause=\"missing_key\"") && log.contains("removed=[]"), "{log}");

    world.advance(30);
    let ((), log) = capture_logs(async { api.token(world.token()).await.assert_admitted() }).await;
    assert_events(&log, &["keys_fetching", "keys_loaded", "keys_changed"]);
    assert!(!log.contains("removed=[]") && !log.contains("added=[]"), "{log}");

    world.advance(30);
    let ((), log) = capture_logs(async { api.token(world.stranger()).await.assert_unavailable(30) }).await;
    assert_events(&log, &["keys_fetching", "keys_failed"]);
    assert!(log.contains("code=\"request_failed\"") && log.contains("retry_in_s=1"), "{log}");
    assert!(log.contains("connection refused"), "{log}");

    world.advance(30);
    let ((), log) = capture_logs(async { api.token(world.token()).await.assert_admitted() }).await;
    assert_events(&log, &[]);
    let ((), log) =
        capture_logs(async { api.token(world.stranger()).await.assert_invalid("unknown_key") }).await;
    assert_events(&log, &["keys_fetching", "keys_loaded", "keys_withdrawn"]);
    api.token(world.token()).await.assert_invalid("unknown_key");

    // Told once, although everybody meets it.
    world.advance(600 + 3600);
    let ((), log) = capture_logs(async {
        for _ in 0..3 {
            assert_eq!(api.token(world.token()).await.status, 503);
        }
    })
    .await;
    assert_events(&log, &["keys_expired", "keys_fetching", "keys_failed"]);
}

/// A set with the one key of an issuer under this `kid`, or without one.
fn one_key(issuer: &Issuer, kid: Option<&str>) -> Reply {
    let mut key = issuer.jwks_json()["keys"][0].clone();
    key["kid"] = json!(kid);
    key.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    Reply::Json(json!({ "keys": [key] }).to_string())
}

#[tokio::test]
async fn another_key_under_the_same_kid_or_without_one_is_told_of() {
    // covers: JWK-012
    for (kid, replaced) in [(Some("same"), "replaced=[\"same\"]"), (None, "replaced=[\"-\"]")] {
        let world = site(|issuer| {
            let first = one_key(issuer, kid);
            issuer.rotate();
            let second = one_key(issuer, kid);
            vec![first, second.clone(), second]
        });
        let api = world.configured();
        drop(api.token(world.stranger()).await);
        for expected in
            [&["keys_fetching", "keys_loaded", "keys_changed"][..], &["keys_fetching", "keys_loaded"]]
        {
            // From here on nothing is trusted, so a token waits for the set.
            world.advance(600 + 3600);
            let (_, log) = capture_logs(async { api.token(world.stranger()).await }).await;
            assert_events(&log, &[&["keys_expired"], expected].concat());
            let told = log.contains(&format!("added=[] removed=[] {replaced}"));
            assert_eq!(told, expected.len() == 3, "{log}");
        }
    }
}

#[tokio::test]
async fn a_key_that_verifies_other_algorithms_than_before_is_told_of() {
    // RFC 8037, appendix A.2.
    let key = r#""kty":"OKP","crv":"Ed25519","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    let keys = |more: &str| Reply::Json(format!(r#"{{"keys":[{{{key}{more}}}]}}"#));
    let world = site(|_| vec![keys(r#","alg":"EdDSA""#), keys("")]);
    let api = world.configured();
    drop(api.token(world.stranger()).await);
    world.advance(30);
    let (_, log) = capture_logs(async { api.token(world.stranger()).await }).await;
    assert_events(&log, &["keys_fetching", "keys_loaded", "keys_changed"]);
    assert!(log.contains("added=[] removed=[] replaced=[\"k1\"]"), "{log}");
}

#[tokio::test]
async fn a_set_that_did_not_change_is_told_of_as_such() {
    let world = site(|issuer| {
        let tagged = Reply::Response(200, vec![("etag", "\"1\"")], issuer.jwks_json().to_string());
        vec![tagged, Reply::Response(304, vec![("etag", "\"1\"")], String::new())]
    });
    let api = world.configured();
    api.token(world.token()).await.assert_admitted();
    world.advance(600 + 3600);
    let ((), log) = capture_logs(async { api.token(world.token()).await.assert_admitted() }).await;
    assert_events(&log, &["keys_expired", "keys_fetching", "keys_not_modified"]);
}

#[tokio::test]
async fn an_event_shows_a_bounded_part_of_what_an_issuer_calls_its_keys() {
    let world = site(|issuer| {
        let mut set = issuer.jwks_json();
        let key = set["keys"][0].clone();
        let named = |kid: String| {
            let mut key = key.clone();
            key["kid"] = json!(kid);
            key
        };
        set["keys"] = (0..50).map(|number| named(format!("{number}\n{}", "x".repeat(1000)))).collect();
        vec![Reply::Json(set.to_string())]
    });
    let api = world.configured();
    let ((), log) =
        capture_logs(async { api.token(world.token()).await.assert_invalid("unknown_key") }).await;
    assert_events(&log, &["keys_fetching", "keys_loaded", "keys_changed"]);
    assert_eq!((log.matches("\\nxxx").count(), log.contains(&"x".repeat(65))), (20, false), "{log}");
}

#[tokio::test]
async fn a_crowd_that_waits_for_one_fetch_is_one_event() {
    let hanging = Reply::After(Arc::new(Semaphore::new(0)), Box::new(Reply::Unreachable));
    let world = site(|_| vec![hanging]);
    let (api, token) = (world.configured(), world.token());
    let mut waiting: Vec<_> = (0..1024).map(|_| Box::pin(api.token(&token))).collect();
    for waiting in &mut waiting {
        assert!(futures_util::FutureExt::now_or_never(waiting.as_mut()).is_none());
    }
    let ((), log) = capture_logs(async {
        for _ in 0..3 {
            api.token(&token).await.assert_unavailable(1);
        }
    })
    .await;
    assert_events(&log, &["keys_too_many_waiting"]);
}

#[tokio::test]
async fn a_fetch_ends_with_the_last_handle_that_could_use_it() {
    let gate = Arc::new(Semaphore::new(0));
    let world = site(|_| vec![Reply::After(Arc::clone(&gate), Box::new(Reply::Unreachable))]);
    let server = server(&world).build().unwrap();
    let (api, other) = (Api::new(server.require(authenticated())), server.clone());
    let script = Arc::strong_count(&gate);
    tokio::select! {
        biased;
        _ = api.token(world.token()) => panic!("there are no keys yet"),
        () = tokio::task::yield_now() => {}
    }
    let under_way = async || {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        Arc::strong_count(&gate) - script
    };
    assert_eq!(under_way().await, 1, "it survives the request that began it");
    drop((api, server));
    assert_eq!(under_way().await, 1, "and goes on for whoever has a handle");
    drop(other);
    assert_eq!(under_way().await, 0, "nobody can use what it would bring");
}

#[tokio::test]
async fn times_are_those_of_the_configuration() {
    // covers: JWK-009, JWK-011, JWK-013
    let world = site(|issuer| vec![keys(issuer), Reply::Unreachable]);
    let mut timing = KeyTiming::default();
    timing.cooldown = Duration::from_millis(100);
    timing.shortest_lifetime = Duration::from_millis(500);
    timing.lifetime = Duration::from_secs(1);
    timing.stale_bound = Duration::from_secs(1);
    timing.first_backoff = Duration::from_secs(3);
    let api = Api::new(server(&world).key_timing(timing).build().unwrap().require(authenticated()));
    api.token(world.token()).await.assert_admitted();
    world.clock.advance(Duration::from_millis(99));
    api.token(world.stranger()).await.assert_invalid("unknown_key");
    assert_eq!(world.client.count(), 1);
    world.clock.advance(Duration::from_millis(1));
    api.token(world.stranger()).await.assert_unavailable(3);
    assert_eq!(world.client.count(), 2);
    world.clock.advance(Duration::from_millis(1899));
    api.token(world.token()).await.assert_admitted();
    world.clock.advance(Duration::from_millis(1));
    api.token(world.token()).await.assert_unavailable(2);
    assert_eq!(world.client.count(), 2, "the first backoff holds");
}

fn page_text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md")).unwrap()
}

/// An event as the code has it.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Event {
    name: String,
    level: String,
    /// But for the issuer of an event about keys, and the path of one about a file.
    fields: BTreeSet<String>,
}

/// Every event of this target in the code. One without a name, or without its issuer or path, fails.
fn emitted(target: &str) -> BTreeSet<Event> {
    let (mut folders, mut events) =
        (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")], BTreeSet::new());
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let calls: Vec<_> = text.split("tracing::").skip(1).collect();
        let begin = format!("!(target: \"portcullis::{target}\", ");
        assert_eq!(
            text.matches(&format!("target: \"portcullis::{target}\"")).count(),
            text.matches(&begin).count()
        );
        for (level, call) in calls.iter().filter_map(|call| call.split_once(&begin)) {
            let rest = call.strip_prefix("event = \"").unwrap_or_else(|| panic!("no name: {call}"));
            let (name, rest) = rest.split_once("\", ").unwrap();
            let fields =
                rest.split('"').next().unwrap().split(", ").map(str::trim).filter(|field| !field.is_empty());
            let name_of =
                |field: &str| field.split(" =").next().unwrap().trim_start_matches(['%', '?']).to_owned();
            let mut fields: BTreeSet<_> = fields.map(name_of).collect();
            assert!(fields.remove(if target == "keys" { "issuer" } else { "path" }), "{name} says of what");
            events.insert(Event { name: name.to_owned(), level: level.to_owned(), fields });
        }
    }
    events
}

/// The names in the first column of the table with this header, on the page of keys.
fn page(header: &str) -> BTreeSet<String> {
    let text = page_text();
    let rows = text.split(header).nth(1).unwrap_or_else(|| panic!("no table {header}"));
    let rows = rows.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.split('`').nth(1).unwrap().to_owned()).collect()
}

fn source(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/jwks").join(name)).unwrap()
}

/// What stands in quotes in the function `code` of a file.
fn codes_in(text: &str) -> BTreeSet<String> {
    let body = text.split("fn code(").nth(1).unwrap();
    let end = ["\n}\n", "\n    }\n"].into_iter().filter_map(|end| body.find(end)).min().unwrap();
    body[..end].split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_page_has_every_event_code_and_counter_and_no_other() {
    for (target, header) in [
        ("keys", "| event | level | more fields | when |"),
        ("files", "| event | level | more fields | when a file |"),
    ] {
        let emitted = emitted(target);
        assert!(emitted.len() > 5, "the events were found");
        assert_eq!(page(header), emitted.iter().map(|event| event.name.clone()).collect());
        for Event { name, level, fields } in &emitted {
            let page = page_text();
            let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            assert!(cells[2].contains(level), "{name} is of level {level}");
            let told: BTreeSet<_> = cells[3].split('`').skip(1).step_by(2).map(str::to_owned).collect();
            assert_eq!(told, *fields, "fields of {name}");
        }
    }

    let text = source("file.rs");
    let codes: BTreeSet<_> = text
        .split("ConfigProblem::new(")
        .skip(1)
        .map(|after| after.trim_start().split('"').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(page("| code of a key file | what went wrong |"), codes);

    let codes: BTreeSet<_> = ["failure.rs", "../fetch/http_client.rs", "../metadata/authorization_server.rs"]
        .into_iter()
        .flat_map(|name| codes_in(&source(name)))
        // Of the same metadata, on the page of introspection.
        .filter(|code| code != "no_introspection_endpoint")
        .collect();
    assert!(codes.len() > 10, "the codes were found");
    assert_eq!(page("| code | what went wrong |"), codes);

    let text = source("status.rs");
    let counters = text.split("pub struct KeyCounters {").nth(1).unwrap().split("\n}").next().unwrap();
    let counters =
        counters.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.strip_suffix(": u64,"));
    assert_eq!(page("| counter | counts |"), counters.map(str::to_owned).collect());
}
