//! For how long an answer is used, and what is never kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis::testing::validate;
use portcullis::{Validation, scope};
use serde_json::json;
use tokio::sync::Semaphore;

use super::site::{Reply, Site, api, status};
use crate::support::{AUDIENCE, Api, ISSUER, NOW, eventually, get};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An answer that the endpoint gives whatever the time is.
fn active(members: &str) -> String {
    format!(r#"{{"active":true,"sub":"alice","aud":"{AUDIENCE}"{members}}}"#)
}

#[tokio::test]
async fn an_answer_is_used_for_a_minute_and_then_asked_for_again() {
    // covers: INT-001, INT-013
    let site = Site::new();
    let server = site.server(site.trusted(|introspection| introspection)).build().unwrap();
    let request = get(&site.opaque());
    let admits = async || match validate(&server, &request) {
        Validation::Ready(result) => (true, result.is_ok()),
        Validation::Pending(result) => (false, result.await.is_ok()),
    };
    assert_eq!(admits().await, (false, true));
    for passed in [0, 1, 58] {
        site.advance(passed);
        assert_eq!(admits().await, (true, true));
    }
    site.clock.advance(Duration::from_nanos(999_999_999));
    assert_eq!(admits().await, (true, true));
    assert_eq!(site.desk.exchanges(), 1);
    site.clock.advance(Duration::from_nanos(1));
    assert_eq!(admits().await, (false, true));
    assert_eq!(admits().await, (true, true));
    assert_eq!(site.desk.exchanges(), 2);
}

#[tokio::test]
async fn the_minute_begins_when_the_question_is_put_and_not_when_it_is_answered() {
    // covers: INT-013
    let site = Site::new();
    let (api, token, clock) = (site.api(), site.opaque(), site.clock.clone());
    site.desk.on(move |_| Reply::Late(clock.clone(), seconds(4), Box::new(Reply::Issuer)));
    api.token(&token).await.assert_admitted();
    site.desk.mend();
    site.advance(55);
    api.token(&token).await.assert_admitted();
    assert_eq!(site.desk.exchanges(), 1);
    site.advance(1);
    api.token(&token).await.assert_admitted();
    assert_eq!(site.desk.exchanges(), 2);
}

#[tokio::test]
async fn no_answer_is_used_from_exp_on_although_the_leeway_would_admit() {
    // covers: INT-011
    let site = Site::new();
    let (api, token) = (site.api(), site.opaque());
    let exp = NOW + 5;
    site.issuer.answer_introspection(&token, active(&format!(r#","exp":{exp}"#)));
    api.token(&token).await.assert_admitted();
    site.advance(4);
    api.token(&token).await.assert_admitted();
    assert_eq!(site.desk.exchanges(), 1);
    // The endpoint is asked each time, and believed within the leeway of 30 s.
    for (passed, exchanges) in [(1, 2), (0, 3), (1, 4), (28, 5)] {
        site.advance(passed);
        api.token(&token).await.assert_admitted();
        assert_eq!(site.desk.exchanges(), exchanges);
    }
    site.advance(1);
    api.token(&token).await.assert_invalid("expired");
    assert_eq!(site.desk.exchanges(), 6);

    let token = site.issuer.token(AUDIENCE).expires_in(seconds(5)).opaque();
    api.token(&token).await.assert_admitted();
    site.advance(6);
    api.token(&token).await.assert_invalid("inactive");
    assert_eq!(site.desk.exchanges(), 8);
}

#[tokio::test]
async fn what_expires_at_the_instant_of_the_answer_is_not_kept() {
    // covers: INT-011
    let site = Site::new();
    let api = site.api();
    for (exp, kept) in [
        (json!(NOW), false),
        (json!(NOW - 1), false),
        (json!(NOW + 1), true),
        (json!(NOW as f64 + 0.5), true),
        (json!(0), false),
    ] {
        let (token, before) = (site.opaque(), site.desk.exchanges());
        site.issuer.answer_introspection(&token, active(&format!(r#","exp":{exp}"#)));
        let first = api.token(&token).await;
        assert_eq!(api.token(&token).await.code(), first.code());
        assert_eq!(site.desk.exchanges() - before, if kept { 1 } else { 2 }, "{exp}");
    }
}

#[tokio::test]
async fn a_kept_answer_is_judged_anew_by_the_clock() {
    // covers: INT-011, INT-016
    let site = Site::new();
    let api = site.api();
    let token = site.opaque();
    let (nbf, exp) = (NOW + 40, NOW + 55);
    site.issuer.answer_introspection(&token, active(&format!(r#","nbf":{nbf},"exp":{exp}"#)));
    api.token(&token).await.assert_invalid("not_yet_valid");
    site.advance(9);
    api.token(&token).await.assert_invalid("not_yet_valid");
    site.advance(1);
    api.token(&token).await.assert_admitted();
    site.advance(44);
    api.token(&token).await.assert_admitted();
    assert_eq!(site.desk.exchanges(), 1);
    site.advance(1);
    api.token(&token).await.assert_admitted();
    assert_eq!(site.desk.exchanges(), 2);
}

#[tokio::test]
async fn a_kept_answer_is_judged_by_the_policy_of_each_route() {
    // covers: INT-012, INT-019
    let site = Site::new();
    let server = site.server(site.trusted(|introspection| introspection)).build().unwrap();
    let token = site.token().scope("read").opaque();
    let (reads, writes) = (Api::new(server.require(scope("read"))), Api::new(server.require(scope("write"))));
    for _ in 0..2 {
        reads.token(&token).await.assert_admitted();
        writes.token(&token).await.assert_denied(Some("write"));
    }
    assert_eq!(site.desk.exchanges(), 1);
}

#[tokio::test]
async fn an_inactive_token_is_remembered_for_ten_seconds_and_no_longer_than_an_active_one() {
    // covers: INT-013, INT-014
    for (active_for, inactive_for, kept) in
        [(None, None, 10), (Some(3), None, 3), (Some(300), Some(20), 20), (Some(20), Some(300), 20)]
    {
        let site = Site::new();
        let api = site.api_with(|introspection| {
            let introspection = match active_for {
                Some(lifetime) => introspection.cache_lifetime(seconds(lifetime)),
                None => introspection,
            };
            match inactive_for {
                Some(lifetime) => introspection.inactive_lifetime(seconds(lifetime)),
                None => introspection,
            }
        });
        api.token("unheard-of").await.assert_invalid("inactive");
        site.advance(kept - 1);
        api.token("unheard-of").await.assert_invalid("inactive");
        assert_eq!(site.desk.exchanges(), 1);
        site.advance(1);
        api.token("unheard-of").await.assert_invalid("inactive");
        assert_eq!(site.desk.exchanges(), 2);
    }
    // Whatever refuses a token by itself is kept like that.
    let site = Site::new();
    let (api, ill_typed) = (site.api(), site.opaque());
    site.issuer.answer_introspection(&ill_typed, active(r#","exp":"soon""#));
    for _ in 0..2 {
        api.token(&ill_typed).await.assert_invalid("malformed_token");
    }
    assert_eq!(site.desk.exchanges(), 1);
    site.advance(10);
    api.token(&ill_typed).await.assert_invalid("malformed_token");
    assert_eq!(site.desk.exchanges(), 2);
}

#[tokio::test]
async fn an_inactive_lifetime_of_zero_has_each_inactive_token_asked_about() {
    // covers: INT-013, INT-014
    let site = Site::new();
    let (api, token) =
        (site.api_with(|introspection| introspection.inactive_lifetime(Duration::ZERO)), site.opaque());
    for exchanges in [1, 2, 3] {
        api.token("unheard-of").await.assert_invalid("inactive");
        assert_eq!(site.desk.exchanges(), exchanges);
    }
    for _ in 0..2 {
        api.token(&token).await.assert_admitted();
    }
    assert_eq!(site.desk.exchanges(), 4);
}

#[tokio::test]
async fn a_revocation_is_seen_within_the_lifetime_and_at_once_where_it_is_zero() {
    // covers: INT-013
    for lifetime in [0, 1, 60, 300] {
        let site = Site::new();
        let api = site.api_with(|introspection| introspection.cache_lifetime(seconds(lifetime)));
        let token = site.opaque();
        for _ in 0..2 {
            api.token(&token).await.assert_admitted();
        }
        assert_eq!(site.desk.exchanges(), if lifetime == 0 { 2 } else { 1 });
        site.issuer.revoke(&token);
        if lifetime > 0 {
            site.advance(lifetime - 1);
            api.token(&token).await.assert_admitted();
            site.advance(1);
        }
        api.token(&token).await.assert_invalid("inactive");
    }
}

#[tokio::test]
async fn a_forgotten_token_is_asked_about_again_and_others_are_not() {
    // covers: INT-013
    let site = Site::new();
    let server = site.server(site.trusted(|introspection| introspection)).build().unwrap();
    let (api, revoked, other) = (api(&server), site.opaque(), site.opaque());
    let all = [&revoked, &other];
    for token in all {
        api.token(token).await.assert_admitted();
        site.issuer.revoke(token);
    }
    api.token("unheard-of").await.assert_invalid("inactive");
    server.issuers().forget_token(&revoked);
    api.token(&revoked).await.assert_invalid("inactive");
    api.token(&other).await.assert_admitted();
    assert_eq!(site.desk.exchanges(), 4);

    server.issuers().forget_all_tokens();
    for token in [&revoked, &other, "unheard-of"] {
        api.token(token).await.assert_invalid("inactive");
    }
    assert_eq!(site.desk.exchanges(), 7);
    // What was never heard of is not there to be forgotten.
    server.issuers().forget_token("never");
    api.token(&other).await.assert_invalid("inactive");
    assert_eq!(site.desk.exchanges(), 7);
}

#[tokio::test]
async fn an_answer_on_its_way_while_its_token_is_forgotten_is_not_kept() {
    // covers: INT-013
    for (everything, order) in [(false, [0, 1]), (false, [1, 0]), (true, [0, 1]), (true, [1, 0])] {
        let site = Site::new();
        let server = site.server(site.trusted(|introspection| introspection)).build().unwrap();
        let (api, token) = (api(&server), site.opaque());
        let gates = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
        // The endpoint says "active", and what it says is on its way while the token is revoked.
        let answers = [active(""), r#"{"active":false}"#.to_owned()];
        let replies: Vec<_> = gates.iter().cloned().zip(answers).collect();
        let next = AtomicUsize::new(0);
        site.desk.on(move |_| {
            let (gate, answer) = &replies[next.fetch_add(1, Ordering::SeqCst)];
            Reply::After(Arc::clone(gate), Box::new(Reply::Json(answer.clone())))
        });
        let asked = async |exchanges| eventually("asked", async || site.desk.exchanges() == exchanges).await;
        let revoked = async {
            asked(1).await;
            if everything {
                server.issuers().forget_all_tokens();
            } else {
                server.issuers().forget_token(&token);
            }
            // Who comes now has a question of its own.
            api.token(&token).await
        };
        let answers = async {
            asked(2).await;
            for (gate, left) in order.into_iter().zip([1, 0]) {
                gates[gate].add_permits(1);
                eventually("answered", async || site.desk.at_once() == left).await;
            }
        };
        let (before, after, ()) = tokio::join!(api.token(&token), revoked, answers);
        assert_eq!((before.code(), after.code()), ("admitted", "inactive"));
        api.token(&token).await.assert_invalid("inactive");
        assert_eq!(site.desk.exchanges(), 2);
        let status = status(&server);
        assert_eq!((status.under_way, status.counters.active, status.counters.refused), (0, 1, 1));
    }
}

#[tokio::test]
async fn an_error_is_never_kept() {
    // covers: INT-015
    let site = Site::new();
    let (api, token) = (site.api(), site.opaque());
    type Broken = fn() -> Reply;
    let broken: [Broken; 6] = [
        || Reply::Status(500),
        || Reply::Status(401),
        || Reply::Status(302),
        || Reply::Unreachable,
        || Reply::Json("[]".to_owned()),
        || Reply::Json(String::new()),
    ];
    let mut exchanges = 0;
    for reply in broken {
        let token = site.opaque();
        site.desk.on(move |_| reply());
        for _ in 0..2 {
            api.token(&token).await.assert_unavailable(1);
        }
        site.desk.mend();
        for _ in 0..2 {
            api.token(&token).await.assert_admitted();
        }
        exchanges += 3;
        assert_eq!(site.desk.exchanges(), exchanges);
    }
    // Nor does an error make anything of what is kept last longer.
    api.token(&token).await.assert_admitted();
    site.desk.on(|_| Reply::Status(500));
    site.advance(59);
    api.token(&token).await.assert_admitted();
    site.advance(1);
    api.token(&token).await.assert_unavailable(1);
}

#[tokio::test]
async fn a_token_goes_from_active_to_inactive_and_back_as_its_endpoint_says() {
    // covers: INT-013, INT-014
    let site = Site::new();
    let (api, token) = (site.api(), site.opaque());
    for round in 1..4 {
        site.issuer.answer_introspection(&token, active(""));
        api.token(&token).await.assert_admitted();
        site.issuer.answer_introspection(&token, r#"{"active":false}"#);
        site.advance(59);
        api.token(&token).await.assert_admitted();
        site.advance(1);
        api.token(&token).await.assert_invalid("inactive");
        // The answer from before is not found below it.
        site.advance(9);
        api.token(&token).await.assert_invalid("inactive");
        assert_eq!(site.desk.exchanges(), 2 * round);
        site.advance(1);
    }
}

#[tokio::test]
async fn a_token_is_known_by_all_of_its_text() {
    // covers: INT-012, HI-009
    let site = Site::new();
    let api = site.api();
    let start = "x".repeat(1_000);
    let (good, bad) = (format!("{start}a"), format!("{start}b"));
    site.issuer.answer_introspection(&good, active(""));
    for _ in 0..2 {
        api.token(&good).await.assert_admitted();
        api.token(&bad).await.assert_invalid("inactive");
    }
    assert_eq!(site.desk.exchanges(), 2);
    // Other spellings of what might decode to the same are other tokens, and so is the digest of one.
    let token = site.issuer.token(AUDIENCE).opaque_with_prefix("t0k3n");
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    site.issuer.answer_introspection("abc", active(""));
    for token in [&*token, "abc"] {
        api.token(token).await.assert_admitted();
    }
    let trimmed = token.trim_end_matches('=');
    for other in [
        trimmed,
        &format!("{token}="),
        &token.to_ascii_uppercase(),
        &token.replace('+', "-"),
        &token.replace('+', "%2B"),
        &token.replace('/', "_"),
        "ABC",
        "ab",
        "abcd",
        "abc=",
        digest,
    ] {
        let before = site.desk.exchanges();
        let refused = api.token(other).await;
        // `%` is no character of a token at all.
        if other.contains('%') {
            refused.assert_malformed("malformed_credential");
            assert_eq!(site.desk.exchanges(), before);
        } else {
            refused.assert_invalid("inactive");
            assert_eq!(site.desk.asked().last().unwrap().token, other);
            assert_eq!(site.desk.exchanges(), before + 1, "{other}");
        }
    }
}

#[tokio::test]
async fn a_credential_that_is_ill_formed_is_refused_before_anybody_is_asked() {
    // covers: INT-027
    let site = Site::new();
    let api = site.api();
    for token in
        ["<script>", "a b", "a\"b", "a,b", "=", "=a", "a=b", "a\tb", "{}", "a%20b", "a&token=b", "a;b"]
    {
        api.authorization(format!("Bearer {token}")).await.assert_malformed("malformed_credential");
    }
    api.authorization(b"Bearer \xc3\xa4").await.assert_malformed("malformed_credential");
    api.authorization("Bearer").await.assert_malformed("malformed_credential");
    api.authorization(format!("Bearer {}", "a".repeat(100_000)))
        .await
        .assert_malformed("oversized_credential");
    assert_eq!(site.desk.exchanges(), 0);
    api.token("a-._~+/==").await.assert_invalid("inactive");
    assert_eq!(site.desk.asked()[0].token, "a-._~+/==");
}

#[tokio::test]
async fn ten_thousand_tokens_that_are_none_displace_no_good_one() {
    // covers: INT-014
    let site = Site::new();
    let server = site.server(site.trusted(|introspection| introspection)).build().unwrap();
    let (api, good) = (api(&server), "good");
    site.desk.on(|asked| match &*asked.token {
        "good" => Reply::Json(active("")),
        _ => Reply::Json(r#"{"active":false}"#.to_owned()),
    });
    api.token(&good).await.assert_admitted();
    for number in 0..10_500 {
        api.token(format!("junk-{number}")).await.assert_invalid("inactive");
    }
    assert_eq!(site.desk.exchanges(), 10_501);
    api.token(&good).await.assert_admitted();
    assert_eq!(site.desk.exchanges(), 10_501);
    let status = status(&server);
    assert!(status.kept <= 1, "{status:?}");
    assert_eq!((status.counters.exchanges, status.counters.refused, status.under_way), (10_501, 10_500, 0));
}

#[tokio::test]
async fn the_status_and_the_debug_forms_of_a_server_have_nothing_of_a_token() {
    // covers: INT-012
    let site = Site::new();
    let server = site.server(site.trusted(|introspection| introspection)).build().unwrap();
    let (api, token) = (api(&server), site.issuer.token(AUDIENCE).opaque_with_prefix("private"));
    let gate = site.desk.hold();
    let looks = async {
        let status = server.issuers().status();
        gate.add_permits(1);
        format!("{status:?}")
    };
    let (answer, under_way) = tokio::join!(api.token(&token), looks);
    answer.assert_admitted();
    let printed = format!("{under_way} {server:?} {:?} {:?}", server.issuers(), server.issuers().status());
    assert!(
        printed.contains(ISSUER) && !printed.contains("private") && !printed.contains("alice"),
        "{printed}"
    );
}
