//! The layer around a plain Hyper service: no framework, HTTP/1.1 and HTTP/2 on one port.
//!
//! ```text
//! cargo run --example hyper
//! ```
//!
//! It has its own issuer inside, and prints curl commands with tokens.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use portcullis::testing::{Flaw, Issuer};
use portcullis::{ResourceServer, ValidatedToken, scope};
// Not `hyper::service::service_fn`: what that makes is no Tower service.
use tower::service_fn;

const AUDIENCE: &str = "https://api.example.com";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // An authorization server is normally somebody else's. This one signs whatever we like.
    let issuer = Issuer::start().await;

    let auth = ResourceServer::builder(issuer.url())
        .audience(AUDIENCE)
        .dangerous_allow_loopback_http() // only because this issuer is on loopback
        .build()?;

    // Around the whole service. Every connection gets a clone, and all share the keys.
    let service = auth.require(scope("orders:read")).layer(service_fn(orders));
    let service = TowerToHyperService::new(service);

    // Port 3000 if it is free, or any other.
    let listener = match tokio::net::TcpListener::bind("127.0.0.1:3000").await {
        Ok(listener) => listener,
        Err(_) => tokio::net::TcpListener::bind("127.0.0.1:0").await?,
    };
    print_commands(&issuer, &format!("http://{}/orders", listener.local_addr()?));

    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("connection: {error}");
            }
        });
    }
}

async fn orders(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    // The layer put the token there, and nothing else can.
    let subject = ValidatedToken::of(request.extensions()).and_then(ValidatedToken::subject);
    Ok(Response::new(format!("orders of {}\n", subject.unwrap_or("a client")).into()))
}

fn print_commands(issuer: &Issuer, url: &str) {
    let token = issuer.token(AUDIENCE).subject("alice");
    let admitted = token.clone().scope("orders:read");
    let field = |token: String| format!("-H 'Authorization: Bearer {token}'");

    println!("# 200: a valid token with the scope that the service needs");
    println!("curl -i {url} {}\n", field(admitted.clone().sign()));
    println!("# 200: the same over HTTP/2");
    println!("curl -i {url} --http2-prior-knowledge {}\n", field(admitted.clone().sign()));
    println!("# 401: no token");
    println!("curl -i {url}\n");
    println!("# 401: an expired token");
    println!("curl -i {url} {}\n", field(admitted.flaw(Flaw::Expired).sign()));
    println!("# 403: a valid token without the scope");
    println!("curl -i {url} {}\n", field(token.scope("profile").sign()));
    println!("# Tokens are good for five minutes. Stop with Ctrl-C.");
}
