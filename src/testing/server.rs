use std::future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use tokio::net::TcpListener;

use super::documents::Documents;
use super::fault::Fault;

pub(super) async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port")
}

/// Serves an issuer's documents until the runtime ends.
pub(super) fn serve(listener: TcpListener, documents: Arc<Documents>) {
    let app = Router::new().fallback(async move |request: Request<Body>| {
        match answer(&documents, request.uri().path()).await {
            Ok(response) => response.map(Body::from),
            Err(broken) => {
                let parts = [Ok(Bytes::from_static(b"{")), Err(broken)];
                Response::new(Body::from_stream(futures_util::stream::iter(parts)))
            }
        }
    });
    run(listener, app);
}

/// Serves `app` until the runtime ends.
pub(super) fn run(listener: TcpListener, app: Router) {
    tokio::spawn(async move { axum::serve(listener, app).await });
}

/// An answer that breaks off.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the issuer broke off, as it was told to")]
pub(super) struct BrokenOff;

/// The answer to a GET of `path`, by the fault of the moment.
pub(super) async fn answer(documents: &Documents, path: &str) -> Result<Response<Bytes>, BrokenOff> {
    let document = match path {
        "/.well-known/openid-configuration" => {
            documents.count_discovery();
            Documents::metadata
        }
        "/jwks" => {
            documents.count_jwks();
            Documents::jwks
        }
        _ => return Ok(status(StatusCode::NOT_FOUND)),
    };
    let body = match documents.faults.now() {
        None => document(documents).to_string(),
        Some(Fault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            document(documents).to_string()
        }
        Some(Fault::Body(body)) => body,
        Some(Fault::Status(code)) => {
            return Ok(status(StatusCode::from_u16(code).expect("a status has three digits")));
        }
        Some(Fault::Hang) => future::pending().await,
        Some(Fault::BreakOff) => return Err(BrokenOff),
    };
    let mut response = Response::new(Bytes::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
