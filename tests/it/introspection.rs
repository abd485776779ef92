//! Opaque tokens, and the issuers that are asked about them: through the whole layer.

mod answers;
mod methods;
mod outages;
mod requests;
mod signed;
mod world;

use std::time::Duration;

use portcullis::testing::{Issuer, ManualClock};
use portcullis::{ClientAuthentication, Introspection, ResourceServer, Secret, TrustedIssuer, Validation};

#[tokio::test]
async fn an_opaque_token_is_introspected_once_and_then_for_a_minute_from_memory() {
    // covers: INT-001
    let clock = ManualClock::at(1_800_000_000);
    let issuer = Issuer::offline("https://id.example.com").with_clock(clock.clone());
    let introspection = Introspection::new(ClientAuthentication::basic("api", Secret::new("secret")));
    let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).introspection(introspection))
        .audience("https://api.example.com")
        .with_http_client(issuer.clone())
        .with_clock(clock.clone())
        .build()
        .unwrap();
    let token = issuer.token("https://api.example.com").scope("read").opaque();
    let request =
        http::Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
    let validate = async || match portcullis::testing::validate(&auth, &request) {
        Validation::Ready(result) => (true, result),
        Validation::Pending(result) => (false, result.await),
    };
    let (ready, result) = validate().await;
    assert_eq!((ready, result.map(|_| ()).map_err(|e| e.to_string())), (false, Ok(())));
    assert!(validate().await.0);
    clock.advance(Duration::from_secs(60));
    assert!(!validate().await.0);
    assert_eq!(issuer.requests().introspection, 2);
}
