//! Other people's software, over real sockets: `examples/axum.rs` with tokens of a certified OpenID provider,
//! `examples/tonic` with the gRPC client of Node.js, and servers that tell what an opaque token is worth.
//!
//! `interop/README.md` tells what this needs. Nothing here is skipped: what is missing fails the test.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where it stands"
)]
#![expect(clippy::disallowed_methods, reason = "other programs have no clock of ours")]

mod answer;
mod api;
mod django;
mod dot;
mod example;
mod grpc;
mod introspection;
mod kills;
mod load;
mod local;
mod node;
mod process;
mod provider;
mod python;
mod restarts;
mod server;
mod service;
mod token;
mod wire;

use std::thread::sleep;
use std::time::Duration;

use http::header;
use portcullis::SignatureAlgorithm;

use api::{AUDIENCE, Api};
use grpc::{Shop, order};
use provider::Provider;
use server::Server;

/// The scope that the API asks for.
const READ: &str = "api:read";
/// An unknown key is asked for once in this time; also the leeway for `exp`.
const COOLDOWN: Duration = Duration::from_secs(30);

#[test]
fn a_token_in_any_algorithm_of_the_crate_is_admitted_after_one_fetch_of_the_keys() {
    // covers: EXT-001, JWS-022, JWS-034, JWK-017, JWK-023, JWT-003, DSC-003
    let provider = Provider::start();
    let api = Api::trusting(provider.issuer());
    // ML-DSA is not among what the provider can sign with.
    for algorithm in
        SignatureAlgorithm::ALL.into_iter().filter(|algorithm| !algorithm.name().starts_with("ML"))
    {
        let token = provider.token(&format!("{AUDIENCE}/{algorithm}"), READ);
        let header = token.header();
        assert_eq!((&*header["alg"], &*header["typ"]), (algorithm.name(), "at+jwt"));
        api.orders(&token).assert_admitted();
    }
    assert_eq!(provider.hits("/jwks"), 1);
}

#[test]
fn a_refusal_tells_what_would_help_and_nothing_else() {
    // covers: EXT-006, CHL-001, CHL-002, CHL-004, CHL-005, CHL-006, CHL-007, CHL-024, JWS-001, JWT-006
    let provider = Provider::start();
    let api = Api::trusting(provider.issuer());

    step("no token: a challenge without an error");
    let bare = api.get("/orders", None);
    assert_eq!(bare.status(), 401);
    assert_eq!(bare.challenge(), Some("Bearer realm=\"api\""));

    step("a token without the scope: it is named, and the token is good elsewhere");
    let writer = provider.token(&format!("{AUDIENCE}/ES256"), "api:write");
    let denied = api.orders(&writer);
    assert_eq!(denied.status(), 403);
    let challenge = denied.challenge().unwrap();
    assert!(challenge.starts_with("Bearer realm=\"api\", error=\"insufficient_scope\", "), "{challenge}");
    assert!(challenge.ends_with(", scope=\"api:read\""), "{challenge}");
    assert_eq!(api.get("/whoami", Some(&writer)).body(), "svc with scopes [\"api:write\"]\n");

    step("a token for another API");
    api.orders(&provider.token("https://other.test/ES256", READ)).assert_invalid();

    step("an opaque token, fit for the provider's own endpoints only");
    api.orders(&provider.opaque_token()).assert_invalid();

    for answer in [bare, denied] {
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.body(), "");
    }
}

#[test]
fn a_token_ends_with_its_lifetime_or_its_key_and_new_keys_are_found_with_one_fetch() {
    // covers: JWK-008, JWK-009, JWK-012, JWT-011, JWT-012
    let provider = Provider::start();
    let api = Api::trusting(provider.issuer());
    let old = provider.token(&format!("{AUDIENCE}/RS256"), READ);
    let short = provider.token(&format!("{AUDIENCE}/RS256/2"), READ);

    step("the first token has the keys fetched");
    api.orders(&old).assert_admitted();
    api.orders(&short).assert_admitted();
    assert_eq!(provider.hits("/jwks"), 1);

    step("all keys are replaced at once; within the cooldown nobody looks for the new ones");
    provider.rotate_keys();
    let new = provider.token(&format!("{AUDIENCE}/RS256"), READ);
    assert_ne!(new.header()["kid"], old.header()["kid"]);
    api.orders(&new).assert_invalid();
    assert_eq!(provider.hits("/jwks"), 1);

    step("a token past its end, within the leeway");
    sleep(Duration::from_secs(4));
    api.orders(&short).assert_admitted();

    step("the same token past the leeway, while its key is still known");
    sleep(COOLDOWN);
    api.orders(&old).assert_admitted();
    api.orders(&short).assert_invalid();
    assert_eq!(provider.hits("/jwks"), 1);

    step("the cooldown is over as well: the new key is found with one fetch, and the old one is gone");
    api.orders(&new).assert_admitted();
    assert_eq!(provider.hits("/jwks"), 2);
    api.orders(&old).assert_invalid();
    assert_eq!(provider.hits("/jwks"), 2);
}

#[test]
fn known_keys_serve_on_when_the_provider_is_gone() {
    // covers: CHL-017, JWK-011
    let provider = Provider::start();
    let api = Api::trusting(provider.issuer());
    let known = provider.token(&format!("{AUDIENCE}/EdDSA"), READ);
    api.orders(&known).assert_admitted();
    provider.rotate_keys();
    let unknown = provider.token(&format!("{AUDIENCE}/EdDSA"), READ);

    step("a token of a known key, without a provider");
    drop(provider);
    api.orders(&known).assert_admitted();

    step("a token that has the keys fetched, in vain, takes nothing from the others");
    sleep(COOLDOWN);
    api.orders(&unknown).assert_unavailable();
    api.orders(&known).assert_admitted();
}

