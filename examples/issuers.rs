//! One API, several issuers, and pages for whoever operates it.
//!
//! ```text
//! cargo run --example issuers
//! ```
//!
//! It prints curl commands: tokens of both issuers, one of a third that nobody trusts, and what a probe and an operator
//! see. The issuers are started here; a real one is a [`TrustedIssuer`] by its identifier or by the preset of its provider.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing::get};
use portcullis::testing::Issuer;
use portcullis::{Issuers, Profile, ResourceServer, TrustedIssuer, ValidatedToken, authenticated};

const API: &str = "https://api.example.com";
const PARTNERS: &str = "https://api.example.com/partners";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (staff, partners, stranger) = (Issuer::start().await, Issuer::start().await, Issuer::start().await);

    let auth = ResourceServer::builder(staff.url())
        // Its tokens name another audience and have no type of their own.
        .issuer(TrustedIssuer::new(partners.url()).audience(PARTNERS).profile(Profile::PlainJwt))
        .audience(API)
        .dangerous_allow_loopback_http() // only because these issuers are on loopback
        .build()?;

    // For the platform and for operators: on a port of their own in a real service, since they need no token.
    let operations = Router::new()
        .route("/ready", get(ready))
        .route("/keys", get(keys))
        .with_state(auth.issuers().clone());
    let app =
        Router::new().route("/whoami", get(whoami)).layer(auth.require(authenticated())).merge(operations);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    for (what, issuer, audience) in [
        ("200: staff", &staff, API),
        ("200: a partner", &partners, PARTNERS),
        ("401: a partner with a token for staff", &partners, API),
        ("401: an issuer that nobody trusts, and nobody asks", &stranger, API),
    ] {
        let token = issuer.token(audience).subject("alice").sign();
        println!("# {what}\ncurl -i {url}/whoami -H 'Authorization: Bearer {token}'\n");
    }
    println!("# what a readiness probe gets\ncurl -i {url}/ready\n");
    println!("# what an operator looks at\ncurl {url}/keys\n");
    println!("# Tokens are good for five minutes. Stop with Ctrl-C.");

    axum::serve(listener, app).await?;
    Ok(())
}

async fn whoami(token: ValidatedToken) -> String {
    token.identity().map_or_else(String::new, |who| format!("{} of {}\n", who.subject, who.issuer))
}

/// Fetches what is not there yet, so that the first tokens need not wait.
async fn ready(State(issuers): State<Issuers>) -> (StatusCode, String) {
    match issuers.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(not_ready) => (StatusCode::SERVICE_UNAVAILABLE, format!("{not_ready}\n")),
    }
}

async fn keys(State(issuers): State<Issuers>) -> String {
    let mut page = String::new();
    for status in issuers.status() {
        let (issuer, keys) = (status.issuer, status.keys);
        let _ = writeln!(page, "{issuer}: {:?}, {} fetches", keys.state, keys.counters.fetches);
        for key in keys.keys {
            let _ = writeln!(page, "  {} {}", key.algorithms.join(" "), key.key_id.as_deref().unwrap_or("-"));
        }
        if let Some(error) = keys.last_error {
            let _ = writeln!(page, "  {} {:?} ago: {}", error.code, error.ago, error.message);
        }
    }
    page
}
