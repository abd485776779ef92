use std::future;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::net::TcpListener;

use super::documents::{Documents, INTROSPECTION};
use super::fault::Fault;
use super::introspection;
use super::introspection_request::IntrospectionRequest;
use super::reply;

/// The largest body of a request, in bytes: many times the largest token.
const MAX_BODY: usize = 1024 * 1024;

pub(super) async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port")
}

/// Serves an issuer until the runtime ends.
pub(super) fn serve(listener: TcpListener, documents: Arc<Documents>) {
    let app = Router::new().fallback(async move |request: Request<Body>| {
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, MAX_BODY).await else {
            return reply::status(StatusCode::PAYLOAD_TOO_LARGE).map(Body::from);
        };
        match answer(&documents, &Request::from_parts(head, body)).await {
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

/// The answer to a request, whose path begins below the issuer's, by the fault of the moment.
pub(super) async fn answer(
    documents: &Documents,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, BrokenOff> {
    let json = |document: String| reply::ok("application/json", document);
    match request.uri().path() {
        "/.well-known/openid-configuration" => {
            documents.count_discovery();
            meet(documents.faults.now(), || json(documents.metadata().to_string())).await
        }
        "/jwks" => {
            documents.count_jwks();
            meet(documents.faults.now(), || json(documents.jwks().to_string())).await
        }
        INTROSPECTION => {
            let request = IntrospectionRequest::read(request);
            documents.introspection.note(&request);
            meet(documents.introspection.faults.now(), || introspection::answer(documents, &request)).await
        }
        _ => Ok(reply::status(StatusCode::NOT_FOUND)),
    }
}

/// What a fault makes of the right answer.
async fn meet(
    fault: Option<Fault>,
    right: impl FnOnce() -> Response<Bytes>,
) -> Result<Response<Bytes>, BrokenOff> {
    let known = |code| StatusCode::from_u16(code).expect("a status has three digits");
    Ok(match fault {
        None => right(),
        Some(Fault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            right()
        }
        Some(Fault::Body(body)) => reply::ok("application/json", body),
        Some(Fault::Status(code)) => reply::status(known(code)),
        Some(Fault::Answer { status, headers, body }) => {
            let mut response = Response::new(Bytes::from(body));
            (*response.status_mut(), *response.headers_mut()) = (known(status), headers);
            response
        }
        Some(Fault::Hang) => future::pending().await,
        Some(Fault::BreakOff) => return Err(BrokenOff),
    })
}
