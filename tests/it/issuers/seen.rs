//! What can be seen of issuers from outside, and what stays in memory.

use portcullis::KeyState;

use super::*;

fn states(server: &ResourceServer) -> Vec<(String, KeyState)> {
    server.issuers().status().into_iter().map(|status| (status.issuer, status.keys.state)).collect()
}

fn is_fresh(state: KeyState) -> bool {
    matches!(state, KeyState::Fresh { .. })
}

#[tokio::test]
async fn ready_waits_for_every_issuer_and_the_first_tokens_need_not() {
    // covers: JWK-010, JWK-022
    let world = World::new();
    let server = world.both();
    assert_eq!(states(&server), [A, B].map(|issuer| (issuer.to_owned(), KeyState::NotLoaded)));
    assert_eq!(world.client.count(), 0, "to look is not to fetch");

    server.issuers().ready().await.unwrap();
    assert!(states(&server).iter().all(|(_, state)| is_fresh(*state)));
    let fetched = world.client.count();
    assert_eq!(fetched, 4, "metadata and keys of each");
    for issuer in [&world.a, &world.b] {
        api(&server).token(token(issuer)).await.assert_admitted();
    }
    server.issuers().ready().await.unwrap();
    assert_eq!(world.client.count(), fetched);
}

#[tokio::test]
async fn ready_names_the_issuers_that_are_not_and_is_no_second_way_to_ask_them() {
    // covers: CHL-017
    let world = World::silent();
    world.keys_of(&world.a, [jwks(&world.a)]);
    let server = world.both();
    let not_ready = server.issuers().ready().await.unwrap_err();
    let [b] = &*not_ready.issuers else { panic!("{not_ready}") };
    assert_eq!((&*b.issuer, not_ready.retry_after()), (B, Duration::from_secs(1)));
    assert_eq!((b.keys.state, b.keys.last_error.as_ref().unwrap().code), (KeyState::NotLoaded, "bad_status"));
    assert!(not_ready.to_string().starts_with("no keys of https://b.example.com: "), "{not_ready}");
    let asked = world.client.count();
    server.issuers().ready().await.unwrap_err();
    api(&server).token(token(&world.b)).await.assert_unavailable(1);
    assert_eq!(world.client.count(), asked, "within the pause nobody asks");

    world.keys_of(&world.b, [jwks(&world.b)]);
    world.clock.advance(Duration::from_secs(1));
    server.issuers().ready().await.unwrap();
    api(&server).token(token(&world.b)).await.assert_admitted();
}

#[tokio::test]
async fn a_replaced_issuer_keeps_its_keys_through_an_outage_unless_they_come_from_elsewhere() {
    let world = World::new();
    let (server, old) = (world.both(), token(&world.a));
    api(&server).token(&old).await.assert_admitted();
    let asked = world.client.count();
    // Out of reach from here on.
    world.client.clone().on(&openid(&world.a), [Reply::Unreachable]);
    world.client.clone().on(&jwks_uri(&world.a), [Reply::Unreachable]);

    // What is asked of its tokens changes, and that counts at once.
    let strict = || TrustedIssuer::new(A).audience("https://other.example.com");
    server.issuers().insert(strict()).unwrap();
    api(&server).token(&old).await.assert_invalid("wrong_audience");
    api(&server).token(world.a.token("https://other.example.com").sign()).await.assert_admitted();
    assert_eq!(world.client.count(), asked);

    for changed in [
        strict().jwks_uri("https://a.example.com/elsewhere"),
        strict().algorithms([Es256]),
        strict().with_http_client(world.client.clone()),
    ] {
        server.issuers().insert(strict()).unwrap();
        let before = world.client.count();
        server.issuers().insert(changed).unwrap();
        api(&server).token(world.a.token("https://other.example.com").sign()).await.assert_unavailable(1);
        assert!(world.client.count() > before);
    }
}

#[tokio::test]
async fn beyond_the_bound_keys_that_verify_nothing_make_room_for_others() {
    // covers: CHL-017
    let world = World::new();
    let server = world.server(A).issuer(B).max_live_key_sets(1).build().unwrap();
    api(&server).token(token(&world.a)).await.assert_admitted();
    api(&server).token(token(&world.b)).await.assert_admitted();
    assert_eq!(states(&server)[0].1, KeyState::Evicted);
    // Not refused: nobody can tell before the cooldown is over, and then somebody can.
    api(&server).token(token(&world.a)).await.assert_unavailable(30);
    world.clock.advance(Duration::from_secs(30));
    api(&server).token(token(&world.a)).await.assert_admitted();
    assert_eq!(states(&server)[1].1, KeyState::Evicted);
}

#[tokio::test]
async fn ready_says_what_is_wrong_with_keys_that_made_room_and_do_not_come_back() {
    let world = World::new();
    let server = world.server(A).issuer(B).max_live_key_sets(1).build().unwrap();
    for issuer in [&world.a, &world.b] {
        api(&server).token(token(issuer)).await.assert_admitted();
    }
    server.issuers().ready().await.unwrap();
    world.client.clone().on(&jwks_uri(&world.a), [Reply::Unreachable]);
    world.clock.advance(Duration::from_secs(30));
    api(&server).token(token(&world.a)).await.assert_unavailable(30);
    let not_ready = server.issuers().ready().await.unwrap_err();
    let [a] = &*not_ready.issuers else { panic!("{not_ready}") };
    assert_eq!((&*a.issuer, a.keys.state), (A, KeyState::Evicted));
    assert_eq!(a.keys.last_error.as_ref().unwrap().code, "request_failed");
    assert!(not_ready.to_string().contains("connection refused"), "{not_ready}");
}

#[test]
fn a_bound_that_leaves_no_keys_is_a_problem_of_the_configuration() {
    let world = World::new();
    world.server(A).max_live_key_sets(1).build().unwrap();
    let error = world.server(A).max_live_key_sets(0).build().unwrap_err();
    let codes: Vec<_> = error.problems().iter().map(portcullis::ConfigProblem::code).collect();
    assert_eq!(codes, ["no_live_key_sets"]);
}
