//! How this service says who it is, each way with an endpoint that checks it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::testing::IntrospectionRequest;
use portcullis::{
    ClientAuthentication, ConfigProblem, Introspection, JwkSet, PrivateKey, Secret, SignatureAlgorithm,
    TrustedIssuer, authenticated,
};
use rcgen::KeyPair;
use serde_json::{Value, json};

use super::world::{ENDPOINT, World, active, failure, introspection};
use crate::support::{Api, Folder, ISSUER};

/// What the endpoint saw of the one request for this token, which was admitted.
async fn admitted(world: &World, authentication: ClientAuthentication) -> IntrospectionRequest {
    let api = world.api_asking(Introspection::new(authentication));
    api.token(world.token()).await.assert_admitted();
    world.issuer.last_introspection().unwrap()
}

/// The names of the fields beside what is asked.
fn fields(seen: &IntrospectionRequest) -> Vec<&str> {
    let names = seen.form.iter().map(|(name, _)| &**name);
    names.filter(|name| !["token", "token_type_hint"].contains(name)).collect()
}

fn basic(seen: &IntrospectionRequest) -> String {
    let credentials = seen.header("authorization").unwrap().strip_prefix("Basic ").unwrap();
    String::from_utf8(STANDARD.decode(credentials).unwrap()).unwrap()
}

#[tokio::test]
async fn basic_is_decoded_by_the_endpoint_whatever_is_in_identifier_and_secret() {
    // covers: INT-002, INT-003, CLI-020
    let world = World::new();
    for (id, secret) in [
        ("api", "secret"),
        ("a:b c", "p%\u{e4}+"),
        ("orders", "a:b/%+\u{e9}"),
        ("a&b=c", "&=;?#@"),
        ("%41", "%2B+ \"x\\"),
        ("https://orders.example.com/", "\u{1f511}:"),
    ] {
        world.issuer.client(id, secret);
        let seen = admitted(&world, ClientAuthentication::basic(id, Secret::new(secret))).await;
        assert_eq!(fields(&seen), [""; 0], "one method for each request");
        assert_eq!(basic(&seen).matches(':').count(), 1, "{id}");
    }
    world.issuer.client("a:b c", "p%\u{e4}+");
    let seen = admitted(&world, ClientAuthentication::basic("a:b c", Secret::new("p%\u{e4}+"))).await;
    assert_eq!(basic(&seen), "a%3Ab+c:p%25%C3%A4%2B");
}

#[tokio::test]
async fn basic_unencoded_is_for_an_endpoint_that_does_not_decode() {
    // covers: INT-002
    let world = World::new();
    let asking = |secret| ClientAuthentication::basic_unencoded("api", Secret::new(secret));
    // Without anything to encode both are the same.
    assert_eq!(basic(&admitted(&world, asking("secret")).await), "api:secret");
    let secret = "p%\u{e4}+ :&";
    world.issuer.client("api", secret);
    let api = world.api_asking(Introspection::new(asking(secret)));
    api.token(world.token()).await.assert_unavailable(1);
    assert_eq!(basic(&world.issuer.last_introspection().unwrap()), format!("api:{secret}"));
    world.network.answer(200, [("content-type", "application/json")], active().to_string());
    api.token(world.token()).await.assert_admitted();
}

#[tokio::test]
async fn post_sends_identifier_and_secret_as_fields_of_the_form() {
    // covers: INT-002
    let world = World::new();
    let (id, secret) = ("a:b c", "p%\u{e4}+&=");
    world.issuer.client(id, secret);
    let seen = admitted(&world, ClientAuthentication::post(id, Secret::new(secret))).await;
    assert_eq!(fields(&seen), ["client_id", "client_secret"]);
    assert_eq!((seen.field("client_id"), seen.field("client_secret")), (Some(id), Some(secret)));
    assert_eq!((seen.header("authorization"), seen.uri.query()), (None, None));
}

#[tokio::test]
async fn a_bearer_token_of_our_own_is_sent_beside_the_token_in_question() {
    // covers: INT-002
    let world = World::new();
    world.issuer.client_token("api", "resource-server.token~+/==");
    let own = Secret::new("resource-server.token~+/==");
    let seen = admitted(&world, ClientAuthentication::bearer(own)).await;
    assert_eq!(seen.header("authorization"), Some("Bearer resource-server.token~+/=="));
    assert_eq!(fields(&seen), [""; 0]);
}

