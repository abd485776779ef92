//! APIs that ask `oidc-provider` about tokens (RFC 7662, RFC 9701), through the whole layer.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use portcullis::{
    ClientAuthentication, Introspection, PrivateKey, Secret, SignatureAlgorithm, TrustedIssuer,
};

use crate::api::AUDIENCE;
use crate::local::LocalApi;
use crate::provider::Provider;
use crate::server::COOLDOWN;
use crate::service::Files;
use crate::token::{SECRET, Token};
use crate::{READ, step};

/// Where the provider is asked about tokens, as it counts its hits.
const INTROSPECTION: &str = "/token/introspection";

/// Asks as `rs`.
fn introspection() -> Introspection {
    Introspection::new(ClientAuthentication::basic("rs", Secret::new(SECRET)))
}

/// Asks as `rs`, every time.
fn without_memory() -> Introspection {
    introspection().cache_lifetime(Duration::ZERO)
}

fn opaque(provider: &Provider) -> Token {
    let token = provider.token(&format!("{AUDIENCE}/opaque"), READ);
    assert!(!token.as_str().contains('.'), "a JWT, not an opaque token");
    token
}

#[test]
fn the_provider_knows_this_server_by_each_of_its_credentials_and_by_no_other() {
    // covers: INT-001, INT-002, INT-003, INT-004, INT-005, INT-009, CLI-020, CLI-047
    let provider = Provider::start();
    let token = opaque(&provider);
    let shared = || Secret::new(SECRET);
    let key = |file| PrivateKey::pem_file(provider.path(file), SignatureAlgorithm::Es256);
    let (right, other) = ("rs-pkjwt.pem", "other.pem");
    let others_key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    fs::write(provider.path(other), others_key).unwrap();

    let odd = |secret| ClientAuthentication::basic("rs:odd id+%2F", Secret::new(secret));
    for (name, authentication) in [
        ("basic", ClientAuthentication::basic("rs", shared())),
        ("basic, of characters that need encoding", odd("an odd:secret +%41&=/ of this test only")),
        ("basic, unencoded", ClientAuthentication::basic_unencoded("rs-jwt", shared())),
        ("post", ClientAuthentication::post("rs-post", shared())),
        ("private_key_jwt", ClientAuthentication::private_key_jwt("rs-pkjwt", key(right))),
        (
            "and with a `kid`",
            ClientAuthentication::private_key_jwt("rs-pkjwt", key(right).key_id("rs-pkjwt-1")),
        ),
        (
            "and for the endpoint",
            ClientAuthentication::private_key_jwt("rs-pkjwt", key(right))
                .assertion_audience(provider.introspection_endpoint()),
        ),
    ] {
        step(name);
        let introspection = Introspection::new(authentication).cache_lifetime(Duration::ZERO);
        let api = LocalApi::asking(provider.issuer(), introspection);
        // Twice: an assertion serves once.
        api.orders(&token).assert_admitted();
        api.orders(&token).assert_admitted();
        api.orders(&Token::made_up("never.given+out/~=")).assert_invalid_because("inactive");
        assert_eq!((api.status().counters.exchanges, api.status().counters.failed), (3, 0));
    }

    for (name, authentication) in [
        ("another secret", ClientAuthentication::basic("rs", Secret::new("of somebody else"))),
        ("another secret, of odd characters", odd("an odd:secret +A&=/ of this test only")),
        (
            "another secret in the form",
            ClientAuthentication::post("rs-post", Secret::new("of somebody else")),
        ),
        ("an unknown client", ClientAuthentication::basic("nobody", shared())),
        ("another key", ClientAuthentication::private_key_jwt("rs-pkjwt", key(other))),
        ("the method of another client", ClientAuthentication::post("rs-pkjwt", shared())),
        (
            "an assertion for others",
            ClientAuthentication::private_key_jwt("rs-pkjwt", key(right))
                .assertion_audience("https://other.test"),
        ),
    ] {
        step(&format!("{name}: nothing is said about the token, good or not"));
        let api = LocalApi::asking(provider.issuer(), Introspection::new(authentication));
        api.assert_fails_with("credentials_refused", &token);
        api.assert_fails_with("credentials_refused", &Token::made_up("never-given-out"));
    }
}

#[test]
fn a_secret_that_is_replaced_in_its_file_counts_from_the_next_request_on() {
    // covers: INT-002, INT-009, INT-015
    let (provider, files) = (Provider::start(), Files::new());
    let token = opaque(&provider);
    files.write("secret", "of another day\n");
    let authentication = ClientAuthentication::basic("rs", Secret::file(files.path("secret")));
    let introspection = Introspection::new(authentication).cache_lifetime(Duration::ZERO);
    let api = LocalApi::asking(provider.issuer(), introspection);
    api.assert_fails_with("credentials_refused", &token);
    files.write("secret", &format!("{SECRET}\n"));
    api.orders(&token).assert_admitted();
    fs::remove_file(files.path("secret")).unwrap();
    api.assert_fails_with("no_credentials", &token);
    files.write("secret", SECRET);
    api.orders(&token).assert_admitted();
}

