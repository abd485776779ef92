//! Many at once: one exchange for each token, bounds on what is under way, and no answer for anybody else.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use portcullis::testing::{ManualClock, validate};
use portcullis::{ResourceServer, Validation};
use tokio::sync::Semaphore;

use super::site::{Reply, Site, api, status};
use crate::support::{AUDIENCE, Answer, Api, ISSUER, NOW, Random, capture_logs, eventually, get};

type Waiting<'a> = Pin<Box<dyn Future<Output = Answer> + 'a>>;

/// Requests that have begun to wait.
async fn waiting<'a>(api: &'a Api, tokens: impl IntoIterator<Item = String>) -> Vec<Waiting<'a>> {
    let mut all = Vec::new();
    for token in tokens {
        let mut request: Waiting<'a> = Box::pin(async move { api.token(token).await });
        assert!(request.as_mut().now_or_never().is_none(), "it waits");
        all.push(request);
    }
    // What began as a task gets to where it waits.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    all
}

/// All that were on their way together: which of them called the inner service cannot be told.
async fn assert_all(all: impl IntoIterator<Item = Waiting<'_>>, code: &str) {
    for answer in join_all(all).await {
        assert_eq!(answer.code(), code);
    }
}

fn numbered(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|number| format!("token-{number}"))
}

