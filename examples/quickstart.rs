//! An API and its own issuer in one program, to try with curl.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! It prints four curl commands, with tokens, for the four answers that a protected API gives.

use axum::{Router, routing::get};
use portcullis::testing::{Flaw, Issuer};
use portcullis::{ResourceServer, ValidatedToken, authenticated, scope};

const AUDIENCE: &str = "https://api.example.com";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // An authorization server is normally somebody else's. This one signs whatever we like.
    let issuer = Issuer::start().await;

    let auth = ResourceServer::builder(issuer.url())
        .audience(AUDIENCE)
        .dangerous_allow_loopback_http() // only because this issuer is on loopback
        .build()?;

    let app = Router::new()
        .route("/orders", get(orders).route_layer(auth.require(scope("orders:read"))))
        // Last: everything above, unknown paths too, needs a valid token.
        .layer(auth.require(authenticated()));

    // Port 3000 if it is free, or any other.
    let listener = match tokio::net::TcpListener::bind("127.0.0.1:3000").await {
        Ok(listener) => listener,
        Err(_) => tokio::net::TcpListener::bind("127.0.0.1:0").await?,
    };
    let url = format!("http://{}/orders", listener.local_addr()?);
    let token = issuer.token(AUDIENCE).subject("alice");
    let admitted = token.clone().scope("orders:read");

    println!("# 200: a valid token with the scope that the route needs");
    println!("curl -i {url} -H 'Authorization: Bearer {}'\n", admitted.clone().sign());
    println!("# 401: no token");
    println!("curl -i {url}\n");
    println!("# 401: an expired token");
    println!("curl -i {url} -H 'Authorization: Bearer {}'\n", admitted.flaw(Flaw::Expired).sign());
    println!("# 403: a valid token without the scope");
    println!("curl -i {url} -H 'Authorization: Bearer {}'\n", token.scope("profile").sign());
    println!("# Tokens are good for five minutes. Stop with Ctrl-C.");

    axum::serve(listener, app).await?;
    Ok(())
}

async fn orders(token: ValidatedToken) -> String {
    format!("orders of {}\n", token.subject().unwrap_or("a client"))
}