#[test]
fn with_mutual_tls_the_certificate_says_who_asks_and_the_authority_whom() {
    // covers: INT-002, INT-009, INT-025
    let provider = Provider::start_with_tls();
    let (token, revoked) = (opaque(&provider), opaque(&provider));
    provider.revoke(&revoked);
    let path = |name| provider.path(name);
    let by = |certificate, key| {
        let authentication = ClientAuthentication::mutual_tls_files("rs-mtls", path(certificate), path(key));
        Introspection::new(authentication).cache_lifetime(Duration::ZERO)
    };
    let issuer = || TrustedIssuer::new(provider.issuer());
    let endpoint = provider.tls_introspection_endpoint();

    step("the certificate of the client, and the authority of the provider");
    let asking = by("client.pem", "client.key").endpoint(&endpoint);
    let api = LocalApi::trusting(issuer().fetch_ca_file(path("ca.pem")).introspection(asking));
    api.orders(&token).assert_admitted();
    api.orders(&revoked).assert_invalid_because("inactive");

    step("the certificate of somebody else");
    let asking = by("other.pem", "other.key").endpoint(&endpoint);
    let api = LocalApi::trusting(issuer().fetch_ca_file(path("ca.pem")).introspection(asking));
    api.assert_fails_with("credentials_refused", &token);

    step("a server of another authority: it does not get to see a token");
    let asked = provider.hits(INTROSPECTION);
    for authority in [Some("other.pem"), None] {
        let asking = by("client.pem", "client.key").endpoint(&endpoint);
        let issuer = match authority {
            Some(authority) => issuer().fetch_ca_file(path(authority)),
            None => issuer(),
        };
        let api = LocalApi::trusting(issuer.introspection(asking));
        api.orders(&token).assert_unavailable();
        assert_eq!(api.status().counters.failed, 1);
    }
    assert_eq!(provider.hits(INTROSPECTION), asked);

    step("an address for certificates that only the metadata names, of another origin");
    let api = LocalApi::trusting(
        issuer().fetch_ca_file(path("ca.pem")).introspection(by("client.pem", "client.key")),
    );
    api.assert_fails_with("foreign_endpoint", &token);
    assert_eq!(provider.hits(INTROSPECTION), asked);
}

#[test]
fn signed_answers_are_verified_with_the_keys_of_the_provider_whichever_they_are_now() {
    // covers: INT-005, INT-028, INT-029, INT-030, INT-031, INT-032
    let provider = Provider::start();
    let (token, revoked) = (opaque(&provider), opaque(&provider));
    let foreign = provider.token("https://other.test/opaque", READ);
    let writer = provider.token(&format!("{AUDIENCE}/opaque"), "api:write");
    provider.revoke(&revoked);
    let signed_for = |client| {
        let authentication = ClientAuthentication::basic(client, Secret::new(SECRET));
        Introspection::new(authentication).signed_answers().cache_lifetime(Duration::ZERO)
    };
    for (client, algorithm) in [("rs-jwt", "ES256"), ("rs", "RS256")] {
        step(&format!("answers that are signed with {algorithm}"));
        let api = LocalApi::asking(provider.issuer(), signed_for(client));
        api.orders(&token).assert_admitted();
        api.orders(&revoked).assert_invalid_because("inactive");
        api.orders(&foreign).assert_invalid_because("wrong_audience");
        api.orders(&writer).assert_lacks(READ);
    }

    step("in an algorithm that is not taken of this issuer");
    let issuer = TrustedIssuer::new(provider.issuer()).algorithms([SignatureAlgorithm::Es256]);
    let api = LocalApi::trusting(issuer.clone().introspection(signed_for("rs")));
    api.assert_fails_with("untrusted_answer", &token);
    api.assert_fails_with("untrusted_answer", &revoked);
    let slow = LocalApi::trusting(issuer.clone().introspection(signed_for("rs-jwt")));
    slow.orders(&token).assert_admitted();

    step("all keys are replaced at once: the new ones are looked for");
    let quick = LocalApi::with_cooldown(COOLDOWN, issuer.introspection(signed_for("rs-jwt")));
    quick.orders(&token).assert_admitted();
    provider.rotate_keys();
    sleep(COOLDOWN);
    let fetched = provider.hits("/jwks");
    quick.orders(&token).assert_admitted();
    quick.orders(&revoked).assert_invalid_because("inactive");
    assert_eq!(provider.hits("/jwks"), fetched + 1);

    step("for whom it is too soon to look for them, nobody can tell, and the token is blamed for nothing");
    slow.assert_fails_with("untrusted_answer", &token);
    slow.assert_fails_with("untrusted_answer", &revoked);
    assert_eq!(provider.hits("/jwks"), fetched + 1);
}

