//! What keeps an endpoint from answering is never the fault of a token, and is over when it is over.

use std::time::Duration;

use portcullis::testing::Fault;
use portcullis::{ClientAuthentication, Introspection, Secret, authenticated};
use serde_json::json;

use super::world::{World, active, failure, introspection, status};
use crate::support::{Answer, Api, capture_logs};

const JSON: (&str, &str) = ("content-type", "application/json");

fn error(status: u16, error: &str) -> Fault {
    Fault::answer(status, [JSON], json!({ "error": error }).to_string())
}

fn paused(status: u16, retry_after: &str) -> Fault {
    Fault::answer(status, [("retry-after", retry_after)], "")
}

/// Each of these, the seconds after which we say to come back, and its code.
fn faults() -> Vec<(Fault, u64, &'static str)> {
    let mut faults = vec![
        (Fault::Status(400), 1, "bad_status"),
        (error(400, "invalid_request"), 1, "bad_status"),
        (error(400, "invalid_client"), 1, "credentials_refused"),
        (Fault::Status(401), 1, "credentials_refused"),
        (error(401, "invalid_client"), 1, "credentials_refused"),
        (error(401, "invalid_token"), 1, "credentials_refused"),
        (Fault::Status(403), 1, "credentials_refused"),
        (Fault::answer(403, [("content-type", "text/html")], ""), 1, "credentials_refused"),
        (error(403, "insufficient_scope"), 1, "credentials_refused"),
        (Fault::Status(404), 1, "bad_status"),
        (Fault::Status(405), 1, "bad_status"),
        (Fault::Status(410), 1, "bad_status"),
        (Fault::Status(500), 1, "bad_status"),
        (Fault::Status(502), 1, "bad_status"),
        (Fault::Status(504), 1, "bad_status"),
        (Fault::Status(503), 1, "overloaded"),
        (Fault::Status(429), 1, "overloaded"),
        // An answer in the body of a failure is none.
        (Fault::answer(500, [JSON], active().to_string()), 1, "bad_status"),
        (Fault::answer(401, [JSON], active().to_string()), 1, "credentials_refused"),
        (Fault::answer(401, [JSON], r#"{"active":false}"#), 1, "credentials_refused"),
        (Fault::answer(404, [JSON], r#"{"active":false}"#), 1, "bad_status"),
        (Fault::BreakOff, 1, "request_failed"),
        (Fault::Body(String::new()), 1, "unreadable_answer"),
        (Fault::Body("{".to_owned()), 1, "unreadable_answer"),
        (Fault::Body(json!({ "error": "server_error" }).to_string() + "}"), 1, "unreadable_answer"),
        (Fault::answer(200, [("content-type", "text/html")], "<html>Sign in</html>"), 1, "other_media_type"),
    ];
    for status in [429, 503] {
        for (retry_after, seconds) in [
            ("7", 7),
            ("0", 1),
            ("1", 1),
            ("60", 60),
            ("61", 60),
            ("86400", 60),
            ("18446744073709551615", 60),
            ("18446744073709551616", 1),
            ("-1", 1),
            ("1.5", 1),
            ("", 1),
            ("soon", 1),
            ("Wed, 21 Oct 2065 07:28:00 GMT", 1),
        ] {
            faults.push((paused(status, retry_after), seconds, "overloaded"));
        }
    }
    faults
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_an_outage_and_never_the_fault_of_a_token() {
    // covers: INT-009, INT-010, INT-015
    for (fault, seconds, code) in faults() {
        println!("{fault:?}");
        let world = World::new();
        let server = world.server(introspection());
        let api = Api::new(server.require(authenticated()));
        let (token, unknown) = (world.token(), "unheard-of");
        world.issuer.fail_introspection(fault);
        for presented in [&*token, unknown] {
            api.token(presented).await.assert_unavailable(seconds);
            assert_eq!(failure(&server), Some(code));
        }
        // Nothing of it is kept: the next request asks again, and so does the one after the outage.
        api.token(&token).await.assert_unavailable(seconds);
        assert_eq!(world.asked(), 3);
        world.issuer.mend();
        api.token(&token).await.assert_admitted();
        api.token(unknown).await.assert_invalid("inactive");
        assert_eq!(world.asked(), 5);
    }
}

#[tokio::test]
async fn an_outage_does_not_touch_what_is_in_memory_and_ends_with_it() {
    // covers: INT-015
    let world = World::new();
    let api = world.api();
    let (good, revoked) = (world.token(), world.token());
    world.issuer.revoke(&revoked);
    api.token(&good).await.assert_admitted();
    api.token(&revoked).await.assert_invalid("inactive");
    world.issuer.fail_introspection(Fault::Status(500));
    api.token(&good).await.assert_admitted();
    api.token(&revoked).await.assert_invalid("inactive");
    // What would be good beyond its time because nobody could be asked would be good for ever.
    world.advance(60);
    api.token(&good).await.assert_unavailable(1);
    api.token(&revoked).await.assert_unavailable(1);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_is_given_up_after_five_seconds() {
    // covers: INT-010, INT-015
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(authenticated()));
    let token = world.token();
    for (fault, seconds, taken) in [
        (Fault::Hang, 5, false),
        (Fault::Delay(Duration::from_secs(6)), 5, false),
        (Fault::Delay(Duration::from_secs(4)), 4, true),
    ] {
        world.issuer.fail_introspection(fault);
        let started = tokio::time::Instant::now();
        let answer = api.token(&token).await;
        assert_eq!(started.elapsed().as_secs(), seconds);
        match taken {
            true => answer.assert_admitted(),
            false => answer.assert_unavailable(1),
        }
    }
    assert_eq!(failure(&server), Some("timed_out"));
    assert_eq!(world.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_token_that_hangs_holds_up_no_other() {
    // covers: INT-010
    let world = World::new();
    let api = world.api();
    // So that the endpoint is known.
    api.token(world.token()).await.assert_admitted();
    world.issuer.fail_introspection(Fault::Hang);
    let token = world.token();
    let mut hanging = std::pin::pin!(api.token(&token));
    assert!(futures_util::FutureExt::now_or_never(hanging.as_mut()).is_none());
    tokio::task::yield_now().await;
    world.issuer.mend();
    let started = tokio::time::Instant::now();
    api.token(world.token()).await;
    assert!(started.elapsed().is_zero());
    let Answer { status, .. } = hanging.await;
    assert_eq!((status.as_u16(), started.elapsed().as_secs()), (503, 5));
}

#[tokio::test]
async fn a_kind_of_token_that_the_endpoint_does_not_introspect_is_not_active() {
    // covers: INT-004, INT-009
    let world = World::new();
    let server = world.server(introspection().every_token());
    let api = Api::new(server.require(authenticated()));
    world.issuer.fail_introspection(error(400, "unsupported_token_type"));
    for token in [world.issuer.token(crate::support::AUDIENCE).sign(), world.token()] {
        api.token(token).await.assert_invalid("inactive");
    }
    assert_eq!((failure(&server), status(&server).counters.refused), (None, 2));
    // Only these words, as JSON, with this status.
    let body = || json!({ "error": "unsupported_token_type" }).to_string();
    for fault in [
        error(401, "unsupported_token_type"),
        error(500, "unsupported_token_type"),
        error(400, "Unsupported_Token_Type"),
        Fault::answer(400, [("content-type", "text/html")], body()),
        Fault::answer(400, [JSON], format!("[{}]", body())),
        Fault::answer(400, [JSON], body().replace('}', r#","error":"x"}"#)),
        Fault::answer(400, [JSON], r#"{"error":["unsupported_token_type"]}"#),
    ] {
        println!("{fault:?}");
        world.issuer.fail_introspection(fault);
        api.token(world.token()).await.assert_unavailable(1);
    }
}

#[tokio::test]
async fn an_outage_of_the_metadata_is_one_of_introspection_until_the_endpoint_is_known() {
    // covers: INT-010
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(authenticated()));
    world.issuer.fail(Fault::Status(500));
    api.token(world.token()).await.assert_unavailable(1);
    assert_eq!((world.asked(), failure(&server)), (0, Some("bad_status")));
    world.issuer.mend();
    world.advance(1);
    api.token(world.token()).await.assert_admitted();
    world.issuer.fail(Fault::Status(500));
    for _ in 0..3 {
        world.advance(3_600);
        api.token(world.token()).await.assert_admitted();
    }
}

/// The lines of this target.
fn of_introspection(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("portcullis::introspection")).collect()
}

#[tokio::test]
async fn operators_are_told_once_when_it_fails_and_once_when_it_works_again() {
    // covers: INT-009
    let world = World::new();
    let secret = Secret::new("private-secret");
    world.issuer.client("private-api", "private-secret");
    let server = world.server(Introspection::new(ClientAuthentication::basic("private-api", secret)));
    let api = Api::new(server.require(authenticated()));
    let tokens = std::cell::RefCell::new(Vec::new());
    let request = async || {
        let token = world.issuer.token(crate::support::AUDIENCE).subject("private-subject").opaque();
        tokens.borrow_mut().push(token.clone());
        let (answer, log) = capture_logs(api.token(&token)).await;
        assert!(log.contains(answer.code()) || answer.status == 200, "operators see why: {log}");
        let printed = format!("{log}{:?}{:?}", server.issuers().status(), answer.rejection);
        let basic = "cHJpdmF0ZS1hcGk6cHJpdmF0ZS1zZWNyZXQ";
        for hidden in [&*token, &token[..20], "private-secret", "private-subject", basic] {
            assert!(!printed.contains(hidden), "{hidden} / {printed}");
        }
        (answer, of_introspection(&log).join("\n"))
    };
    let quiet = async |unavailable: bool| {
        for _ in 0..3 {
            let (answer, log) = request().await;
            assert_eq!((answer.status == 503, &*log), (unavailable, ""));
        }
    };
    quiet(false).await;
    let failed = "event=\"introspection_failed\" issuer=\"https://id.example.com\"";
    for (fault, level, code) in [
        (Fault::Status(401), "ERROR", "credentials_refused"),
        (Fault::Status(500), "WARN", "bad_status"),
        (Fault::Status(403), "ERROR", "credentials_refused"),
        (paused(429, "9"), "WARN", "overloaded"),
        (Fault::Body("private-subject".to_owned()), "WARN", "unreadable_answer"),
        (Fault::answer(200, [("content-type", "text/html")], "private-subject"), "WARN", "other_media_type"),
        (Fault::BreakOff, "WARN", "request_failed"),
    ] {
        world.advance(60);
        world.issuer.fail_introspection(fault);
        let (answer, log) = request().await;
        answer.assert_unavailable(if code == "overloaded" { 9 } else { 1 });
        assert_eq!(log.lines().count(), 1, "{log}");
        for part in [level, failed, &format!("code=\"{code}\"")] {
            assert!(log.contains(part), "{part} / {log}");
        }
        quiet(true).await;
    }
    world.issuer.mend();
    let (answer, log) = request().await;
    answer.assert_admitted();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("INFO") && log.contains("event=\"introspection_recovered\""), "{log}");
    quiet(false).await;
    // The same failure is news again after a minute, and its end with it: nobody fills logs by what he asks about.
    for _ in 0..3 {
        world.issuer.fail_introspection(Fault::BreakOff);
        quiet(true).await;
        world.issuer.mend();
        quiet(false).await;
    }
    world.issuer.fail_introspection(Fault::BreakOff);
    quiet(true).await;
    world.advance(60);
    assert!(request().await.1.contains("request_failed"));
    world.issuer.mend();
    assert!(request().await.1.contains("introspection_recovered"));
}

#[tokio::test]
async fn failures_in_turn_are_told_once_a_minute_each_and_what_lasts_is_told() {
    // covers: INT-009
    let world = World::new();
    let api = world.api();
    let codes = async || {
        let (_, log) = capture_logs(api.token(world.token())).await;
        let told: Vec<_> = of_introspection(&log)
            .iter()
            .map(|line| line.split("event=").nth(1).unwrap().to_owned())
            .collect();
        ["credentials_refused", "bad_status", "recovered"]
            .map(|code| told.iter().filter(|line| line.contains(code)).count())
    };
    let faults = [Fault::Status(401), Fault::Status(500)];
    let none = [0; 3];
    for round in 0..20 {
        world.issuer.fail_introspection(faults[round % 2].clone());
        assert_eq!(codes().await, if round < 2 { [1 - round, round, 0] } else { none });
    }
    // The last of them goes on.
    world.advance(59);
    assert_eq!(codes().await, none);
    world.advance(1);
    assert_eq!(codes().await, [0, 1, 0]);
    assert_eq!(codes().await, none);
    world.issuer.mend();
    assert_eq!(codes().await, [0, 0, 1]);
    assert_eq!(codes().await, none);
}

#[tokio::test]
async fn a_place_that_the_metadata_must_not_name_is_told_as_an_error_of_ours() {
    // covers: INT-025
    let world = World::new();
    let mut metadata = world.issuer.metadata_json();
    metadata["introspection_endpoint"] = json!("https://elsewhere.example/introspect?private");
    world.network.serve_metadata(metadata);
    let api = world.api();
    let (answer, log) = capture_logs(api.token(world.token())).await;
    answer.assert_unavailable(1);
    let [line] = of_introspection(&log)[..] else { panic!("one line: {log}") };
    assert!(line.contains("ERROR") && line.contains("https://elsewhere.example/introspect"), "{line}");
    assert!(!line.contains("private") && line.contains("`endpoint`"), "{line}");
}

#[tokio::test]
async fn what_happened_to_tokens_is_counted() {
    // covers: INT-015
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(authenticated()));
    let before = status(&server);
    assert_eq!((before.endpoint, before.last_success, before.last_failure), (None, None, None));
    let (good, foreign) = (world.token(), world.token_of(r#"{"active":true,"aud":1}"#));
    api.token(&good).await.assert_admitted();
    api.token(&good).await.assert_admitted();
    api.token("unheard-of").await.assert_invalid("inactive");
    api.token(&foreign).await.assert_invalid("malformed_token");
    api.token("unheard-of").await.assert_invalid("inactive");
    world.advance(2);
    world.issuer.fail_introspection(Fault::Status(401));
    api.token(world.token()).await.assert_unavailable(1);
    world.advance(3);

    let after = status(&server);
    assert_eq!(after.endpoint.as_deref(), Some(super::world::ENDPOINT));
    assert_eq!((after.under_way, after.last_success), (0, Some(Duration::from_secs(5))));
    let failure = after.last_failure.unwrap();
    assert_eq!((failure.code, failure.ago), ("credentials_refused", Duration::from_secs(3)));
    assert!(failure.message.contains("401"), "{}", failure.message);
    let counters = after.counters;
    assert_eq!((counters.exchanges, counters.active, counters.refused, counters.failed), (4, 1, 2, 1));
    assert_eq!((counters.from_memory, counters.joined, counters.too_many_waiting), (2, 0, 0));

    // A success ends an outage, and the last failure is still to be seen.
    world.issuer.mend();
    api.token(world.token()).await.assert_admitted();
    let mended = status(&server);
    assert_eq!(
        (mended.last_success, mended.last_failure.unwrap().code),
        (Some(Duration::ZERO), "credentials_refused")
    );
}
