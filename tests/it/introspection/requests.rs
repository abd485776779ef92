//! What an endpoint is asked, and where it may be.

use http::Method;
use portcullis::{ClientAuthentication, ConfigProblem, Introspection, Secret, TrustedIssuer};
use serde_json::json;

use super::world::{ENDPOINT, World, active, failure, introspection, status};
use crate::support::{AUDIENCE, Api, ISSUER};

const METADATA: &str = "https://id.example.com/.well-known/openid-configuration";

#[tokio::test]
async fn a_token_travels_in_the_body_of_a_form_and_nowhere_else() {
    // covers: INT-001
    let world = World::new();
    let api = world.api_asking(introspection().every_token());
    let builder = || world.issuer.token(AUDIENCE);
    let long = builder().opaque_with_prefix(&"-._~+/".repeat(2_500));
    let tokens = [builder().opaque(), builder().opaque_with_prefix("+/~"), long, builder().sign()];
    for token in &tokens {
        api.token(token).await.assert_admitted();
        let seen = world.issuer.last_introspection().unwrap();
        assert_eq!((&seen.method, seen.uri.to_string()), (&Method::POST, "/introspect".to_owned()));
        assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
        let names: Vec<_> = seen.form.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["token", "token_type_hint"]);
        assert_eq!(seen.field("token"), Some(&**token));
        let fields = seen.headers.values().map(|value| value.to_str().unwrap());
        assert!(fields.into_iter().all(|value| !value.contains(&**token)), "in a header field");
    }
    let mut urls = world.network.urls();
    assert_eq!(urls.remove(0), METADATA);
    assert_eq!(urls, [ENDPOINT; 4]);
}

#[tokio::test]
async fn the_hint_is_one_that_every_server_knows_and_an_endpoint_may_ignore_it() {
    // covers: INT-004
    let world = World::new();
    let api = world.api();
    api.token(world.token()).await.assert_admitted();
    // RFC 7662 §2.1 takes the values of RFC 7009 §4.1.2; what the kit answers does not depend on them.
    let seen = world.issuer.last_introspection().unwrap();
    assert_eq!(seen.field("token_type_hint"), Some("access_token"));
    api.token("unheard-of").await.assert_invalid("inactive");
    let seen = world.issuer.last_introspection().unwrap();
    assert_eq!(seen.field("token_type_hint"), Some("access_token"));
}

#[tokio::test]
async fn accept_names_the_one_media_type_that_is_taken() {
    // covers: INT-005
    for (asking, expected) in [
        (introspection(), "application/json"),
        (introspection().signed_answers(), "application/token-introspection+jwt"),
    ] {
        let world = World::new();
        world.api_asking(asking).token(world.token()).await.assert_admitted();
        let seen = world.issuer.last_introspection().unwrap();
        assert_eq!(seen.headers.get_all("accept").iter().collect::<Vec<_>>(), [expected]);
    }
}

#[tokio::test]
async fn no_redirect_of_an_endpoint_is_followed() {
    // covers: INT-025, HI-007
    for status_code in [300, 301, 302, 303, 304, 305, 307, 308] {
        for location in
            ["https://elsewhere.example/introspect", "http://id.example.com/introspect", ENDPOINT, "/other"]
        {
            let world = World::new();
            let server = world.server(introspection());
            let api = Api::new(server.require(portcullis::authenticated()));
            let right = active().to_string();
            let headers = [("location", location), ("content-type", "application/json")];
            world.network.answer(status_code, headers, right);
            api.token("abc").await.assert_unavailable(1);
            assert_eq!(world.network.urls(), [METADATA, ENDPOINT]);
            assert_eq!(failure(&server), Some("bad_status"));
        }
    }
}

fn problems(world: &World, introspection: Introspection) -> Vec<&'static str> {
    let built = world.builder(TrustedIssuer::new(ISSUER).introspection(introspection)).build();
    built.err().map_or(Vec::new(), |error| error.problems().iter().map(ConfigProblem::code).collect())
}

#[tokio::test]
async fn an_endpoint_is_https_or_no_server_is_built() {
    // covers: INT-025
    let world = World::new();
    for url in [
        "http://id.example.com/introspect",
        "http://127.0.0.1/introspect",
        "http://localhost:8080/introspect",
        "HTTP://id.example.com/introspect",
        "ftp://id.example.com/introspect",
        "file:///introspect",
        "//id.example.com/introspect",
        "/introspect",
        "introspect",
        "https://",
        "https:///introspect",
        "https://api:secret@id.example.com/introspect",
        "https://id.example.com/introspect#x",
        "https://id.example.com\\@elsewhere.example/introspect",
        "",
    ] {
        assert_eq!(
            problems(&world, introspection().endpoint(url)),
            ["insecure_introspection_endpoint"],
            "{url}"
        );
    }
    for url in [ENDPOINT, "https://introspection.example.com:8443/x?tenant=1", "https://[::1]/"] {
        assert_eq!(problems(&world, introspection().endpoint(url)), [""; 0], "{url}");
    }
    // For tests on this machine, and with a certificate on neither side not even there.
    let local = |asking: Introspection| {
        let trusted = TrustedIssuer::new(ISSUER).introspection(asking.endpoint("http://127.0.0.1:9/x"));
        let built = world.builder(trusted).dangerous_allow_loopback_http().build();
        built.map_err(|error| error.problems().iter().map(ConfigProblem::code).collect::<Vec<_>>())
    };
    assert!(local(introspection()).is_ok());
    let by_certificate = Introspection::new(ClientAuthentication::mutual_tls("api"));
    assert_eq!(local(by_certificate).unwrap_err(), ["insecure_introspection_endpoint"]);
}

