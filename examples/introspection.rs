//! An API that takes opaque tokens beside JWTs (RFC 7662).
//!
//! ```text
//! cargo run --example introspection
//! ```
//!
//! It prints curl commands, with tokens, for what becomes of each kind: JWTs are validated here, and about other tokens their
//! issuer is asked. The issuers are started here; a real one is a [`TrustedIssuer`] by its identifier.

use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::State;
use axum::{Router, routing::get};
use portcullis::testing::{Fault, Issuer};
use portcullis::{
    ClientAuthentication, Introspection, Issuers, ResourceServer, Secret, TrustedIssuer, ValidatedToken,
    authenticated,
};

const AUDIENCE: &str = "https://api.example.com";
/// What the opaque tokens of the partners begin with. Of two issuers that have such tokens, one must have a prefix.
const PARTNERS: &str = "partner_";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (staff, partners) = (Issuer::start().await, Issuer::start().await);

    let auth = ResourceServer::builder(
        TrustedIssuer::new(staff.url())
            // A token that was revoked is taken for so long at most. Default: a minute.
            .introspection(Introspection::new(credentials()).cache_lifetime(Duration::from_secs(20))),
    )
    .issuer(
        TrustedIssuer::new(partners.url())
            .introspection(Introspection::new(credentials()).token_prefix(PARTNERS)),
    )
    .audience(AUDIENCE)
    .dangerous_allow_loopback_http() // only because these issuers are on loopback
    .build()?;

    // For operators: on a port of its own in a real service, since it needs no token.
    let operations = Router::new().route("/introspection", get(status)).with_state(auth.issuers().clone());
    let app =
        Router::new().route("/whoami", get(whoami)).layer(auth.require(authenticated())).merge(operations);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let token = |issuer: &Issuer| issuer.token(AUDIENCE).subject("alice");
    let revoked = token(&staff).opaque();
    staff.revoke(&revoked);
    let unknown = token(&partners).opaque_with_prefix(PARTNERS);
    partners.fail_introspection(Fault::Status(500));
    for (what, token) in [
        ("200: an opaque token, about which its issuer is asked", token(&staff).opaque()),
        ("200: a JWT, which is validated here", token(&staff).sign()),
        ("401: an opaque token that was revoked", revoked),
        ("401: junk, which is no token of anybody's", "junk".to_owned()),
        ("503: an opaque token of the partners, whose introspection endpoint is down", unknown),
        ("200: a JWT of the partners, about which nobody is asked", token(&partners).sign()),
    ] {
        println!("# {what}\ncurl -i {url}/whoami -H 'Authorization: Bearer {token}'\n");
    }
    println!("# 200: what an operator looks at\ncurl -i {url}/introspection\n");
    println!("# Tokens are good for five minutes. Stop with Ctrl-C.");

    axum::serve(listener, app).await?;
    Ok(())
}

/// Who this API is to its issuers. In a real service the secret is in a file: `Secret::file("/run/secrets/api")`.
fn credentials() -> ClientAuthentication {
    ClientAuthentication::basic("api", Secret::new("secret"))
}

async fn whoami(token: ValidatedToken) -> String {
    token.identity().map_or_else(String::new, |who| format!("{} of {}\n", who.subject, who.issuer))
}

async fn status(State(issuers): State<Issuers>) -> String {
    let mut page = String::new();
    for issuer in issuers.status() {
        let Some(status) = issuer.introspection else { continue };
        let counters = status.counters;
        let _ = writeln!(
            page,
            "{}: {} active, {} refused, {} failed, {} from memory",
            issuer.issuer, counters.active, counters.refused, counters.failed, counters.from_memory
        );
        if let Some(failure) = status.last_failure {
            let _ = writeln!(page, "  {} {:?} ago: {}", failure.code, failure.ago, failure.message);
        }
    }
    page
}
