//! Questions: who is asked, how often, and what comes of no answer.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use portcullis::{Access, BoxError, ResourceRequirement, anyone, asks, not, role, scope};
use tower::{ServiceExt as _, service_fn};

use super::{Oracle, Order, Says, Shop, order, owned};
use crate::support::{AUDIENCE, capture_logs, get};

#[tokio::test]
async fn a_question_admits_or_refuses_by_its_answer() {
    let oracle = Oracle::default();
    let (issuer, shop, _) = Shop::checking(oracle.says(Says::Yes));
    let token = issuer.token(AUDIENCE).sign();
    shop.token(&token).await.assert_admitted();
    let shop = Shop { requirement: Arc::new(oracle.says(Says::No)), ..shop };
    shop.token(&token).await.assert_denied(None);
    let shop = Shop { requirement: Arc::new(not(oracle.says(Says::No))), ..shop };
    shop.token(&token).await.assert_admitted();
    assert_eq!(oracle.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_unavailable_and_never_a_denial() {
    // covers: POL-009, HP-002
    for says in [Says::Fails, Says::Hangs] {
        let oracle = Oracle::default();
        for requirement in [
            oracle.says(says),
            not(oracle.says(says)),
            not(not(oracle.says(says))),
            oracle.says(says).and(scope("x")),
            oracle.says(says).or(role("admin")),
            owned().or(oracle.says(says)),
            not(oracle.says(says).and(oracle.says(Says::Yes))),
        ] {
            let (issuer, shop, _) = Shop::checking(requirement.clone());
            let token = issuer.token(AUDIENCE).subject("bob").scope("x").sign();
            let answer = shop.token(&token).await;
            assert_eq!(answer.body, "", "{requirement}");
            answer.assert_unavailable(1);
        }
        // The last one asks the other question, too: a no would have let the request in.
        assert_eq!(oracle.asked(), 8);
    }
}

#[tokio::test]
async fn no_answer_does_not_cut_off_another_way_and_does_not_excuse_what_is_missing() {
    // covers: POL-009
    let oracle = Oracle::default();
    let fails = || oracle.says(Says::Fails);
    for (requirement, admitted) in [
        (fails().or(oracle.says(Says::Yes)), Some(true)),
        (fails().or(oracle.says(Says::No)), None),
        (oracle.says(Says::No).and(fails()), Some(false)),
        (oracle.says(Says::Yes).and(fails()), None),
        // Nobody can tell whether this one may; so the other is not asked any more.
        (fails().and(oracle.says(Says::No)), None),
        (not(fails()).or(oracle.says(Says::Yes)), Some(true)),
    ] {
        let (issuer, shop, _) = Shop::checking(requirement.clone());
        let answer = shop.token(issuer.token(AUDIENCE).sign()).await;
        println!("{requirement}: {}", answer.code());
        match admitted {
            Some(true) => answer.assert_admitted(),
            Some(false) => answer.assert_denied(None),
            None => answer.assert_unavailable(1),
        }
    }
    assert_eq!(oracle.asked(), 2 + 2 + 1 + 2 + 1 + 2);
}

#[tokio::test]
async fn nobody_is_asked_where_the_rest_decides() {
    // covers: POL-002
    let oracle = Oracle::default();
    let ask = || oracle.says(Says::Yes);
    for (requirement, admitted, asked) in [
        (ask().or(owned()), true, 0),
        (ask().or(scope("x")), true, 0),
        (ask().and(role("admin")), false, 0),
        (ask().and(role("admin")).or(owned()), true, 0),
        (not(ask()).or(owned()), true, 0),
        (not(ask().or(owned())), false, 0),
        (not(ask().and(role("admin"))), true, 0),
        // One branch cannot help any more: only the other asks.
        (ask().and(role("admin")).or(ask()), true, 1),
        (ask().and(ask()), true, 2),
        (ask().or(ask()), true, 1),
        (not(ask()).and(ask()), false, 1),
        (not(ask()).or(ask()), true, 2),
        (not(ask()).and(not(ask())), false, 1),
    ] {
        let before = oracle.asked();
        let (issuer, shop, _) = Shop::checking(requirement.clone());
        let answer = shop.token(issuer.token(AUDIENCE).scope("x").sign()).await;
        assert_eq!((answer.status == 200, oracle.asked() - before), (admitted, asked), "{requirement}");
    }
}

#[tokio::test]
async fn one_question_that_is_named_twice_is_asked_once() {
    let oracle = Oracle::default();
    let ask = oracle.says(Says::Yes);
    let (issuer, shop, _) = Shop::checking(ask.clone().and(role("admin").or(scope("x"))).and(ask));
    shop.token(issuer.token(AUDIENCE).scope("x").sign()).await.assert_admitted();
    assert_eq!(oracle.asked(), 1);
}

#[tokio::test]
async fn a_request_without_a_token_asks_nobody() {
    let oracle = Oracle::default();
    let bare = || http::Request::get("/").body(()).unwrap();
    for requirement in
        [oracle.says(Says::Yes), not(oracle.says(Says::No)), oracle.says(Says::Yes).and(anyone())]
    {
        let (_, shop, _) = Shop::admitting(anyone(), requirement);
        shop.send(bare()).await.assert_unauthenticated();
    }
    let (_, shop, _) = Shop::admitting(anyone(), oracle.says(Says::Yes).or(anyone()));
    shop.send(bare()).await.assert_anonymous();
    assert_eq!(oracle.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn questions_are_asked_one_after_the_other_as_they_are_written() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let started = tokio::time::Instant::now();
    let ask = |name: &'static str| {
        let asked = Arc::clone(&asked);
        asks(name, move |_: &Order, _| {
            let asked = Arc::clone(&asked);
            Box::pin(async move {
                asked.lock().unwrap().push((name, started.elapsed().as_secs()));
                tokio::time::sleep(Duration::from_secs(2)).await;
                Ok(name != "b")
            })
        })
    };
    let requirement = ask("a").and(ask("b").or(ask("c"))).and(ask("d"));
    let (issuer, shop, _) = Shop::checking(requirement);
    shop.token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
    assert_eq!(*asked.lock().unwrap(), [("a", 0), ("b", 2), ("c", 4), ("d", 6)]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_take_five_seconds_or_what_the_requirement_says() {
    // covers: POL-009
    let after = |seconds: u64| -> ResourceRequirement<Order> {
        asks("slow", move |_: &Order, _| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok(true)
            })
        })
    };
    let limit = Duration::from_secs;
    for (requirement, took, admitted) in [
        (after(4), 4, true),
        (after(6), 5, false),
        (after(6).answered_within(limit(7)), 6, true),
        (after(6).answered_within(limit(2)), 2, false),
        // Each has its own time.
        (after(4).and(after(4)), 8, true),
        (after(3).answered_within(limit(1)).or(after(4)), 5, true),
    ] {
        let (issuer, shop, _) = Shop::checking(requirement.clone());
        let started = tokio::time::Instant::now();
        let answer = shop.token(issuer.token(AUDIENCE).sign()).await;
        assert_eq!(started.elapsed().as_secs(), took, "{requirement}");
        if admitted { answer.assert_admitted() } else { answer.assert_unavailable(1) }
    }
}

#[tokio::test(start_paused = true)]
async fn why_nobody_answered_is_in_the_log_and_not_in_the_answer() {
    // covers: POL-009
    let oracle = Oracle::default();
    for (says, cause) in [(Says::Fails, "the database is asleep"), (Says::Hangs, "no answer within 5s")] {
        let (issuer, shop, _) = Shop::checking(oracle.says(says));
        let token = issuer.token(AUDIENCE).sign();
        let (answer, log) = capture_logs(shop.token(token)).await;
        answer.assert_unavailable(1);
        assert_eq!(log.matches("request refused").count(), 1, "{log}");
        for part in ["WARN", "unavailable", "cannot be told now: question `is a member`", cause] {
            assert!(log.contains(part), "{part}: {log}");
        }
    }
}

#[tokio::test]
async fn a_panic_unwinds_and_admits_nothing() {
    // covers: POL-010, HP-002
    let oracle = Oracle::default();
    let predicate =
        portcullis::resource_predicate("buggy", |order: &Order, _| order.archived || panic!("a bug"));
    for requirement in [oracle.says(Says::Panics), oracle.says(Says::PanicsAtOnce), predicate] {
        let (issuer, shop, _) = Shop::checking(requirement.or(scope("a")));
        let token = issuer.token(AUDIENCE).sign();
        let unwound = AssertUnwindSafe(shop.token(&token)).catch_unwind().await;
        assert!(unwound.is_err());
        assert_eq!(shop.served(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_drops_the_check_drops_the_question() {
    let oracle = Oracle::default();
    let dropped = Arc::new(());
    let requirement = {
        let dropped = Arc::clone(&dropped);
        asks("hangs", move |_: &Order, _| {
            let dropped = Arc::clone(&dropped);
            Box::pin(async move {
                let _held = dropped;
                std::future::pending::<Result<bool, BoxError>>().await
            })
        })
    };
    let (issuer, shop, _) = Shop::checking(requirement.and(oracle.says(Says::Yes)));
    let token = issuer.token(AUDIENCE).sign();
    let request = shop.token(&token);
    let timed_out = tokio::time::timeout(Duration::from_secs(1), request).await;
    assert!(timed_out.is_err());
    // One is here, one in the requirement, and none in a question.
    assert_eq!((Arc::strong_count(&dropped), oracle.asked(), shop.served()), (2, 0, 0));
}

#[test]
fn without_a_runtime_nobody_is_asked() {
    // covers: POL-009
    let oracle = Oracle::default();
    let (issuer, shop, _) = Shop::checking(oracle.says(Says::Yes));
    let token = issuer.token(AUDIENCE).sign();
    let answer = shop.token(&token).now_or_never().expect("nothing to wait for");
    answer.assert_unavailable(1);
    assert_eq!(oracle.asked(), 0);
    let shop = Shop { requirement: Arc::new(owned()), ..shop };
    shop.token(&token).now_or_never().expect("nothing to wait for").assert_admitted();
}

#[tokio::test]
async fn one_access_judges_many_resources() {
    let oracle = Oracle::default();
    let (issuer, shop, _) = Shop::checking(scope("x"));
    let requirement = Arc::new(owned().or(oracle.says(Says::No)));
    let inner = service_fn(move |request: http::Request<()>| {
        let requirement = Arc::clone(&requirement);
        async move {
            let access = Access::of(&request).unwrap();
            let mut seen = Vec::new();
            for owner in ["alice", "bob", "alice"] {
                let order = Order { owner: owner.to_owned(), ..order() };
                if access.check(&requirement, &order).await.is_ok() {
                    seen.push(owner);
                }
            }
            Ok::<_, std::convert::Infallible>(http::Response::new(seen.join(" ")))
        }
    });
    let response = shop.layer.layer(inner).oneshot(get(&issuer.token(AUDIENCE).sign())).await.unwrap();
    assert_eq!((response.body().as_str(), oracle.asked()), ("alice alice", 1));
}