fn active(subject: &str) -> String {
    format!(r#"{{"active":true,"sub":"{subject}","aud":"{AUDIENCE}"}}"#)
}

fn server(site: &Site) -> ResourceServer {
    site.server(site.trusted(|introspection| introspection)).build().unwrap()
}

#[tokio::test]
async fn two_hundred_requests_with_one_token_cost_one_exchange() {
    // covers: INT-026
    for lifetime in [0, 60] {
        let site = Site::new();
        let trusted =
            site.trusted(|introspection| introspection.cache_lifetime(Duration::from_secs(lifetime)));
        let server = site.server(trusted).build().unwrap();
        let (api, token, gate) = (api(&server), site.opaque(), site.desk.hold());
        let all = waiting(&api, vec![token.clone(); 200]).await;
        gate.add_permits(1);
        assert_all(all, "admitted").await;
        assert_eq!(site.desk.exchanges(), 1);
        let counters = status(&server).counters;
        assert_eq!((counters.exchanges, counters.joined, counters.active), (1, 199, 1));
        // Afterwards the answer is there, or each request puts its own question.
        gate.add_permits(1);
        api.token(&token).await.assert_admitted();
        assert_eq!(site.desk.exchanges(), if lifetime == 0 { 2 } else { 1 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_several_threads_one_token_costs_one_exchange_too() {
    // covers: INT-026
    let site = Site::new();
    let api = Arc::new(site.api());
    for round in 0..200 {
        let token = site.opaque();
        let ask = |_| {
            let (api, token) = (Arc::clone(&api), token.clone());
            tokio::spawn(async move { assert_eq!(api.token(token).await.code(), "admitted") })
        };
        for asked in join_all((0..20).map(ask)).await {
            asked.unwrap();
        }
        assert_eq!(site.desk.exchanges(), round + 1);
    }
}

#[tokio::test]
async fn without_the_request_that_began_the_exchange_the_others_get_its_answer() {
    // covers: INT-026
    let site = Site::new();
    let (api, token, gate) = (site.api(), site.opaque(), site.desk.hold());
    let mut all = waiting(&api, vec![token.clone(); 10]).await;
    drop(all.remove(0));
    drop(all.pop());
    gate.add_permits(1);
    assert_all(all, "admitted").await;
    assert_eq!(site.desk.exchanges(), 1);
}

#[tokio::test]
async fn an_exchange_that_nobody_waits_for_any_more_ends_and_its_answer_is_kept() {
    // covers: INT-026
    let site = Site::new();
    let server = server(&site);
    let (api, token, gate) = (api(&server), site.opaque(), site.desk.hold());
    drop(waiting(&api, vec![token.clone(); 3]).await);
    gate.add_permits(1);
    eventually("the end", async || status(&server).under_way == 0).await;
    assert!(matches!(validate(&server, &get(&token)), Validation::Ready(Ok(_))));
    assert_eq!(site.desk.exchanges(), 1);
}

#[test]
fn without_a_runtime_those_who_wait_drive_the_exchange_together() {
    // covers: INT-026
    let site = Site::new();
    let (server, gate) = (server(&site), Arc::new(Semaphore::new(0)));
    let held = Arc::clone(&gate);
    site.desk.on(move |_| Reply::After(Arc::clone(&held), Box::new(Reply::Json(active("alice")))));
    let api = api(&server);
    let poll = |request: &mut Waiting<'_>| request.as_mut().now_or_never();
    let ask = || -> Waiting<'_> { Box::pin(api.token("opaque")) };
    let mut all = [ask(), ask(), ask()];
    assert!(all.iter_mut().all(|request| poll(request).is_none()));
    let [first, mut second, mut third] = all;
    drop(first);
    gate.add_permits(1);
    for request in [&mut third, &mut second] {
        assert_eq!(poll(request).unwrap().code(), "admitted");
    }
    ask().now_or_never().unwrap().assert_admitted();
    assert_eq!(site.desk.exchanges(), 1);

    // When the last one is gone, so is the exchange; the next request begins one, and has its turn.
    for exchanges in 2..70 {
        site.advance(60);
        assert!(ask().now_or_never().is_none());
        assert_eq!((site.desk.exchanges(), site.desk.at_once()), (exchanges, 0));
    }
    gate.add_permits(1);
    ask().now_or_never().unwrap().assert_admitted();
}

#[test]
fn an_exchange_goes_down_with_its_runtime_and_the_next_request_begins_anew() {
    // covers: INT-015, INT-026
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let site = Site::new();
    let (api, token) = (site.api(), site.opaque());
    site.desk.on(|_| Reply::Never);
    for _ in 0..70 {
        runtime().block_on(async { assert!(api.token(&token).now_or_never().is_none()) });
    }
    site.desk.mend();
    runtime().block_on(async { api.token(&token).await.assert_admitted() });
}

#[test]
fn on_a_runtime_that_was_shut_down_a_request_is_answered_at_once_and_holds_up_nobody() {
    // covers: INT-010, INT-026
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for discover in [false, true] {
        let (ended, end) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let site = Site::new();
            let trusted = if discover { site.discovered() } else { site.trusted(|it| it) };
            let server = site.server(trusted).build().unwrap();
            let (api, token) = (api(&server), site.opaque());
            let gone = runtime();
            let handle = gone.handle().clone();
            drop(gone);
            let entered = handle.enter();
            for other in numbered(0..70) {
                for token in [&token, &other] {
                    api.token(token).now_or_never().unwrap().assert_unavailable(1);
                }
            }
            drop(entered);
            site.advance(1);
            runtime().block_on(async { api.token(&token).await.assert_admitted() });
            assert_eq!((status(&server).under_way, site.desk.exchanges()), (0, 1));
            ended.send(()).unwrap();
        });
        let in_time = end.recv_timeout(Duration::from_secs(20));
        assert!(in_time.is_ok() || thread.is_finished(), "nobody can ask any more");
        thread.join().unwrap();
    }
}

#[test]
fn a_runtime_that_nobody_drives_any_more_keeps_neither_turns_nor_metadata() {
    // covers: INT-010, INT-026
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (ended, end) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        for (discover, hanging) in [(false, 64), (true, 1)] {
            let site = Site::new();
            let trusted = if discover { site.discovered() } else { site.trusted(|it| it) };
            let api = api(&site.server(trusted).build().unwrap());
            site.desk.on(|_| Reply::Never);
            // It stands still from here on, and is not shut down.
            let still = runtime();
            let begun = async { drop(waiting(&api, numbered(0..hanging)).await) };
            still.block_on(begun);
            site.desk.mend();
            // After that time, whoever comes first finds what is lost.
            site.advance(31);
            runtime().block_on(async {
                api.token(site.opaque()).await.assert_admitted();
                api.token(site.opaque()).await.assert_admitted();
            });
            drop(still);
        }
        ended.send(()).unwrap();
    });
    let in_time = end.recv_timeout(Duration::from_secs(20));
    assert!(in_time.is_ok() || thread.is_finished(), "nobody can ask any more");
    thread.join().unwrap();
}

#[tokio::test]
async fn a_client_that_panics_makes_a_503_takes_no_place_and_is_told_of() {
    // covers: INT-010, INT-015
    let site = Site::new();
    let server = server(&site);
    let (api, token) = (api(&server), site.opaque());
    site.desk.on(|_| Reply::Panic);
    let asks = async {
        for answer in join_all([api.token(&token), api.token(&token)]).await {
            answer.assert_unavailable(1);
        }
        for token in numbered(0..200) {
            api.token(token).await.assert_unavailable(1);
        }
        site.advance(1);
        api.token(&token).await.assert_unavailable(1);
        site.desk.mend();
        api.token(&token).await.assert_admitted();
    };
    let ((), logged) = capture_logs(asks).await;
    assert_eq!(site.desk.exchanges(), 203);
    let status = status(&server);
    assert_eq!(status.under_way, 0, "{status:?}");
    assert_eq!((status.counters.exchanges, status.counters.failed, status.counters.active), (203, 202, 1));
    assert_eq!(status.last_failure.unwrap().code, "given_up");
    let told: Vec<_> = logged.lines().filter(|line| line.contains("introspection_failed")).collect();
    assert_eq!(told.len(), 1, "{logged}");
    assert!(told[0].contains("given_up") && told[0].contains(ISSUER), "{told:?}");
    assert_eq!(logged.matches("introspection_recovered").count(), 1);
}

#[tokio::test]
async fn what_never_ends_is_given_up_after_thirty_seconds_by_the_next_request() {
    // covers: INT-010, INT-026
    // Whoever hears of a revocation meanwhile does not take the places along.
    for forget in [false, true] {
        let site = Site::new();
        let server = server(&site);
        let (api, good) = (api(&server), site.opaque());
        site.desk.on(|_| Reply::Never);
        let mut all = waiting(&api, numbered(0..100)).await;
        assert_eq!((site.desk.at_once(), status(&server).under_way), (64, 100));
        if forget {
            server.issuers().forget_all_tokens();
            assert_eq!(status(&server).under_way, 100);
        }
        site.clock.advance(Duration::from_nanos(29_999_999_999));
        all.extend(waiting(&api, [good.clone()]).await);
        assert_eq!((site.desk.at_once(), status(&server).under_way), (64, 101));
        site.clock.advance(Duration::from_nanos(1));
        site.desk.mend();
        let next = site.opaque();
        api.token(&next).await.assert_admitted();
        let late = all.pop().unwrap();
        assert_all(all, "unavailable").await;
        assert_all([late], "admitted").await;
        assert_eq!(status(&server).under_way, 0);
        assert_eq!((status(&server).counters.failed, status(&server).counters.active), (100, 2));
        assert_eq!(site.desk.exchanges(), 66);
        api.token(&good).await.assert_admitted();
    }
}

#[tokio::test]
async fn sixty_four_exchanges_are_under_way_a_thousand_wait_and_the_next_is_answered_at_once() {
    // covers: INT-010, INT-026
    let site = Site::new();
    let server = server(&site);
    let (api, gate) = (api(&server), site.desk.hold());
    let asks = async {
        let all = waiting(&api, numbered(0..64 + 1_024)).await;
        assert_eq!((site.desk.at_once(), status(&server).under_way), (64, 1_088));
        for rejected in 0..3 {
            assert_eq!(status(&server).counters.too_many_waiting, rejected);
            api.token("one-more").now_or_never().unwrap().assert_unavailable(1);
        }
        // Who presents a token that is asked about takes no place.
        let joining = waiting(&api, ["token-1087".to_owned()]).await;
        gate.add_permits(2_000);
        for answer in join_all(all.into_iter().chain(joining)).await {
            answer.assert_invalid("inactive");
        }
        api.token("one-more").await.assert_invalid("inactive");
    };
    let ((), logged) = capture_logs(asks).await;
    assert_eq!((site.desk.most_at_once(), site.desk.exchanges()), (64, 1_089));
    assert_eq!(status(&server).under_way, 0);
    let told: Vec<_> = logged.lines().filter(|line| line.contains("too_many_waiting")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(ISSUER) && !told[0].contains("one-more"), "{told:?}");
}

#[tokio::test]
async fn a_crowd_is_told_of_once_for_as_long_as_it_lasts() {
    // covers: INT-026
    let site = Site::new();
    let server = server(&site);
    let (api, gate) = (api(&server), site.desk.hold());
    let asks = async {
        for crowd in 0..2 {
            let mut all = waiting(&api, numbered(0..1_088)).await;
            for more in 2_000..2_020 {
                api.token("one-more").now_or_never().unwrap().assert_unavailable(1);
                // One ends, and another takes its place.
                gate.add_permits(1);
                eventually("an end", async || status(&server).under_way == 1_087).await;
                all.extend(waiting(&api, numbered(more + 100 * crowd..more + 100 * crowd + 1)).await);
            }
            gate.add_permits(2_000);
            join_all(all).await;
            site.advance(10);
            gate.forget_permits(gate.available_permits());
        }
    };
    let ((), logged) = capture_logs(asks).await;
    assert_eq!(logged.matches("too_many_waiting").count(), 2);
    assert_eq!(status(&server).counters.too_many_waiting, 40);
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_is_answered_by_its_own_five_seconds() {
    // covers: INT-010
    let site = Site::new();
    let (api, gate) = (site.api(), site.desk.hold());
    let early = waiting(&api, numbered(0..64)).await;
    site.advance(1);
    let late = waiting(&api, numbered(64..74)).await;
    site.advance(3);
    let latest = waiting(&api, numbered(74..84)).await;
    site.advance(2);
    // A client that does not keep its limit is one thing; what nobody can wait for any more is not asked.
    gate.add_permits(200);
    assert_all(early, "inactive").await;
    assert_all(late, "unavailable").await;
    assert_all(latest, "inactive").await;
    let asked = site.desk.asked();
    assert_eq!(asked.len(), 74);
    assert!(asked[..64].iter().all(|asked| asked.timeout == Duration::from_secs(5)));
    assert!(asked[64..].iter().all(|asked| asked.timeout == Duration::from_secs(3)));
}

#[tokio::test]
async fn a_thousand_requests_wait_for_one_answer_and_the_next_is_answered_at_once() {
    // covers: INT-026
    let site = Site::new();
    let server = server(&site);
    let (api, token, gate) = (api(&server), site.opaque(), site.desk.hold());
    let mut all = waiting(&api, vec![token.clone(); 1_024]).await;
    for _ in 0..3 {
        api.token(&token).now_or_never().unwrap().assert_unavailable(1);
    }
    // One who leaves makes room for one, and others are not concerned.
    drop(all.pop());
    all.extend(waiting(&api, [token.clone(), "another".to_owned()]).await);
    api.token(&token).now_or_never().unwrap().assert_unavailable(1);
    gate.add_permits(2);
    all.pop().unwrap().await.assert_invalid("inactive");
    assert_all(all, "admitted").await;
    assert_eq!((site.desk.exchanges(), status(&server).counters.too_many_waiting), (2, 4));
}

/// What the endpoint of `issuer` says of a token: of every other one, that it is active, and whose it is.
fn opinion(issuer: &str, token: &str) -> Option<String> {
    let sum = issuer.bytes().chain(token.bytes()).map(usize::from).sum::<usize>();
    sum.is_multiple_of(2).then(|| format!("{issuer} {token}"))
}

/// A site whose endpoint answers by its opinion, some time.
fn opinionated(issuer: &'static str, clock: &ManualClock, seed: u64) -> Site {
    let site = Site::of(issuer, clock.clone());
    let turn = AtomicUsize::new(0);
    site.desk.on(move |asked| {
        let answer = opinion(issuer, &asked.token);
        let answer = answer.map_or(r#"{"active":false}"#.to_owned(), |subject| active(&subject));
        let turn = u64::try_from(turn.fetch_add(1, Ordering::SeqCst)).unwrap();
        Reply::Yields(Random::new(seed ^ turn).below(40), Box::new(Reply::Json(answer)))
    });
    site
}

#[track_caller]
fn assert_opinion(answer: &Answer, issuer: &str, token: &str) {
    match opinion(issuer, token) {
        Some(subject) => {
            assert_eq!(answer.code(), "admitted");
            assert_eq!(answer.body, subject);
        }
        None => assert_eq!(answer.code(), "inactive"),
    }
}

#[tokio::test]
async fn one_token_at_two_issuers_is_two_tokens() {
    // covers: INT-012, INT-026
    const ISSUERS: [&str; 2] = ["https://a.example.com", "https://b.example.com"];
    for seed in 0..6 {
        let clock = ManualClock::at(NOW);
        let sites = ISSUERS.map(|issuer| opinionated(issuer, &clock, seed));
        let lifetime = Duration::from_secs(if seed % 2 == 0 { 60 } else { 0 });
        let apis = sites.each_ref().map(|site| site.api_with(|it| it.cache_lifetime(lifetime)));
        let mut random = Random::new(seed);
        for _ in 0..4 {
            let asked: Vec<_> =
                (0..200).map(|_| (random.below(2), format!("t{}", random.below(12)))).collect();
            let all = asked.iter().map(|(at, token)| apis[*at].token(token));
            let answers = join_all(all).await;
            // And one after the other.
            for ((at, token), answer) in asked.iter().zip(answers) {
                assert_opinion(&answer, ISSUERS[*at], token);
                assert_opinion(&apis[*at].token(token).await, ISSUERS[*at], token);
            }
        }
        for site in &sites {
            assert!(site.desk.asked().iter().all(|asked| asked.url == site.endpoint()));
            assert!(seed % 2 == 1 || site.desk.exchanges() == 12, "{}", site.desk.exchanges());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_waits_together_gets_the_answer_about_its_own_token() {
    // covers: INT-026
    for seed in 0..4 {
        let site = opinionated(ISSUER, &ManualClock::at(NOW), seed);
        let api = Arc::new(site.api_with(|it| it.cache_lifetime(Duration::ZERO)));
        let mut random = Random::new(seed);
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                let (api, token) = (Arc::clone(&api), format!("t{}", random.below(30)));
                tokio::spawn(async move { assert_opinion(&api.token(&token).await, ISSUER, &token) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

#[tokio::test]
async fn one_issuer_in_two_servers_is_asked_by_each_and_judged_by_the_settings_of_each() {
    // covers: INT-012, INT-017
    let site = Site::new();
    let token = site.issuer.token("https://other.example.com").opaque();
    let own = site.api();
    let trusted = site.trusted(|introspection| introspection.cache_lifetime(Duration::from_secs(5)));
    let other = site.server(trusted.audience("https://other.example.com")).build().unwrap();
    let other = api(&other);
    for _ in 0..2 {
        let (ours, theirs) = tokio::join!(own.token(&token), other.token(&token));
        ours.assert_invalid("wrong_audience");
        theirs.assert_admitted();
    }
    assert_eq!(site.desk.exchanges(), 2);
    site.issuer.revoke(&token);
    site.advance(5);
    other.token(&token).await.assert_invalid("inactive");
    own.token(&token).await.assert_invalid("wrong_audience");
    assert_eq!(site.desk.exchanges(), 3);
}

#[tokio::test]
async fn an_answer_for_an_issuer_that_was_replaced_meanwhile_admits_nothing() {
    // covers: INT-012
    let site = Site::new();
    let server = server(&site);
    let (api, token, issuers) = (api(&server), site.opaque(), server.issuers().clone());
    // The answer would admit under either settings, and is on its way.
    let gate = site.desk.hold();
    let all = waiting(&api, vec![token.clone(); 3]).await;
    issuers.insert(site.trusted(|introspection| introspection)).unwrap();
    assert_all(all, "unavailable").await;
    eventually("the end", async || site.desk.at_once() == 0).await;
    let all = waiting(&api, vec![token.clone(); 3]).await;
    gate.add_permits(1);
    assert_all(all, "admitted").await;
    assert_eq!(site.desk.exchanges(), 2);

    // What was kept for the one before is not there for the next.
    issuers
        .insert(site.trusted(|introspection| introspection).audience("https://other.example.com"))
        .unwrap();
    gate.add_permits(1);
    api.token(&token).await.assert_invalid("wrong_audience");
    issuers.insert(site.trusted(|introspection| introspection)).unwrap();
    site.issuer.revoke(&token);
    gate.add_permits(1);
    api.token(&token).await.assert_invalid("inactive");
    assert_eq!(site.desk.exchanges(), 4);
}

#[tokio::test]
async fn an_issuer_that_was_removed_meanwhile_makes_its_tokens_invalid_without_a_wait() {
    // covers: INT-012
    let site = Site::new();
    let server = server(&site);
    let (api, token) = (api(&server), site.opaque());
    site.desk.on(|_| Reply::Never);
    // 64 exchanges, and those that wait for a turn; then the metadata, and those that wait for it.
    for (exchanges, trusted) in [(64, None), (64, Some(site.discovered()))] {
        if let Some(trusted) = trusted {
            server.issuers().insert(trusted).unwrap();
        }
        let all = waiting(&api, numbered(0..100)).await;
        eventually("an exchange", async || site.desk.at_once() > 0).await;
        assert!(server.issuers().remove(ISSUER));
        assert_all(all, "malformed_token").await;
        eventually("the end", async || site.desk.at_once() == 0).await;
        api.token(&token).await.assert_invalid("malformed_token");
        assert_eq!(site.desk.exchanges(), exchanges);
    }
    site.desk.mend();
    server.issuers().insert(site.trusted(|introspection| introspection)).unwrap();
    api.token(&token).await.assert_admitted();
}
