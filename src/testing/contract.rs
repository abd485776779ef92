use std::convert::Infallible;
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, Request, Response, StatusCode, header};

use super::server;
use crate::fetch::{FetchError, FetchLimits, HttpClient};

/// The largest body that the contract's requests take.
const MAX_BODY: usize = 10_000;
/// How long they may take, and what is clearly longer.
const TIMEOUT: Duration = Duration::from_millis(500);
const TOO_LONG: Duration = Duration::from_secs(3);

/// Asserts what [`HttpClient`] promises, against a server of this function's own on loopback (plain http). For clients
/// of your own; it takes about two seconds.
///
/// Status, header fields and body come through. Redirects are answers. The limit of the body holds while it streams,
/// with and without a `Content-Length`. The limit of time holds before the head and within the body. Failures are
/// errors and no panics.
///
/// Not checked: that certificates are validated.
///
/// # Panics
///
/// If the client breaks its contract, with the clause it broke.
pub async fn assert_http_client_contract(client: &dyn HttpClient) {
    let site = Site::start().await;
    let answer = site.get(client, "/exact").await.expect("an answer as large as the limit is an answer");
    assert_eq!(answer.status(), StatusCode::OK, "the status comes through");
    assert_eq!(answer.body().len(), MAX_BODY, "the whole body comes through");
    assert_eq!(answer.headers()["x-answer"], "yes", "header fields of the answer come through");
    let echoed = site.get(client, "/echo").await.expect("header fields of the request are sent");
    assert_eq!(&echoed.body()[..], b"application/json", "header fields of the request are sent");
    let missing = site.get(client, "/missing").await.expect("a status other than 200 is an answer");
    assert_eq!(missing.status(), StatusCode::NOT_FOUND, "a status other than 200 is an answer");

    let redirect = site.get(client, "/redirect").await.expect("a redirect is an answer");
    assert_eq!(redirect.status(), StatusCode::FOUND, "a redirect is an answer");
    assert_eq!(site.redirected.load(Ordering::SeqCst), 0, "a redirect is not followed");

    for (path, clause) in [
        ("/large", "an answer that announces too large a body is refused"),
        ("/endless", "an endless body is refused at the limit"),
    ] {
        assert!(matches!(site.get(client, path).await, Err(FetchError::TooLarge)), "{clause}");
    }
    for (path, clause) in [
        ("/no-head", "the limit of time holds before the answer begins"),
        ("/no-end", "the limit of time holds within the body"),
    ] {
        assert!(matches!(site.get(client, path).await, Err(FetchError::TimedOut)), "{clause}");
    }
    assert!(
        matches!(site.get(client, "/broken").await, Err(FetchError::Failed(_))),
        "a body that breaks off is an error"
    );
    let nobody = Site { address: unused_address().await, redirected: Arc::default() };
    assert!(
        matches!(nobody.get(client, "/").await, Err(FetchError::Failed(_))),
        "a connection that is refused is an error"
    );
}

struct Site {
    address: String,
    redirected: Arc<AtomicUsize>,
}

impl Site {
    async fn start() -> Self {
        let redirected = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&redirected);
        let app = Router::new()
            .route("/exact", get(async || ([("x-answer", "yes")], vec![b' '; MAX_BODY])))
            .route(
                "/echo",
                get(async |headers: HeaderMap| {
                    headers
                        .get(header::ACCEPT)
                        .cloned()
                        .map(|value| value.as_bytes().to_vec())
                        .unwrap_or_default()
                }),
            )
            .route("/redirect", get(async || (StatusCode::FOUND, [(header::LOCATION, "/target")])))
            .route("/target", get(async move || counted.fetch_add(1, Ordering::SeqCst).to_string()))
            .route("/large", get(async || vec![b' '; MAX_BODY + 1]))
            .route("/endless", get(async || Body::from_stream(stream::repeat_with(chunk))))
            .route("/no-head", get(async || future::pending::<()>().await))
            .route(
                "/no-end",
                get(async || Body::from_stream(stream::iter([chunk()]).chain(stream::pending()))),
            )
            .route(
                "/broken",
                get(async || {
                    Body::from_stream(stream::iter([Ok(Bytes::from_static(b"{")), Err(server::BrokenOff)]))
                }),
            );
        let listener = server::bind().await;
        let address = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        server::run(listener, app);
        Self { address, redirected }
    }

    async fn get(&self, client: &dyn HttpClient, path: &str) -> Result<Response<Bytes>, FetchError> {
        let request =
            Request::get(format!("{}{path}", self.address)).header(header::ACCEPT, "application/json");
        let request = request.body(Bytes::new()).expect("a path makes a request");
        let limits = FetchLimits { max_body: MAX_BODY, timeout: TIMEOUT };
        let answer = tokio::time::timeout(TOO_LONG, client.send(request, limits)).await;
        answer.expect("an exchange ends when its limit of time is over")
    }
}

fn chunk() -> Result<Bytes, Infallible> {
    Ok(Bytes::from_static(&[b' '; 1000]))
}

/// Where nobody listens.
async fn unused_address() -> String {
    let listener = server::bind().await;
    format!("http://{}", listener.local_addr().expect("a listener has an address"))
}