#[test]
fn an_api_that_starts_before_its_provider_recovers_by_itself() {
    // covers: CHL-017, JWK-022
    step("a token from a provider that is gone before the API starts");
    let provider = Provider::start();
    let (issuer, port) = (provider.issuer().to_owned(), provider.port());
    let token = provider.token(&format!("{AUDIENCE}/ES384"), READ);
    drop(provider);

    step("nobody can tell whether the token is good, and nobody says that it is not");
    let api = Api::trusting(&issuer);
    let pause = api.orders(&token).assert_unavailable();

    step("the provider comes up, and the client comes back when it was told to");
    let provider = Provider::start_at(port);
    assert_eq!(provider.issuer(), issuer);
    sleep(pause);
    api.orders(&provider.token(&format!("{AUDIENCE}/ES384"), READ)).assert_admitted();
}

#[test]
fn keys_survive_rotations_a_kill_and_restarts_of_the_provider() {
    // covers: JWK-008, JWK-009, JWK-011, JWK-012, JWK-022
    let mut provider = Provider::start();
    let (issuer, port) = (provider.issuer().to_owned(), provider.port());
    let server = Server::trusting(&issuer);
    let token = |provider: &Provider| provider.token(&format!("{AUDIENCE}/ES256"), READ);
    let mut known = token(&provider);
    assert_eq!(server.judge(&known), "admitted");

    step("hard rotations, each later than a cooldown: one fetch each, nothing is refused but the old");
    for fetches in 2..=4 {
        sleep(server::COOLDOWN);
        provider.rotate_keys();
        let new = token(&provider);
        assert_eq!(server.judge(&new), "admitted");
        assert_eq!(server.judge(&known), "unknown_key");
        assert_eq!(provider.hits("/jwks"), fetches);
        known = new;
    }

    step("the provider is killed: known keys serve on, through every attempt to refresh them");
    provider.rotate_keys();
    let unheard_of = token(&provider);
    drop(provider);
    for _ in 0..8 {
        sleep(server::COOLDOWN);
        assert_eq!(server.judge(&known), "admitted");
    }
    assert_eq!(server.judge(&unheard_of), "unavailable");

    step("it comes back with keys of another life: they are found, and the old ones are gone");
    provider = Provider::start_at(port);
    let new = token(&provider);
    sleep(server::COOLDOWN);
    assert_eq!(server.judge(&new), "admitted");
    assert_eq!(server.judge(&known), "unknown_key");

    step(
        "it is gone for longer than keys are trusted: nobody can tell, and nobody says that the token is bad",
    );
    drop(provider);
    sleep(server::NO_LONGER_TRUSTED);
    assert_eq!(server.judge(&new), "unavailable");

    step("and back once more");
    provider = Provider::start_at(port);
    sleep(server::COOLDOWN);
    assert_eq!(server.judge(&token(&provider)), "admitted");
}

#[test]
fn another_grpc_client_reads_status_message_and_challenge_and_a_stream_to_the_end_of_its_token() {
    // covers: CHL-028
    const UNAUTHENTICATED: u32 = 16;
    const PERMISSION_DENIED: u32 = 7;
    let shop = Shop::open();
    let mut outcomes = Vec::new();
    // From the last one, whose token is short-lived.
    for call in shop.calls().iter().rev() {
        step(&format!("{}: {}", call.method, call.promise));
        outcomes.push(call.make());
    }
    let [stream, no_clerk, no_scope, expired, without, admitted] =
        <[_; 6]>::try_from(outcomes).unwrap_or_else(|_| panic!("six calls"));

    assert_eq!((admitted.code, admitted.challenge()), (0, None));
    assert_eq!(admitted.replies, [serde_json::json!({ "subject": "alice", "count": 3 })]);

    assert_eq!((without.code, &*without.message), (UNAUTHENTICATED, "Send a bearer token"));
    assert_eq!(without.challenge(), Some("Bearer realm=\"api\""));
    for (refused, code, error, ending) in [
        (expired, UNAUTHENTICATED, "invalid_token", "\""),
        (no_scope, PERMISSION_DENIED, "insufficient_scope", ", scope=\"orders:read orders:watch\""),
        (no_clerk, PERMISSION_DENIED, "insufficient_scope", "\""),
    ] {
        assert_eq!((refused.code, refused.replies.len(), refused.message.is_empty()), (code, 0, false));
        let challenge = refused.challenge().unwrap();
        assert!(challenge.starts_with(&format!("Bearer realm=\"api\", error=\"{error}\", ")), "{challenge}");
        assert!(challenge.ends_with(ending), "{challenge}");
    }

    assert_eq!((stream.code, &*stream.message), (UNAUTHENTICATED, "The access token has expired"));
    // One a second, until its token of 15 s ends.
    assert!((1..=15).contains(&stream.replies.len()), "{}", stream.replies.len());
    assert!(stream.replies.iter().eq(&(1..=stream.replies.len()).map(order).collect::<Vec<_>>()));
}

/// Progress, for whoever runs the test with `--nocapture`, and in the report of a failure.
fn step(what: &str) {
    println!("- {what}");
}
