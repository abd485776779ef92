use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;

use super::issuer::Issuer;

pub(super) async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port")
}

/// Serves an issuer's documents until the runtime ends.
pub(super) fn serve(listener: TcpListener, issuer: Issuer) {
    let app = axum::Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/jwks", get(jwks))
        .with_state(issuer);
    tokio::spawn(async move { axum::serve(listener, app).await });
}

async fn metadata(State(issuer): State<Issuer>) -> impl IntoResponse {
    issuer.count_discovery();
    json(&issuer.metadata_json())
}

async fn jwks(State(issuer): State<Issuer>) -> impl IntoResponse {
    issuer.count_jwks();
    json(&issuer.jwks_json())
}

fn json(document: &Value) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, "application/json")], document.to_string())
}
