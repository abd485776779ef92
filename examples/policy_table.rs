//! Rules in a file that is edited while the API runs.
//!
//! ```text
//! cargo run --example policy_table
//! ```
//!
//! It prints commands to try one after the other: what the rules of `examples/policy_table.toml` allow and deny, an edit, and a
//! mistake. Another file can be its argument.

use std::path::PathBuf;

use axum::{Router, routing::get};
use portcullis::testing::Issuer;
use portcullis::{PolicyFile, ResourceServer};

const AUDIENCE: &str = "https://api.example.com";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The events of the policy: what is in force, and why a change is not.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let shipped = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/policy_table.toml");
    let path = std::env::args_os().nth(1).map_or_else(shipped, PathBuf::from);
    let file = PolicyFile::builder(&path).build()?;

    // This issuer has another address each time, so it is not in the file. One that is comes with `file.server()`.
    let issuer = Issuer::start().await;
    let auth = ResourceServer::builder(issuer.url())
        .audience(AUDIENCE)
        .dangerous_allow_loopback_http() // only because this issuer is on loopback
        .build()?;

    let app = Router::new()
        .route("/health", get(async || "healthy\n"))
        .route("/orders/{id}", get(async || "an order\n"))
        .route("/reports", get(async || "a report\n"))
        .layer(auth.require(file.policy(&auth)?));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let token = issuer.token(AUDIENCE).subject("alice").roles(["clerk"]).sign();
    let reports = format!("curl -i {url}/reports -H 'Authorization: Bearer {token}'");
    println!("# 200: no token is needed\ncurl -i {url}/health\n");
    println!("# 401: no token\ncurl -i {url}/orders/7\n");
    println!("# 200: a clerk\ncurl -i {url}/orders/7 -H 'Authorization: Bearer {token}'\n");
    println!("# 403: a clerk is no auditor\n{reports}\n");
    println!(
        "# edit: let clerks read reports\nsed -i.bak 's/\"auditor\" }}/\"clerk\" }}/' {}\n",
        path.display()
    );
    println!("# 200: within 5 s, so try it twice\n{reports}\n");
    println!("# edit: a mistake\necho '\"GET /reports\" = \"nobody\"' >> {}\n", path.display());
    println!("# 200: the policy before stays in force, and the log says why\n{reports}\n");
    println!("# Tokens are good for five minutes. Stop with Ctrl-C.");

    axum::serve(listener, app).await?;
    Ok(())
}
