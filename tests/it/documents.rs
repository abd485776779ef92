//! What is fetched again: key sets that have not changed, metadata that fails, and metadata that leads elsewhere.
//! Virtual time, scripted and counted requests.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, IF_NONE_MATCH};
use portcullis::testing::Issuer;
use portcullis::{ResourceServer, TrustedIssuer, authenticated};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{AUDIENCE, Api, ISSUER, JWKS, Reply, Site, capture_logs, eventually};

const OPENID: &str = "https://id.example.com/.well-known/openid-configuration";
const OAUTH: &str = "https://id.example.com/.well-known/oauth-authorization-server";
const ELSEWHERE: &str = "https://keys.example.net/jwks";
const OTHER: &str = "https://evil.example/jwks";

const UNREACHABLE: [Reply; 1] = [Reply::Unreachable];

impl Site {
    /// From now on, GETs of `url` are answered like this.
    fn on(&self, url: &str, replies: impl IntoIterator<Item = Reply>) {
        let _ = self.client.clone().on(url, replies);
    }

    /// The keys, with these header fields.
    fn keys_with(&self, headers: &[(&'static str, &'static str)]) -> Reply {
        Reply::Response(200, headers.to_vec(), self.issuer.jwks_json().to_string())
    }

    /// The keys are known and near their end: one more request, in the background, and the keys are those that it brought.
    async fn refreshed(&self, server: &ResourceServer, after: u64) {
        self.advance(after);
        let fetched = || {
            let counters = server.issuers().status()[0].keys.counters;
            counters.succeeded + counters.not_modified
        };
        let before = fetched();
        Api::new(server.require(authenticated())).token(self.token()).await.assert_admitted();
        eventually("the refresh", async || fetched() > before).await;
    }

    /// The requests since there were `before`.
    fn since(&self, before: usize) -> Vec<String> {
        self.client.requests().split_off(before)
    }
}

fn metadata(jwks_uri: &str) -> Reply {
    Reply::Json(json!({ "issuer": ISSUER, "jwks_uri": jwks_uri }).to_string())
}

/// The line of this event.
#[track_caller]
fn told<'log>(log: &'log str, event: &str) -> &'log str {
    let mut lines = log.lines().filter(|line| line.contains(&format!("event=\"{event}\"")));
    let line = lines.next().unwrap_or_else(|| panic!("no {event} in {log}"));
    assert!(lines.next().is_none(), "{event} twice in {log}");
    line
}

fn not_modified(headers: &[(&'static str, &'static str)]) -> Reply {
    Reply::Response(304, headers.to_vec(), String::new())
}

#[tokio::test]
async fn a_key_set_that_has_not_changed_is_confirmed_and_not_sent_again() {
    let site = Site::new();
    site.on(
        JWKS,
        [
            site.keys_with(&[("etag", "W/\"1\"")]),
            // Nothing of it is parsed.
            Reply::Response(304, vec![("cache-control", "max-age=3000")], "<html>".to_owned()),
            not_modified(&[("etag", "\"1\"")]),
            not_modified(&[]),
            Reply::Unreachable,
        ],
    );
    let auth = site.server(TrustedIssuer::new(ISSUER).jwks_uri(JWKS)).build().unwrap();
    let api = Api::new(auth.require(authenticated()));
    api.token(site.token()).await.assert_admitted();
    for after in [480, 2400, 2400] {
        site.refreshed(&auth, after).await;
        assert_eq!(site.client.said(&IF_NONE_MATCH).last().unwrap(), "W/\"1\"");
    }
    assert_eq!(site.client.count(), 4);
    assert_eq!(site.client.said(&ACCEPT), ["application/json, application/jwk-set+json"; 4]);
    // The lifetime that the first 304 stated holds, since the others say nothing else.
    site.advance(3000 + 3599);
    api.token(site.token()).await.assert_admitted();
    site.advance(1);
    api.token(site.token()).await.assert_unavailable(1);
}

#[tokio::test]
async fn a_tag_that_does_not_change_with_the_keys_hides_no_rotation() {
    // covers: JWK-008
    let site = Site::new();
    site.on(JWKS, [site.keys_with(&[("etag", "\"always\"")])]);
    let api = site.configured();
    api.token(site.token()).await.assert_admitted();
    site.issuer.rotate();
    site.on(JWKS, [site.keys_with(&[("etag", "\"always\"")])]);
    site.advance(30);
    api.token(site.token()).await.assert_admitted();
    assert_eq!(site.client.said(&IF_NONE_MATCH), ["", ""], "for an unknown key the set is asked for whole");
}

#[tokio::test]
async fn keys_that_are_too_old_are_trusted_again_when_a_304_confirms_them() {
    let site = Site::new();
    site.on(JWKS, [site.keys_with(&[("etag", "\"1\"")]), not_modified(&[("cache-control", "max-age=60")])]);
    let api = site.configured();
    api.token(site.token()).await.assert_admitted();
    site.advance(600 + 3600);
    api.token(site.token()).await.assert_admitted();
    site.advance(60 + 3599);
    api.token(site.token()).await.assert_admitted();
    assert_eq!(site.client.said(&IF_NONE_MATCH)[..2], ["", "\"1\""]);
}

