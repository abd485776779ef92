use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;

use super::documents::Documents;

pub(super) async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port")
}

/// Serves an issuer's documents until the runtime ends.
pub(super) fn serve(listener: TcpListener, documents: Arc<Documents>) {
    let app = axum::Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/jwks", get(jwks))
        .with_state(documents);
    tokio::spawn(async move { axum::serve(listener, app).await });
}

async fn metadata(State(documents): State<Arc<Documents>>) -> impl IntoResponse {
    documents.count_discovery();
    json(&documents.metadata())
}

async fn jwks(State(documents): State<Arc<Documents>>) -> impl IntoResponse {
    documents.count_jwks();
    json(&documents.jwks())
}

fn json(document: &Value) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, "application/json")], document.to_string())
}
