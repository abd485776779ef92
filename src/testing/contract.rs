use std::convert::Infallible;
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get, post};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, request};

use super::server;
use crate::fetch::{FetchError, FetchLimits, HttpClient};

/// The largest body that the contract's requests take.
const MAX_BODY: usize = 10_000;
/// A form, as `FORM` says it is.
const POSTED: &[u8] = b"token=a%2B%2F%3D%26+~&client_id=%C3%A4%00";
const FORM: &str = "application/x-www-form-urlencoded";
/// How long they may take, and what is clearly longer.
const TIMEOUT: Duration = Duration::from_millis(500);
const TOO_LONG: Duration = Duration::from_secs(3);

/// Asserts what [`HttpClient`] promises, against a server of this function's own on loopback (plain http). For clients
/// of your own; it takes about two seconds.
///
/// Status, header fields and body come through, and so does a form that is posted. Redirects are answers, and a body that
/// was redirected goes nowhere else. The limit of the body holds while it streams, with and without a `Content-Length`.
/// The limit of time holds before the head and within the body. Failures are errors and no panics.
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
    posts(&site, client).await;

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

/// What is posted has a token in it: it arrives as it is, and nowhere else.
async fn posts(site: &Site, client: &dyn HttpClient) {
    let posted = site.post(client, "/posted").await.expect("a form can be posted");
    assert_eq!(posted.status(), StatusCode::OK, "the method of the request is kept");
    assert_eq!(&posted.body()[..], POSTED, "the body of the request arrives unchanged");
    let content_type = posted.headers().get("x-content-type").map(HeaderValue::as_bytes);
    assert_eq!(content_type, Some(FORM.as_bytes()), "`Content-Type` of the request arrives unchanged");
    let redirect = site.post(client, "/redirect-post").await.expect("a redirect of a POST is an answer");
    assert_eq!(redirect.status(), StatusCode::TEMPORARY_REDIRECT, "a redirect of a POST is an answer");
    assert_eq!(site.redirected.load(Ordering::SeqCst), 0, "a redirect of a POST is not followed");
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
            .route("/target", any(async move || counted.fetch_add(1, Ordering::SeqCst).to_string()))
            .route("/posted", post(posted))
            .route(
                "/redirect-post",
                post(async || (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/target")])),
            )
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
        let request = self.request(Method::GET, path).header(header::ACCEPT, "application/json");
        send(client, request.body(Bytes::new()).expect("a path makes a request")).await
    }

    async fn post(&self, client: &dyn HttpClient, path: &str) -> Result<Response<Bytes>, FetchError> {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, FORM);
        send(client, request.body(Bytes::from_static(POSTED)).expect("a path makes a request")).await
    }

    fn request(&self, method: Method, path: &str) -> request::Builder {
        Request::builder().method(method).uri(format!("{}{path}", self.address))
    }
}

async fn send(client: &dyn HttpClient, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
    let limits = FetchLimits { max_body: MAX_BODY, timeout: TIMEOUT };
    let answer = tokio::time::timeout(TOO_LONG, client.send(request, limits)).await;
    answer.expect("an exchange ends when its limit of time is over")
}

/// Says what came.
async fn posted(headers: HeaderMap, body: Bytes) -> ([(&'static str, Vec<u8>); 1], Bytes) {
    let content_type = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_vec());
    ([("x-content-type", content_type.unwrap_or_default())], body)
}

fn chunk() -> Result<Bytes, Infallible> {
    Ok(Bytes::from_static(&[b' '; 1000]))
}

/// Where nobody listens.
async fn unused_address() -> String {
    let listener = server::bind().await;
    format!("http://{}", listener.local_addr().expect("a listener has an address"))
}
