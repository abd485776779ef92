//! A gRPC API with its own issuer inside, to try with grpcurl or any other client.
//!
//! ```text
//! cargo run --example tonic
//! ```
//!
//! It prints commands, with tokens, for the answers that a protected API gives. `shop.rs` has the services, and says what
//! each method needs.

mod shop;

use std::time::Duration;

use portcullis::testing::{Flaw, Issuer};
use portcullis::{ResourceServer, authenticated};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

const AUDIENCE: &str = "https://api.example.com";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // An authorization server is normally somebody else's. This one signs whatever we like.
    let issuer = Issuer::start().await;

    let auth = ResourceServer::builder(issuer.url())
        .audience(AUDIENCE)
        .dangerous_allow_loopback_http() // only because this issuer is on loopback
        .build()?;

    // Port 50051 if it is free, or any other.
    let listener = match tokio::net::TcpListener::bind("127.0.0.1:50051").await {
        Ok(listener) => listener,
        Err(_) => tokio::net::TcpListener::bind("127.0.0.1:0").await?,
    };
    print_commands(&issuer, &listener.local_addr()?.to_string());

    Server::builder()
        // Everything, services that do not exist too, needs a valid token. It is validated once.
        .layer(auth.require(authenticated()))
        .add_routes(shop::routes(&auth))
        .serve_with_incoming(TcpIncoming::from(listener))
        .await?;
    Ok(())
}

fn print_commands(issuer: &Issuer, address: &str) {
    let token = issuer.token(AUDIENCE).subject("alice");
    let reader = token.clone().scope("orders:read");
    let watcher = token.scope("orders:read orders:watch").expires_in(Duration::from_secs(15));
    let command = |promise: &str, method: &str, token: Option<String>| {
        let field = token.map(|token| format!("-H 'authorization: Bearer {token}' ")).unwrap_or_default();
        println!("# {promise}");
        println!(
            "grpcurl -plaintext -proto examples/tonic/orders.proto {field}{address} orders.v1.{method}\n"
        );
    };
    command(
        "OK: a valid token with the scope that the method needs",
        "Orders/Count",
        Some(reader.clone().sign()),
    );
    command("UNAUTHENTICATED: no token", "Orders/Count", None);
    command(
        "UNAUTHENTICATED: an expired token",
        "Orders/Count",
        Some(reader.clone().flaw(Flaw::Expired).sign()),
    );
    command(
        "PERMISSION_DENIED: a valid token without the scope",
        "Orders/Watch",
        Some(reader.clone().sign()),
    );
    command(
        "PERMISSION_DENIED: a valid token of somebody who is no clerk",
        "Desk/Cancel",
        Some(reader.sign()),
    );
    command(
        "OK: orders, until the token expires in 15 seconds, and then UNAUTHENTICATED",
        "Orders/Watch",
        Some(watcher.sign()),
    );
    println!("# Tokens are good for five minutes if nothing else is said. Stop with Ctrl-C.");
}
