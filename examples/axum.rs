//! An API that trusts the authorization server you point it at.
//!
//! ```text
//! ISSUER=https://id.example.com AUDIENCE=https://api.example.com cargo run --example axum
//! curl -i http://127.0.0.1:3000/orders -H "Authorization: Bearer $TOKEN"
//! ```
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `ISSUER` | the issuer identifier, exactly as in the `iss` of its tokens | required |
//! | `AUDIENCE` | the identifier of this API in `aud` | required |
//! | `PROFILE` | `rfc9068`, or `plain_jwt` for an issuer that does not send `typ: at+jwt` | `rfc9068` |
//! | `LISTEN` | where to listen | `127.0.0.1:3000` |
//! | `READ_SCOPE` | the scope that `GET /orders` needs | `orders:read` |
//!
//! Any valid token may see `/whoami`. An http issuer is taken on loopback only.

use std::env;

use axum::{Router, routing::get};
use portcullis::{Profile, Requirement, ResourceServer, TrustedIssuer, ValidatedToken, authenticated};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Refusals and their reasons, on stderr.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();

    let issuer = env::var("ISSUER").map_err(|_| "ISSUER is not set")?;
    let audience = env::var("AUDIENCE").map_err(|_| "AUDIENCE is not set")?;
    let profile = env::var("PROFILE").unwrap_or_else(|_| "rfc9068".to_owned());
    let profile: Profile = profile.parse().map_err(|error| format!("PROFILE: {error}"))?;
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let read = env::var("READ_SCOPE").unwrap_or_else(|_| "orders:read".to_owned());

    let mut server = ResourceServer::builder(TrustedIssuer::new(&issuer).profile(profile)).audience(audience);
    if issuer.starts_with("http://") {
        server = server.dangerous_allow_loopback_http();
    }
    let auth = server.build()?;

    let app = Router::new()
        .route("/orders", get(orders).route_layer(auth.require(Requirement::try_scope(&read)?)))
        .route("/whoami", get(whoami))
        // Last: everything above, unknown paths too, needs a valid token.
        .layer(auth.require(authenticated()));

    let listener = tokio::net::TcpListener::bind(&address).await;
    let listener = listener.map_err(|error| format!("LISTEN={address}: {error}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn orders(token: ValidatedToken) -> String {
    format!("orders of {}\n", token.subject().unwrap_or("a client"))
}

async fn whoami(token: ValidatedToken) -> String {
    let scopes: Vec<_> = token.scopes().iter().collect();
    format!("{} with scopes {scopes:?}\n", token.subject().unwrap_or("a client"))
}
