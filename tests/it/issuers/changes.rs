//! The set of issuers changes while the server runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Request;
use portcullis::testing::{Issuer, validate};
use portcullis::{ResourceServer, TrustedIssuer, Validation};
use tokio::sync::Semaphore;

use super::{A, B, World, api, ask, asked, fixed, jwks, jwks_uri, namesake, openid, token};
use crate::support::{AUDIENCE, NOW, Reply, get};

fn admits(server: &ResourceServer, request: &Request<()>) -> bool {
    matches!(validate(server, request), Validation::Ready(Ok(_)))
}

#[tokio::test]
async fn issuers_come_and_go_while_the_server_runs() {
    // covers: JWT-005
    let world = World::new();
    let server = world.server(A).build().unwrap();
    let (api, issuers) = (api(&server), server.issuers().clone());
    api.token(token(&world.a)).await.assert_admitted();
    api.token(token(&world.b)).await.assert_invalid("wrong_issuer");

    issuers.insert(B).unwrap();
    assert_eq!(world.client.requests(), [openid(&world.a), jwks_uri(&world.a)], "no token needs more yet");
    api.token(token(&world.b)).await.assert_admitted();
    api.token(token(&world.a)).await.assert_admitted();
    assert_eq!(world.client.count(), 4);

    assert!(!issuers.remove("https://a.example.com/"), "identifiers are compared character by character");
    assert!(issuers.remove(A));
    assert!(!issuers.remove(A));
    api.token(token(&world.a)).await.assert_invalid("wrong_issuer");
    api.token(token(&world.b)).await.assert_admitted();
    // A server may be left with nobody to trust.
    assert!(issuers.remove(B));
    for issuer in [&world.a, &world.b] {
        api.token(token(issuer)).await.assert_invalid("wrong_issuer");
    }
    api.token(world.a.token(AUDIENCE).without("iss").sign()).await.assert_invalid("missing_claim");
    assert_eq!(world.client.count(), 4);

    // Whoever comes back is a newcomer: what was known of its keys is forgotten.
    issuers.insert(A).unwrap();
    api.token(token(&world.a)).await.assert_admitted();
    assert_eq!(world.client.requests()[4..], [openid(&world.a), jwks_uri(&world.a)]);
}

#[tokio::test]
async fn a_token_that_waits_for_the_keys_of_a_removed_issuer_is_refused() {
    // covers: JWT-005
    for others in [0, 1, 2] {
        let world = World::new();
        let gate = Arc::new(Semaphore::new(0));
        world.keys_of(&world.a, [Reply::After(Arc::clone(&gate), Box::new(jwks(&world.a)))]);
        let server = world.server(A).build().unwrap();
        for issuer in [B, "https://c.example.com"].into_iter().take(others) {
            server.issuers().insert(issuer).unwrap();
        }
        let waiting = ask(&server, token(&world.a));
        asked(&world.client, 2).await;
        assert!(server.issuers().remove(A));
        gate.add_permits(1);
        waiting.await.unwrap().assert_invalid("wrong_issuer");
        assert_eq!(world.client.requests(), [openid(&world.a), jwks_uri(&world.a)]);
    }
}

#[tokio::test]
async fn the_latest_settings_of_an_issuer_are_the_ones_that_count() {
    // covers: JWT-005, JWT-006, JWK-019
    let world = World::new();
    let server = world.both();
    let api = api(&server);
    api.token(token(&world.a)).await.assert_admitted();
    let successor = namesake(&world);
    server.issuers().insert(fixed(&successor)).unwrap();
    api.token(token(&successor)).await.assert_admitted();
    api.token(token(&world.a)).await.assert_invalid("bad_signature");
    server.issuers().insert(fixed(&successor).audience("https://other.example.com")).unwrap();
    api.token(token(&successor)).await.assert_invalid("wrong_audience");
    api.token(successor.token("https://other.example.com").sign()).await.assert_admitted();
    // The other issuer is what it was.
    api.token(token(&world.b)).await.assert_admitted();
    assert_eq!(world.client.count(), 4);
}

#[tokio::test]
async fn a_token_that_waits_while_its_issuer_is_replaced_is_judged_by_the_new_settings() {
    // covers: JWK-019, JWT-005
    let world = World::new();
    let gate = Arc::new(Semaphore::new(0));
    world.keys_of(&world.a, [Reply::After(Arc::clone(&gate), Box::new(jwks(&world.a)))]);
    let server = world.both();
    let successor = namesake(&world);
    let waiting = [&world.a, &successor].map(|issuer| ask(&server, token(issuer)));
    asked(&world.client, 2).await;
    server.issuers().insert(fixed(&successor)).unwrap();
    gate.add_permits(1);
    let [old, new] = waiting;
    old.await.unwrap().assert_invalid("bad_signature");
    new.await.unwrap().assert_admitted();
}

#[test]
fn a_replaced_issuer_is_never_missing_and_a_removed_one_never_seen_again() {
    let world = World::new();
    let server = world.server(fixed(&world.a)).issuer(fixed(&world.b)).build().unwrap();
    let requests = [&world.a, &world.b].map(|issuer| get(&token(issuer)));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let judge = || {
            let mut judged = 0;
            while !done.load(Ordering::Acquire) || judged < 100 {
                assert!(requests.iter().all(|request| admits(&server, request)));
                judged += 1;
            }
        };
        scope.spawn(judge);
        scope.spawn(judge);
        for _ in 0..200 {
            server.issuers().insert(fixed(&world.a)).unwrap();
        }
        done.store(true, Ordering::Release);
    });
    for _ in 0..50 {
        assert!(server.issuers().remove(A));
        assert!(!admits(&server, &requests[0]) && admits(&server, &requests[1]));
        server.issuers().insert(fixed(&world.a)).unwrap();
        assert!(requests.iter().all(|request| admits(&server, request)));
    }
}

#[test]
fn changes_that_are_made_at_once_are_all_made() {
    let world = World::new();
    let server = world.server(A).build().unwrap();
    let clock = portcullis::testing::ManualClock::at(NOW);
    let keys = world.a.jwk_set();
    let name = |thread: usize, number: usize| format!("https://{thread}-{number}.example.com");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (issuers, keys) = (server.issuers().clone(), &keys);
            scope.spawn(move || {
                for number in 0..50 {
                    issuers.insert(TrustedIssuer::new(name(thread, number)).jwk_set(keys.clone())).unwrap();
                    assert!(number % 2 == 0 || issuers.remove(&name(thread, number)));
                }
            });
        }
    });
    for (thread, number) in (0..4).flat_map(|thread| (0..50).map(move |number| (thread, number))) {
        let signer = Issuer::offline(&name(thread, number)).with_clock(clock.clone());
        let token = world.a.token(AUDIENCE).claim("iss", signer.url()).sign();
        assert_eq!(admits(&server, &get(&token)), number % 2 == 0, "{}", signer.url());
    }
}