/// The public half, as a server registers it.
fn public(key: &KeyPair) -> JwkSet {
    let (x, y) = key.public_key_raw()[1..].split_at(32);
    let [x, y] = [x, y].map(|octets| URL_SAFE_NO_PAD.encode(octets));
    JwkSet::from_json(
        &json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "2026-01" }] }).to_string(),
    )
    .unwrap()
}

fn private(key: &KeyPair) -> PrivateKey {
    PrivateKey::from_pem(key.serialize_pem(), SignatureAlgorithm::Es256).key_id("2026-01")
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn an_assertion_is_made_for_each_request_and_verified_by_the_endpoint() {
    // covers: INT-002, CLI-047
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    world.issuer.client_keys("orders", public(&key));
    let api =
        world.api_asking(Introspection::new(ClientAuthentication::private_key_jwt("orders", private(&key))));
    let mut seen = BTreeSet::new();
    for now in (crate::support::NOW..).step_by(7).take(5) {
        api.token(world.token()).await.assert_admitted();
        let request = world.issuer.last_introspection().unwrap();
        assert_eq!(fields(&request), ["client_assertion_type", "client_assertion"]);
        assert_eq!(request.header("authorization"), None);
        let kind = request.field("client_assertion_type").unwrap();
        assert_eq!(kind, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let parts: Vec<_> = request.field("client_assertion").unwrap().split('.').collect();
        assert_eq!(decoded(parts[0]), json!({ "alg": "ES256", "typ": "JWT", "kid": "2026-01" }));
        let mut claims = decoded(parts[1]);
        let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
        assert!(seen.insert(jti.as_str().unwrap().to_owned()), "used twice");
        // FAPI 2.0 §5.3.3.1: the issuer, as one text.
        let expected =
            json!({ "iss": "orders", "sub": "orders", "aud": ISSUER, "iat": now, "exp": now + 60 });
        assert_eq!(claims, expected);
        world.advance(7);
    }
}

#[tokio::test]
async fn an_assertion_of_another_key_or_for_another_audience_is_an_outage_of_ours() {
    // covers: INT-002, INT-009
    let world = World::new();
    let [key, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
    world.issuer.client_keys("orders", public(&key));
    let method = |key| ClientAuthentication::private_key_jwt("orders", private(key));
    for (authentication, taken) in [
        (method(&key), true),
        (method(&key).assertion_audience(ENDPOINT), true),
        (method(&key).assertion_audience("https://elsewhere.example"), false),
        (method(&other), false),
    ] {
        let server = world.server(Introspection::new(authentication));
        let answer = Api::new(server.require(authenticated())).token(world.token()).await;
        match taken {
            true => answer.assert_admitted(),
            false => answer.assert_unavailable(1),
        }
        assert_eq!(failure(&server), (!taken).then_some("credentials_refused"));
    }
}

#[tokio::test]
async fn with_a_certificate_the_form_names_the_client_and_nothing_secret_is_sent() {
    // covers: INT-002
    let world = World::new();
    // RFC 8705 §5: a server may have another place for clients with certificates.
    let mut metadata = world.issuer.metadata_json();
    let for_certificates = "https://id.example.com/mtls/introspect";
    metadata["mtls_endpoint_aliases"] = json!({ "introspection_endpoint": for_certificates });
    for (metadata, endpoint) in [(metadata, for_certificates), (world.issuer.metadata_json(), ENDPOINT)] {
        world.network.serve_metadata(metadata);
        // The kit knows no certificates, so it refuses, and says what it saw.
        let server = world.server(Introspection::new(ClientAuthentication::mutual_tls("orders")));
        Api::new(server.require(authenticated())).token(world.token()).await.assert_unavailable(1);
        assert_eq!(world.network.urls().last().unwrap(), endpoint);
    }
    let seen = world.issuer.last_introspection().unwrap();
    assert_eq!((fields(&seen), seen.field("client_id")), (vec!["client_id"], Some("orders")));
    assert_eq!(seen.header("authorization"), None);
    // Others do not go there.
    world.api().token(world.token()).await.assert_admitted();
    assert_eq!(world.network.urls().last().unwrap(), ENDPOINT);
}

#[test]
fn a_server_without_sound_credentials_is_not_built() {
    // covers: INT-002
    let world = World::new();
    let secret = || Secret::new("secret");
    let missing = || Secret::file("/portcullis/missing");
    for (authentication, expected) in [
        (ClientAuthentication::basic("api", secret()), &[][..]),
        (ClientAuthentication::basic("api", Secret::new("")), &["unreadable_secret"]),
        (ClientAuthentication::basic("", missing()), &["invalid_client_id", "unreadable_secret"]),
        (ClientAuthentication::basic_unencoded("a:b", secret()), &["invalid_client_id"]),
        (ClientAuthentication::post("api", Secret::env("PORTCULLIS_NOT_SET")), &["unreadable_secret"]),
        (ClientAuthentication::bearer(Secret::new("a b")), &["unreadable_secret"]),
        (
            ClientAuthentication::private_key_jwt(
                "api",
                PrivateKey::pem_file("/portcullis/missing", SignatureAlgorithm::Es256),
            ),
            &["unreadable_private_key"],
        ),
        (ClientAuthentication::basic("api", secret()).assertion_audience(ISSUER), &["no_client_assertion"]),
    ] {
        let asking = Introspection::new(authentication);
        let built = world.builder(TrustedIssuer::new(ISSUER).introspection(asking)).build();
        let error = built.err();
        let problems = error.iter().flat_map(portcullis::ConfigError::problems).map(ConfigProblem::code);
        assert_eq!(problems.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_secret_that_is_replaced_counts_from_the_next_request_on() {
    // covers: INT-002, INT-009
    let (world, folder) = (World::new(), Folder::new());
    let file = folder.write("secret", "first\n");
    world.issuer.client("api", "first");
    let server = world.server(Introspection::new(ClientAuthentication::basic("api", Secret::file(&file))));
    let api = Api::new(server.require(authenticated()));
    api.token(world.token()).await.assert_admitted();

    // The server has a new secret and we do not: an outage, and no word about the token.
    world.issuer.client("api", "second");
    let token = world.token();
    api.token(&token).await.assert_unavailable(1);
    assert_eq!(failure(&server), Some("credentials_refused"));
    folder.replace("secret", "second\n");
    api.token(&token).await.assert_admitted();
    assert_eq!(basic(&world.issuer.last_introspection().unwrap()), "api:second");

    // Without a secret nothing is sent, and what is in memory is still good.
    let asked = world.asked();
    folder.write("secret", "two\nlines");
    api.token(world.token()).await.assert_unavailable(1);
    assert_eq!((world.asked(), failure(&server)), (asked, Some("no_credentials")));
    api.token(&token).await.assert_admitted();
    folder.write("secret", "second");
    api.token(world.token()).await.assert_admitted();
}

#[tokio::test]
async fn the_credentials_of_one_issuer_are_not_shown_to_the_other() {
    let (world, other) = (World::new(), World::new());
    let second = TrustedIssuer::new("https://other.example.com")
        .with_http_client(other.network.clone())
        .introspection(
            Introspection::new(ClientAuthentication::post("api", Secret::new("other")))
                .endpoint(ENDPOINT)
                .token_prefix("other_"),
        );
    other.issuer.client("api", "other");
    let first = TrustedIssuer::new(ISSUER).introspection(introspection());
    let server = world.builder(first).issuer(second).build().unwrap();
    let api = Api::new(server.require(authenticated()));
    api.token(world.token()).await.assert_admitted();
    let foreign = other.issuer.token(crate::support::AUDIENCE).without("iss").opaque_with_prefix("other_");
    api.token(&foreign).await.assert_admitted();
    assert_eq!((world.asked(), other.asked()), (1, 1));
    assert_eq!(basic(&world.issuer.last_introspection().unwrap()), "api:secret");
    assert_eq!(other.issuer.last_introspection().unwrap().field("client_secret"), Some("other"));
}