#[test]
fn jwts_are_validated_here_and_opaque_tokens_there_unless_every_token_is_asked_about() {
    // covers: INT-006, INT-027, INT-033, JWT-020
    let provider = Provider::start();
    let (jwt, token) = (provider.token(&format!("{AUDIENCE}/ES256"), READ), opaque(&provider));
    let signed = [provider.signed_answer(&token), provider.signed_answer(&jwt_like(&token))];
    let before = provider.hits(INTROSPECTION);
    let asked = || provider.hits(INTROSPECTION) - before;

    step("a JWT costs no question, and an opaque token costs one");
    let api = LocalApi::asking(provider.issuer(), introspection());
    api.orders(&jwt).assert_admitted();
    assert_eq!((asked(), provider.hits("/jwks")), (0, 1));
    api.orders(&token).assert_admitted();
    api.orders(&token).assert_admitted();
    assert_eq!((asked(), provider.hits("/jwks")), (1, 1));

    step("the answers that the provider signs are JWTs of it, and no access tokens");
    for signed in &signed {
        assert_eq!(signed.header()["typ"], "token-introspection+jwt");
        api.orders(signed).assert_invalid_because("wrong_type");
    }

    step("what is no token at all is refused without a question");
    assert_eq!(api.orders(&Token::made_up("<script>")).status(), 400);
    assert_eq!(asked(), 1);

    step(
        "this provider does not introspect JWTs, and says so: where it is asked about every token, none is good",
    );
    let api = LocalApi::asking(provider.issuer(), introspection().every_token());
    api.orders(&jwt).assert_invalid_because("inactive");
    for signed in &signed {
        api.orders(signed).assert_invalid_because("inactive");
    }
    assert_eq!((asked(), api.status().counters.refused), (4, 3));
    api.orders(&token).assert_admitted();
    assert_eq!(provider.hits("/jwks"), 1);
}

/// A token that nobody gave out, about which the provider signs that it is not active.
fn jwt_like(token: &Token) -> Token {
    Token::made_up(&format!("{}-", token.as_str()))
}

#[test]
fn an_active_token_is_good_where_it_is_meant_for_and_for_what_it_allows() {
    // covers: INT-017, INT-018, INT-019, INT-021, DPP-026
    let provider = Provider::start();
    let api = LocalApi::asking(provider.issuer(), introspection());
    let (access, refresh) = provider.sign_in("alice", &format!("{AUDIENCE}/opaque"), READ);
    let (anywhere, bound) = (provider.opaque_token(), provider.bound_token(READ));

    step("a user, with the scope and without");
    assert_eq!(api.orders(&access).body(), "orders of alice\n");
    let (writer, _) = provider.sign_in("bob", &format!("{AUDIENCE}/opaque"), "api:write");
    api.orders(&writer).assert_lacks(READ);
    assert_eq!(api.whoami(&writer).body(), "bob with scopes [\"api:write\"]\n");

    step("another audience, and none");
    api.orders(&provider.token("https://other.test/opaque", READ)).assert_invalid_because("wrong_audience");
    api.whoami(&anywhere).assert_invalid_because("missing_claim");

    step("a refresh token, which the provider calls active");
    api.whoami(&refresh).assert_invalid_because("missing_claim");

    step("a token that is bound to a key, without a proof");
    api.orders(&bound).assert_invalid_because("binding_not_verified");

    step(
        "where tokens of this client are taken without an audience, they are not from others, and not bound",
    );
    let api = LocalApi::asking(provider.issuer(), introspection().client_as_audience("svc"));
    assert_eq!(api.whoami(&anywhere).body(), "svc with scopes []\n");
    api.orders(&anywhere).assert_lacks(READ);
    api.orders(&bound).assert_invalid_because("binding_not_verified");
    let api = LocalApi::asking(provider.issuer(), introspection().client_as_audience("other"));
    api.whoami(&anywhere).assert_invalid_because("wrong_audience");
}

#[test]
fn a_token_ends_when_it_is_revoked_or_expires_however_long_answers_are_kept() {
    // covers: INT-011, INT-013, INT-016
    const LIFETIME: Duration = Duration::from_secs(2);
    let provider = Provider::start();
    let kept = LocalApi::asking(provider.issuer(), introspection().cache_lifetime(LIFETIME));
    let asked = LocalApi::asking(provider.issuer(), without_memory());
    let default = LocalApi::asking(provider.issuer(), introspection());
    let (token, other) = (opaque(&provider), opaque(&provider));
    let short = provider.token(&format!("{AUDIENCE}/opaque/2"), READ);

    default.orders(&short).assert_admitted();
    for api in [&kept, &asked] {
        api.orders(&token).assert_admitted();
        api.orders(&other).assert_admitted();
    }

    step("revoked: where nothing is kept, it ends at once");
    provider.revoke(&token);
    asked.orders(&token).assert_invalid_because("inactive");
    asked.orders(&other).assert_admitted();
    assert_eq!(asked.status().counters.from_memory, 0);

    step("and elsewhere within the lifetime of the answer");
    kept.orders(&token).assert_admitted();
    assert_eq!(kept.status().counters.from_memory, 1);
    sleep(LIFETIME);
    kept.orders(&token).assert_invalid_because("inactive");
    kept.orders(&other).assert_admitted();

    step("expired: its answer is not used any longer, though others are kept for a minute");
    // It lives for whole seconds.
    sleep(Duration::from_secs(1));
    let exchanges = default.status().counters.exchanges;
    default.orders(&short).assert_invalid_because("inactive");
    assert_eq!(default.status().counters.exchanges, exchanges + 1);
}