#[tokio::test]
async fn a_configured_endpoint_is_asked_and_no_metadata() {
    let world = World::new();
    let server = world.server(introspection().endpoint(ENDPOINT));
    let api = Api::new(server.require(portcullis::authenticated()));
    assert_eq!(status(&server).endpoint.as_deref(), Some(ENDPOINT));
    api.token(world.token()).await.assert_admitted();
    assert_eq!(world.network.urls(), [ENDPOINT]);
}

#[tokio::test]
async fn metadata_leads_tokens_and_credentials_to_no_other_host_and_over_no_plain_connection() {
    // covers: INT-025
    for (endpoint, expected) in [
        (json!("https://elsewhere.example/introspect"), "foreign_endpoint"),
        (json!("https://id.example.com.elsewhere.example/introspect"), "foreign_endpoint"),
        (json!("https://id.example.com:8443/introspect"), "foreign_endpoint"),
        (json!("https://169.254.169.254/introspect"), "foreign_endpoint"),
        (json!("http://id.example.com/introspect"), "no_introspection_endpoint"),
        (json!("https://id.example.com@elsewhere.example/introspect"), "no_introspection_endpoint"),
        (json!("/introspect"), "no_introspection_endpoint"),
        (json!([ENDPOINT]), "no_introspection_endpoint"),
        (json!(null), "no_introspection_endpoint"),
    ] {
        let world = World::new();
        let mut metadata = world.issuer.metadata_json();
        metadata["introspection_endpoint"] = endpoint.clone();
        world.network.serve_metadata(metadata);
        let server = world.server(introspection());
        let api = Api::new(server.require(portcullis::authenticated()));
        api.token(world.token()).await.assert_unavailable(1);
        assert_eq!((world.network.urls(), failure(&server)), (vec![METADATA.to_owned()], Some(expected)));
        // The issuer mends its document, and what was found wrong is not kept.
        world.network.serve_metadata(world.issuer.metadata_json());
        world.advance(1);
        api.token(world.token()).await.assert_admitted();
        assert_eq!(world.network.urls(), [METADATA, METADATA, ENDPOINT], "{endpoint}");
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_leads_nowhere() {
    // covers: DSC-004
    let world = World::new();
    let mut metadata = world.issuer.metadata_json();
    metadata["issuer"] = json!("https://id.example.com/");
    world.network.serve_metadata(metadata);
    let server = world.server(introspection());
    let api = Api::new(server.require(portcullis::authenticated()));
    api.token(world.token()).await.assert_unavailable(1);
    assert_eq!((world.asked(), failure(&server)), (0, Some("issuer_mismatch")));
}

#[tokio::test]
async fn a_client_of_ones_own_asks_about_tokens_and_the_issuers_other_documents_go_by_the_other() {
    let (world, other) = (World::new(), World::new());
    let asking = introspection().endpoint(ENDPOINT).with_http_client(other.network.clone());
    let api = world.api_asking(asking);
    api.token(other.token()).await.assert_admitted();
    api.token(world.issuer.token(AUDIENCE).sign()).await.assert_admitted();
    assert_eq!(other.network.urls(), [ENDPOINT]);
    assert_eq!(world.network.urls(), [METADATA, "https://id.example.com/jwks"]);
}

#[tokio::test]
async fn nothing_is_asked_until_a_token_needs_it() {
    let world = World::new();
    let server = world.server(Introspection::new(ClientAuthentication::post("api", Secret::new("secret"))));
    let api = Api::new(server.require(portcullis::authenticated()));
    assert_eq!(status(&server).endpoint, None);
    api.send(http::Request::get("/").body(()).unwrap()).await.assert_unauthenticated();
    assert_eq!(world.network.urls(), [""; 0]);
    // About a JWT of somebody else there is nothing to ask.
    let foreign = world.issuer.token(AUDIENCE).claim("iss", "https://elsewhere.example").sign();
    api.token(foreign).await.assert_invalid("wrong_issuer");
    assert_eq!(world.network.urls(), [""; 0]);
}