#[tokio::test]
async fn a_changed_set_replaces_the_held_one_and_its_tag() {
    // covers: JWK-012
    let site = Site::new();
    let (old, before) = (site.token(), site.keys_with(&[("etag", "\"1\"")]));
    site.issuer.rotate();
    site.on(JWKS, [before, site.keys_with(&[]), site.keys()]);
    let auth = site.server(TrustedIssuer::new(ISSUER).jwks_uri(JWKS)).build().unwrap();
    let api = Api::new(auth.require(authenticated()));
    api.token(&old).await.assert_admitted();
    site.advance(480);
    api.token(&old).await.assert_admitted();
    eventually("the refresh", async || auth.issuers().status()[0].keys.counters.succeeded == 2).await;
    api.token(site.token()).await.assert_admitted();
    api.token(&old).await.assert_invalid("unknown_key");
    site.refreshed(&auth, 480).await;
    assert_eq!(site.client.said(&IF_NONE_MATCH), ["", "\"1\"", ""], "a tag goes with its keys");
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_a_failed_fetch() {
    let long = &*Box::leak(format!("\"{}\"", "x".repeat(1023)).into_boxed_str());
    for unusable in
        [vec![], vec![("etag", "*")], vec![("etag", "\"1\""), ("etag", "\"2\"")], vec![("etag", long)]]
    {
        // Without keys, and with keys that have no tag to be known by.
        for (first, pause) in [(not_modified(&[("etag", "\"1\"")]), 1), (site_keys(&unusable), 30)] {
            let site = Site::new();
            site.on(JWKS, [first, not_modified(&[("cache-control", "max-age=3600")])]);
            let api = site.configured();
            api.token(site.stranger()).await;
            site.advance(30);
            let (answer, log) = capture_logs(api.token(site.stranger())).await;
            answer.assert_unavailable(if pause == 1 { 2 } else { 30 });
            assert!(log.contains("304"), "{log}");
            assert_eq!(site.client.said(&IF_NONE_MATCH), ["", ""], "{unusable:?}");
        }
    }
}

fn site_keys(headers: &[(&'static str, &'static str)]) -> Reply {
    Site::new().keys_with(headers)
}

#[tokio::test]
async fn a_304_with_another_tag_confirms_nothing_and_the_set_is_asked_for_whole() {
    for other in [vec![("etag", "\"b\"")], vec![("etag", "*")], vec![("etag", "\"a\""), ("etag", "\"b\"")]] {
        let site = Site::new();
        let (old, before) = (site.token(), site.keys_with(&[("etag", "\"a\"")]));
        site.issuer.rotate();
        // Beyond their stale bound: the first answer is of something else, and so it is in the next life of the keys.
        site.on(
            JWKS,
            [before, not_modified(&other), site.keys_with(&[("etag", "\"c\"")]), not_modified(&other)],
        );
        let api = site.configured();
        api.token(&old).await.assert_admitted();
        site.advance(600 + 3600);
        api.token(site.token()).await.assert_admitted();
        api.token(&old).await.assert_invalid("unknown_key");
        assert_eq!(site.client.said(&IF_NONE_MATCH), ["", "\"a\"", ""], "{other:?}");
        // A 304 to a request without a tag is none.
        site.advance(600 + 3600);
        api.token(site.token()).await.assert_unavailable(1);
        assert_eq!(site.client.said(&IF_NONE_MATCH)[3..], ["\"c\"", ""], "{other:?}");
    }
}

#[tokio::test]
async fn the_tag_of_one_place_is_not_sent_to_another() {
    let site = Site::new();
    let moved = "https://id.example.com/moved";
    site.on(OPENID, [metadata(JWKS), metadata(moved)]);
    site.on(JWKS, [site.keys_with(&[("etag", "\"1\"")])]);
    site.on(moved, [site.keys_with(&[("etag", "\"2\"")]), not_modified(&[])]);
    let api = site.discovering();
    api.token(site.token()).await.assert_admitted();
    for _ in 0..2 {
        // Beyond their stale bound.
        site.advance(600 + 3600);
        api.token(site.token()).await.assert_admitted();
    }
    assert_eq!(site.client.requests(), [OPENID, JWKS, OPENID, moved, OPENID, moved]);
    assert_eq!(site.client.said(&IF_NONE_MATCH), ["", "", "", "", "", "\"2\""]);
}

#[tokio::test]
async fn a_set_that_cannot_be_used_does_not_take_the_place_of_the_held_one_or_its_tag() {
    let site = Site::new();
    let bad = Reply::Response(200, vec![("etag", "\"bad\"")], "<html>".to_owned());
    site.on(JWKS, [site.keys_with(&[("etag", "\"1\"")]), bad, not_modified(&[])]);
    let api = site.configured();
    api.token(site.token()).await.assert_admitted();
    site.advance(600 + 3600);
    api.token(site.token()).await.assert_unavailable(1);
    site.advance(1);
    api.token(site.token()).await.assert_admitted();
    assert_eq!(site.client.said(&IF_NONE_MATCH), ["", "\"1\"", "\"1\""]);
}

#[tokio::test]
async fn metadata_that_cannot_be_refreshed_stays_in_use_for_a_day() {
    // covers: DSC-018
    let json = |text: &str| Reply::Json(text.to_owned());
    for bad in [
        Reply::Unreachable,
        Reply::Response(500, vec![], String::new()),
        Reply::Response(404, vec![], String::new()),
        Reply::Response(302, vec![("location", OTHER)], String::new()),
        not_modified(&[]),
        json("<html>"),
        json(r#"{"issuer":"https://evil.example","jwks_uri":"https://evil.example/jwks"}"#),
        json(r#"{"issuer":"https://id.example.com"}"#),
        json(r#"{"issuer":"https://id.example.com","jwks_uri":"http://evil.example/jwks"}"#),
    ] {
        let site = Site::new();
        site.on(OPENID, [metadata(JWKS), bad.clone()]);
        site.on(JWKS, [site.keys()]);
        let api = site.discovering();
        api.token(site.token()).await.assert_admitted();
        for hours in [1, 22] {
            site.advance(hours * 3600);
            let before = site.client.count();
            let (answer, log) = capture_logs(api.token(site.stranger())).await;
            answer.assert_invalid("unknown_key");
            assert_eq!(site.since(before).first().unwrap(), OPENID, "{bad:?}");
            assert_eq!(site.since(before).last().unwrap(), JWKS, "{bad:?}");
            assert!(told(&log, "metadata_not_refreshed").contains("WARN"), "{log}");
            api.token(site.token()).await.assert_admitted();
        }
        // Keys that landed an hour ago are trusted for a while; nothing newer is to be had from then on.
        site.advance(3600);
        let before = site.client.count();
        api.token(site.stranger()).await.assert_unavailable(30);
        assert!(!site.since(before).contains(&JWKS.to_owned()), "{bad:?}");
        site.advance(3600);
        api.token(site.token()).await.assert_unavailable(2);
        // And an answer ends it.
        site.on(OPENID, [metadata(JWKS)]);
        site.advance(2);
        api.token(site.token()).await.assert_admitted();
    }
}

#[tokio::test]
async fn metadata_that_does_not_answer_leaves_half_of_the_time_to_the_keys() {
    // covers: DSC-018
    let site = Site::new();
    let gate = Arc::new(Semaphore::new(0));
    let slow = Reply::After(Arc::clone(&gate), Box::new(Reply::Unreachable));
    site.on(OPENID, [metadata(JWKS), slow]);
    site.on(JWKS, [site.keys()]);
    let api = site.discovering();
    api.token(site.token()).await.assert_admitted();
    site.advance(3600);
    let (answer, ()) = tokio::join!(api.token(site.stranger()), async {
        eventually("the look at the metadata", async || site.client.count() == 3).await;
        site.clock.advance(Duration::from_millis(2500));
        gate.add_permits(1);
    });
    answer.assert_invalid("unknown_key");
    let [whole, half] = [5000, 2500].map(Duration::from_millis);
    assert_eq!(site.client.timeouts(), [whole, whole, half, half]);
}

#[tokio::test]
async fn a_place_that_fails_is_looked_up_anew_and_used_again_if_that_fails_too() {
    // covers: DSC-018
    let site = Site::new();
    let moved = "https://id.example.com/moved";
    site.on(OPENID, [metadata(JWKS), Reply::Unreachable, metadata(moved)]);
    site.on(JWKS, [site.keys(), Reply::Unreachable, Reply::Unreachable]);
    site.on(moved, [site.keys()]);
    let api = site.discovering();
    api.token(site.token()).await.assert_admitted();
    site.advance(30);
    api.token(site.stranger()).await.assert_unavailable(30);
    site.advance(30);
    api.token(site.stranger()).await.assert_unavailable(30);
    site.advance(30);
    api.token(site.stranger()).await.assert_invalid("unknown_key");
    // A place that has proven good is not in doubt: no metadata is asked.
    site.advance(30);
    api.token(site.stranger()).await.assert_invalid("unknown_key");
    assert_eq!(site.client.requests(), [OPENID, JWKS, JWKS, OPENID, JWKS, OPENID, moved, moved]);
}

#[tokio::test]
async fn the_first_metadata_is_remembered_even_if_its_keys_cannot_be_had() {
    // covers: DSC-018
    let site = Site::new();
    site.on(OPENID, [metadata(JWKS), Reply::Unreachable]);
    site.on(JWKS, [Reply::Unreachable, site.keys()]);
    let api = site.discovering();
    api.token(site.token()).await.assert_unavailable(1);
    site.advance(1);
    api.token(site.token()).await.assert_admitted();
    assert_eq!(site.client.requests(), [OPENID, JWKS, OPENID, JWKS]);
}

#[tokio::test]
async fn keys_that_moved_on_their_own_host_or_to_the_issuers_are_followed_and_told_of() {
    // covers: HM-006
    for (first, then) in [
        (JWKS, "https://id.example.com/moved?v=2"),
        (JWKS, "https://ID.example.com:443/moved"),
        (ELSEWHERE, "https://keys.example.net/v2"),
        (ELSEWHERE, JWKS),
    ] {
        let site = Site::new();
        site.on(OPENID, [metadata(first), metadata(then)]);
        let (old, before) = (site.token(), site.keys());
        site.issuer.rotate();
        site.on(first, [before]);

        site.on(then, [site.keys()]);
        let api = site.discovering();
        api.token(&old).await.assert_admitted();
        site.advance(3600);
        let (answer, log) = capture_logs(api.token(site.token())).await;
        answer.assert_admitted();
        api.token(&old).await.assert_invalid("unknown_key");
        assert_eq!(site.client.requests(), [OPENID, first, OPENID, then]);
        let line = told(&log, "jwks_uri_changed");
        assert!(line.contains("followed=true") && line.contains("INFO"), "{log}");
        assert!(log.contains(first) && !log.contains("v=2"), "{log}");
    }
}

#[tokio::test]
async fn keys_that_moved_to_another_host_are_not_followed_by_one_document() {
    // covers: HM-006
    for (first, then) in [
        (JWKS, OTHER),
        (JWKS, "https://id.example.com:8443/jwks"),
        (JWKS, "https://id.example.com.evil.example/jwks"),
        (ELSEWHERE, OTHER),
        (ELSEWHERE, "https://net/jwks"),
    ] {
        let site = Site::new();
        site.on(OPENID, [metadata(first), metadata(then)]);
        site.on(first, [site.keys(), site.keys(), Reply::Unreachable]);
        let old = site.token();
        let api = site.discovering();
        api.token(&old).await.assert_admitted();
        let foreign = Issuer::offline(ISSUER).with_clock(site.clock.clone());
        foreign.rotate();
        site.on(then, [Reply::Json(foreign.jwks_json().to_string())]);
        let forged = || foreign.token(AUDIENCE).expires_in(Duration::from_secs(1_000_000)).sign();

        // The old place is used as long as it is there ..
        site.advance(3600);
        let (answer, log) = capture_logs(api.token(forged())).await;
        answer.assert_invalid("unknown_key");
        api.token(&old).await.assert_admitted();
        let line = told(&log, "jwks_uri_changed");
        assert!(line.contains("followed=false") && line.contains("WARN"), "{log}");
        assert!(log.contains(first) && log.contains(then), "{log}");
        // .. when it is not, the outage says why ..
        site.advance(3600 + 600);
        let (answer, log) = capture_logs(api.token(&old)).await;
        answer.assert_unavailable(1);
        assert!(told(&log, "keys_failed").contains(r#"code="moved_to_another_host""#), "{log}");
        assert_eq!(site.client.requests(), [OPENID, first, OPENID, first, OPENID, first], "{then}");
        // .. and to start again ends it.
        let restarted = site.discovering();
        restarted.token(forged()).await.assert_admitted();
        restarted.token(&old).await.assert_invalid("unknown_key");
    }
}

/// An hour later, a token of an unknown key, which waits for one fetch; and what that asked for.
async fn hour(site: &Site, api: &Api) -> (Reached, String) {
    site.advance(3600);
    let before = site.client.count();
    let (answer, log) = capture_logs(api.token(site.stranger())).await;
    let keys = site.since(before).pop().filter(|url| !url.contains("well-known"));
    // How soon to come again depends on the keys in memory and on failures: not the matter here.
    let retry_after = answer.headers.get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    match retry_after {
        None => answer.assert_invalid("unknown_key"),
        Some(seconds) => answer.assert_unavailable(seconds),
    }
    assert_eq!(keys.is_some(), retry_after.is_none(), "{log}");
    (keys, log)
}

/// Where keys were asked for last, if anywhere.
type Reached = Option<String>;

#[tokio::test]
async fn another_host_is_followed_when_every_look_of_a_day_has_named_it() {
    // covers: HM-006
    let site = Site::new();
    let (old, before) = (site.token(), site.keys());
    site.issuer.rotate();
    let new = site.token();
    site.on(OPENID, [metadata(ELSEWHERE), metadata(OTHER)]);
    site.on(ELSEWHERE, [before]);
    site.on(OTHER, [site.keys()]);
    let api = site.discovering();
    api.token(&old).await.assert_admitted();
    for hours in 1..=24 {
        let (keys, log) = hour(&site, &api).await;
        assert_eq!(keys.as_deref(), Some(ELSEWHERE), "{hours}");
        assert!(told(&log, "jwks_uri_changed").contains("followed=false"), "{log}");
        api.token(&old).await.assert_admitted();
    }
    // A day after the first of them, and no second sooner.
    site.advance(3599);
    let (answer, log) = capture_logs(api.token(&new)).await;
    answer.assert_invalid("unknown_key");
    assert!(!log.contains("followed=true"), "{log}");
    site.advance(30);
    let (answer, log) = capture_logs(api.token(&new)).await;
    answer.assert_admitted();
    let line = told(&log, "jwks_uri_changed");
    assert!(line.contains("followed=true") && line.contains("INFO"), "{log}");
    api.token(&old).await.assert_invalid("unknown_key");
    // The host that was left is like any other from then on.
    site.on(OPENID, [metadata(ELSEWHERE)]);
    assert_eq!(hour(&site, &api).await.0.as_deref(), Some(OTHER));
    site.on(OTHER, UNREACHABLE);
    site.advance(3600);
    let before = site.client.count();
    api.token(&new).await.assert_admitted();
    api.token(site.stranger()).await.assert_unavailable(30);
    assert!(!site.since(before).contains(&ELSEWHERE.to_owned()));
}

#[tokio::test]
async fn a_move_to_a_host_that_never_brings_keys_is_undone_as_soon_as_the_metadata_says_so() {
    // covers: HM-006, CHL-017
    let site = Site::new();
    site.on(ELSEWHERE, [site.keys()]);
    site.on(OTHER, UNREACHABLE);
    site.on(OPENID, [metadata(ELSEWHERE), metadata(OTHER)]);
    let api = site.discovering();
    api.token(site.token()).await.assert_admitted();
    for _ in 1..=28 {
        site.advance(3600);
        assert_ne!(api.token(site.stranger()).await.status, 200);
    }
    assert_eq!(api.token(site.token()).await.status, 503, "the mistake was followed after a day");
    site.on(OPENID, [metadata(ELSEWHERE)]);
    site.advance(60);
    api.token(site.token()).await.assert_admitted();
    assert_eq!(hour(&site, &api).await.0.as_deref(), Some(ELSEWHERE));
}

#[tokio::test]
async fn a_day_that_another_host_is_named_begins_anew_with_every_other_word() {
    // covers: HM-006
    for word in [JWKS, ELSEWHERE, "https://evil.example/other"] {
        let site = Site::new();
        site.on(JWKS, [site.keys()]);
        site.on(OTHER, [site.keys()]);
        site.on(OPENID, [metadata(JWKS), metadata(OTHER)]);
        let api = site.discovering();
        api.token(site.token()).await.assert_admitted();
        for hours in 1..=70 {
            match hours % 23 {
                0 => site.on(OPENID, [metadata(word)]),
                1 => site.on(OPENID, [metadata(OTHER)]),
                _ => {}
            }
            let (keys, log) = hour(&site, &api).await;
            // Whatever it is that they name instead of the old place, that has its bound.
            let in_use = word == JWKS || hours < 26;
            assert_eq!(keys.as_deref(), in_use.then_some(JWKS), "{word} {hours}");
            assert!(in_use || told(&log, "keys_failed").contains(r#"code="moved_to_another_host""#), "{log}");
        }
    }
}

#[tokio::test]
async fn looks_that_fail_neither_confirm_a_move_nor_end_it() {
    // covers: HM-006, DSC-018
    for (answers_at, then) in [(25, OTHER), (30, OTHER), (30, JWKS)] {
        let site = Site::new();
        site.on(JWKS, [site.keys()]);
        site.on(OTHER, [site.keys()]);
        site.on(OPENID, [metadata(JWKS), metadata(OTHER), Reply::Unreachable]);
        let api = site.discovering();
        api.token(site.token()).await.assert_admitted();
        for hours in 1..answers_at {
            let (keys, log) = hour(&site, &api).await;
            assert_eq!(keys.as_deref(), (hours < 26).then_some(JWKS), "{hours}");
            assert_eq!(log.contains("metadata_not_refreshed"), (2..26).contains(&hours), "{log}");
        }
        site.on(OPENID, [metadata(then)]);
        assert_eq!(hour(&site, &api).await.0.as_deref(), Some(then), "{answers_at}");
    }
}

#[tokio::test]
async fn a_host_that_was_left_in_a_quiet_day_is_not_asked_again() {
    // covers: HM-006
    for back in [false, true] {
        let site = Site::new();
        site.on(JWKS, [site.keys()]);
        site.on(OTHER, [site.keys()]);
        site.on(OPENID, [metadata(JWKS), metadata(OTHER)]);
        let api = site.discovering();
        api.token(site.token()).await.assert_admitted();
        // Nobody looked while the old place was within its bound.
        site.advance(29 * 3600);
        for _ in 0..if back { 1 } else { 24 } {
            let (keys, log) = hour(&site, &api).await;
            assert_eq!(keys, None);
            assert!(told(&log, "keys_failed").contains(r#"code="moved_to_another_host""#), "{log}");
            assert!(log.contains(OTHER) && log.contains(JWKS), "{log}");
        }
        if back {
            site.on(OPENID, [metadata(JWKS)]);
        }
        assert_eq!(hour(&site, &api).await.0.as_deref(), Some(if back { JWKS } else { OTHER }));
        api.token(site.token()).await.assert_admitted();
    }
}

#[tokio::test]
async fn the_first_host_is_home_for_a_day_after_it_was_left_for_the_issuers() {
    // covers: HM-006
    for (hours, followed) in [(23, true), (24, false)] {
        let site = Site::new();
        site.on(OPENID, [metadata(ELSEWHERE), metadata(JWKS)]);
        site.on(ELSEWHERE, [site.keys()]);
        site.on(JWKS, [site.keys()]);
        let api = site.discovering();
        api.token(site.token()).await.assert_admitted();
        for _ in 1..hours {
            assert_eq!(hour(&site, &api).await.0.as_deref(), Some(JWKS));
        }
        site.on(OPENID, [metadata(ELSEWHERE)]);
        let (_, log) = hour(&site, &api).await;
        assert!(told(&log, "jwks_uri_changed").contains(&format!("followed={followed}")), "{log}");
    }
}

#[tokio::test]
async fn a_place_that_brings_no_keys_does_not_take_over_from_one_that_did() {
    // covers: DSC-018
    let site = Site::new();
    let wrong = "https://id.example.com/wrong";
    let worse = "https://id.example.com/worse";
    site.on(OPENID, [metadata(JWKS), metadata(wrong), metadata(worse), Reply::Unreachable]);
    site.on(JWKS, [site.keys_with(&[("etag", "\"1\"")])]);
    site.on(worse, [Reply::Json("<html>".to_owned())]);
    let api = site.discovering();
    api.token(site.token()).await.assert_admitted();
    for hours in 1..=23 {
        let (keys, log) = hour(&site, &api).await;
        assert_eq!(keys.as_deref(), Some(JWKS), "{hours}");
        assert!(log.contains("metadata_not_refreshed"), "{log}");
        api.token(site.token()).await.assert_admitted();
    }
    assert_eq!(site.client.requests()[2..8], [OPENID, wrong, JWKS, OPENID, worse, JWKS]);
    // Each has the time that it needs: half of what is left goes to those that come after it.
    let [whole, half] = [5000, 2500].map(Duration::from_millis);
    assert_eq!(site.client.timeouts()[2..8], [half, half, whole, half, half, whole]);
    // A day after the metadata last named it, the old place is over; keys from the new one end it at once.
    site.advance(3600);
    let before = site.client.count();
    api.token(site.stranger()).await.assert_unavailable(30);
    assert_eq!(site.since(before), [OPENID, worse]);
    site.on(worse, [site.keys()]);
    assert_eq!(hour(&site, &api).await.0.as_deref(), Some(worse));
}

#[tokio::test]
async fn a_place_that_has_brought_keys_leaves_nothing_to_fall_back_to() {
    // covers: DSC-018
    let site = Site::new();
    let moved = "https://id.example.com/moved";
    site.on(OPENID, [metadata(JWKS), metadata(moved)]);
    site.on(JWKS, [site.keys()]);
    site.on(moved, [site.keys(), Reply::Unreachable]);
    let api = site.discovering();
    api.token(site.token()).await.assert_admitted();
    assert_eq!(hour(&site, &api).await.0.as_deref(), Some(moved));
    site.advance(30);
    api.token(site.stranger()).await.assert_unavailable(30);
    assert_eq!(site.client.requests()[4..], [moved]);
}

#[tokio::test]
async fn what_metadata_names_is_told_of_in_part() {
    // covers: EXT-023
    let site = Site::new();
    let long = format!("https://evil.example/\u{202e}{}?key=hunter2", "x".repeat(60_000));
    site.on(OPENID, [metadata(JWKS), metadata(&long)]);
    site.on(JWKS, [site.keys(), Reply::Unreachable]);
    let api = site.discovering();
    api.token(site.token()).await.assert_admitted();
    site.advance(3600);
    let (answer, log) = capture_logs(api.token(site.stranger())).await;
    answer.assert_unavailable(30);
    for event in ["jwks_uri_changed", "keys_failed"] {
        let line = told(&log, event);
        assert!(line.contains("https://evil.example/") && line.len() < 1000, "{line}");
        assert!(!line.contains(['\u{202e}', '?']), "{line}");
    }
}

#[tokio::test]
async fn metadata_at_a_given_place_is_the_issuers_and_asked_for_nowhere_else() {
    // covers: DSC-004, HM-006
    let given = "http://localhost:8080/metadata?realm=a";
    let [inside, outside] = ["http://localhost:8080/jwks", JWKS];
    for (places, used) in [
        // Both hosts are the issuer's own.
        ([ELSEWHERE, inside, outside], [ELSEWHERE, inside, outside]),
        ([outside, inside, OTHER], [outside, inside, inside]),
        ([inside, ELSEWHERE, outside], [inside, inside, outside]),
    ] {
        let site = Site::new();
        site.on(given, places.map(metadata));
        for place in [inside, outside, ELSEWHERE, OTHER] {
            site.on(place, [site.keys()]);
        }
        let issuer = TrustedIssuer::new(ISSUER).metadata_url(given);
        let server = site.server(issuer).dangerous_allow_loopback_http().build().unwrap();
        let api = Api::new(server.require(authenticated()));
        for used in used {
            let before = site.client.count();
            api.token(site.stranger()).await.assert_invalid("unknown_key");
            assert_eq!(site.since(before), [given, used]);
            site.advance(3600);
        }
    }
    for named in ["http://localhost:8080", "https://id.example.com/"] {
        let site = Site::new();
        site.on(given, [Reply::Json(json!({ "issuer": named, "jwks_uri": JWKS }).to_string())]);
        let issuer = TrustedIssuer::new(ISSUER).metadata_url(given);
        let server = site.server(issuer).dangerous_allow_loopback_http().build().unwrap();
        Api::new(server.require(authenticated())).token(site.token()).await.assert_unavailable(1);
        assert_eq!(site.client.requests(), [given]);
    }
}

#[tokio::test]
async fn an_issuer_that_is_removed_and_inserted_again_has_its_keys_where_its_metadata_says() {
    // covers: HM-006
    let site = Site::new();
    site.on(OPENID, [metadata(JWKS), metadata(ELSEWHERE)]);
    site.on(JWKS, [site.keys()]);
    site.on(ELSEWHERE, [site.keys()]);
    let auth = site.server(ISSUER).build().unwrap();
    let api = Api::new(auth.require(authenticated()));
    api.token(site.token()).await.assert_admitted();
    site.advance(3600);
    // To insert it alone changes nothing, like every setting that is given again.
    auth.issuers().insert(ISSUER).unwrap();
    api.token(site.stranger()).await.assert_invalid("unknown_key");
    assert_eq!(site.client.requests(), [OPENID, JWKS, OPENID, JWKS]);
    assert!(auth.issuers().remove(ISSUER));
    auth.issuers().insert(ISSUER).unwrap();
    api.token(site.token()).await.assert_admitted();
    assert_eq!(site.client.requests()[4..], [OPENID, ELSEWHERE]);
}

#[tokio::test]
async fn a_place_that_never_had_keys_binds_nobody() {
    // covers: HM-006
    let site = Site::new();
    site.on(OPENID, [metadata(OTHER), metadata(ELSEWHERE), metadata(OTHER)]);
    site.on(ELSEWHERE, [site.keys()]);
    site.on(OTHER, UNREACHABLE);
    let api = site.discovering();
    api.token(site.token()).await.assert_unavailable(1);
    site.advance(1);
    api.token(site.token()).await.assert_admitted();
    site.advance(3600);
    api.token(site.stranger()).await.assert_invalid("unknown_key");
    assert_eq!(site.client.requests(), [OPENID, OTHER, OPENID, ELSEWHERE, OPENID, ELSEWHERE]);
}

#[tokio::test]
async fn a_move_to_the_issuers_host_does_not_forget_where_the_first_keys_were() {
    // covers: HM-006
    let site = Site::new();
    let places = [ELSEWHERE, JWKS, ELSEWHERE, OTHER, JWKS];
    site.on(OPENID, places.map(metadata));
    site.on(ELSEWHERE, [site.keys()]);
    site.on(JWKS, [site.keys()]);
    let api = site.discovering();
    for used in [ELSEWHERE, JWKS, ELSEWHERE, ELSEWHERE, JWKS] {
        api.token(site.stranger()).await.assert_invalid("unknown_key");
        assert_eq!(site.client.requests().last().unwrap(), used);
        site.advance(3600);
    }
    // What was refused once is no longer told of.
    site.on(JWKS, UNREACHABLE);
    let (answer, log) = capture_logs(api.token(site.stranger())).await;
    answer.assert_unavailable(30);
    assert!(!log.contains("moved_to_another_host") && !log.contains(OTHER), "{log}");
}

#[tokio::test]
async fn an_issuer_with_a_path_is_looked_for_at_three_places() {
    // covers: DSC-001, DSC-002, DSC-003
    let places = [
        "https://id.example.com/t1/.well-known/openid-configuration",
        "https://id.example.com/.well-known/oauth-authorization-server/t1",
        "https://id.example.com/.well-known/openid-configuration/t1",
    ];
    for issuer in ["https://id.example.com/t1", "https://id.example.com/t1/"] {
        let document = || Reply::Json(json!({ "issuer": issuer, "jwks_uri": JWKS }).to_string());
        for count in 1..=4 {
            let site = Site::new();
            site.on(JWKS, [site.keys()]);
            if let Some(place) = places.get(count - 1) {
                site.on(place, [document()]);
            }
            let api = Api::new(site.server(issuer).build().unwrap().require(authenticated()));
            let answer = api.token(site.issuer.token(AUDIENCE).claim("iss", issuer).sign()).await;
            if count == 4 {
                answer.assert_unavailable(1);
            } else {
                answer.assert_admitted();
            }
            assert_eq!(site.client.requests()[..count.min(3)], places[..count.min(3)]);
            assert_eq!(site.client.count(), if count == 4 { 3 } else { count + 1 });
        }
    }
}

#[tokio::test]
async fn a_server_that_is_busy_is_not_asked_for_the_next_document() {
    // covers: DSC-007
    for status in [408, 429, 500, 503, 304] {
        let site = Site::new();
        site.on(OPENID, [Reply::Response(status, vec![], String::new())]);
        site.on(OAUTH, [metadata(JWKS)]);
        site.discovering().token(site.token()).await.assert_unavailable(1);
        assert_eq!(site.client.requests(), [OPENID], "{status}");
    }
}

#[tokio::test]
async fn operators_are_told_which_issuer_the_metadata_is_of() {
    // covers: DSC-004, PRV-022
    let log_of = async |configured: &str, named: serde_json::Value| {
        let site = Site::new();
        let place = format!("{}/.well-known/openid-configuration", configured.trim_end_matches('/'));
        let document = json!({ "issuer": named, "jwks_uri": JWKS }).to_string();
        site.on(&place, [Reply::Json(document)]);
        let api = Api::new(site.server(configured).build().unwrap().require(authenticated()));
        let token = site.issuer.token(AUDIENCE).claim("iss", configured).sign();
        let (answer, log) = capture_logs(api.token(token)).await;
        answer.assert_unavailable(1);
        assert_eq!(site.client.requests(), [place]);
        log
    };
    let slash = ["the issuer with a slash at the end", "the issuer without a slash at the end"];
    let log = log_of(ISSUER, json!("https://id.example.com/")).await;
    assert!(log.contains(slash[0]) && !log.contains(slash[1]), "{log}");
    let log = log_of("https://id.example.com/", json!(ISSUER)).await;
    assert!(log.contains(slash[1]) && !log.contains(slash[0]), "{log}");
    let log = log_of(ISSUER, json!("https://id.example.com/v2.0")).await;
    assert!(
        log.contains(r#"of another issuer: \"https://id.example.com/v2.0\""#)
            || log.contains(r#"of another issuer: "https://id.example.com/v2.0""#),
        "{log}"
    );
    let log = log_of(ISSUER, json!(["https://id.example.com"])).await;
    assert!(log.contains("no `issuer`"), "{log}");
    // Foreign text comes in part and without what a terminal would obey.
    let log = log_of(ISSUER, json!(format!("https://\u{1b}[31m\n\u{202e}{}", "x".repeat(10_000)))).await;
    assert!(!log.contains(['\u{1b}', '\u{202e}']) && !log.contains("\n\u{202e}"), "{log}");
    assert!(log.matches('x').count() < 200, "{log}");
    let log = log_of(ISSUER, json!("https://user:hunter2@evil.example")).await;
    assert!(log.contains("of another issuer") && !log.contains("hunter2"), "{log}");
}

#[tokio::test]
async fn documents_are_utf_8_without_a_byte_order_mark_whatever_their_charset_says() {
    // covers: DSC-007, JWK-001
    let document = json!({ "issuer": ISSUER, "jwks_uri": JWKS }).to_string();
    let marked = format!("\u{feff}{document}");
    for (media_type, body, admitted) in [
        ("application/json", &document, true),
        ("application/json; charset=utf-8", &document, true),
        // RFC 8259 §11: the parameter has no meaning.
        ("Application/JSON;charset=ISO-8859-1", &document, true),
        ("application/json", &marked, false),
        ("application/json; charset=utf-8", &marked, false),
        ("application/jwk-set+json", &document, false),
        ("text/plain", &document, false),
    ] {
        let site = Site::new();
        site.on(OPENID, [Reply::Response(200, vec![("content-type", media_type)], body.clone())]);
        site.on(JWKS, [site.keys()]);
        let answer = site.discovering().token(site.token()).await;
        if admitted { answer.assert_admitted() } else { answer.assert_unavailable(1) }
    }
    let site = Site::new();
    let marked = format!("\u{feff}{}", site.issuer.jwks_json());
    site.on(JWKS, [Reply::Json(marked)]);
    site.configured().token(site.token()).await.assert_unavailable(1);
}

#[tokio::test]
async fn a_key_set_is_known_by_what_it_is_and_not_by_its_media_type() {
    // covers: JWK-001, JWK-017
    for media_type in [
        "application/json",
        "application/jwk-set+json",
        "application/jwk-set+json; charset=utf-8",
        "text/plain",
        "application/octet-stream",
        "text/html",
    ] {
        let site = Site::new();
        let page = "<!DOCTYPE html><title>Sign in</title>".to_owned();
        site.on(JWKS, [Reply::Response(200, vec![("content-type", media_type)], page)]);
        let api = site.configured();
        api.token(site.token()).await.assert_unavailable(1);
        site.on(JWKS, [site.keys_with(&[("content-type", media_type)])]);
        site.advance(1);
        api.token(site.token()).await.assert_admitted();
    }
    let site = Site::new();
    site.on(JWKS, [site.keys_with(&[])]);
    site.configured().token(site.token()).await.assert_admitted();
}
