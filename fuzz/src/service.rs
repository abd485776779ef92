//! An API behind the layer, and what holds for every answer of it.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use portcullis::testing::Challenge;
use portcullis::{ProblemJson, Rejection, RequireLayer, ValidatedToken};
use tower::{ServiceExt as _, service_fn};

/// Every code that a refusal can have.
const CODES: [(u16, &[&str]); 4] = [
    (400, &["malformed_credential", "repeated_credential", "several_methods", "oversized_credential"]),
    (
        401,
        &[
            "missing_credential",
            "algorithm_not_allowed",
            "bad_signature",
            "binding_not_verified",
            "encrypted",
            "expired",
            "inactive",
            "issued_in_the_future",
            "lives_too_long",
            "missing_claim",
            "malformed_token",
            "not_yet_valid",
            "refused",
            "refused_header",
            "unknown_key",
            "wrong_type",
            "wrong_audience",
            "wrong_issuer",
        ],
    ),
    (403, &["cross_site", "denied", "claims_mismatch"]),
    (503, &["unavailable"]),
];

/// What came back for one request.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) rejection: Option<Rejection>,
    /// What the inner service was handed.
    pub(super) token: Option<ValidatedToken>,
}

/// Sends one request to a service behind the layer, and checks what holds for every answer.
pub(super) fn send(layer: &RequireLayer<ProblemJson>, request: Request<()>) -> Answer {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let inner = service_fn(move |request: Request<()>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(Bytes::new());
        if let Some(token) = ValidatedToken::of(request.extensions()) {
            response.extensions_mut().insert(token.clone());
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let Ok(response) = ready(layer.layer(inner).oneshot(request));
    let answer = Answer::of(response);
    let admitted = answer.rejection.is_none();
    assert_eq!(calls.load(Ordering::SeqCst), usize::from(admitted), "the inner service runs if admitted");
    answer.check();
    answer
}

/// Drives a future that waits for nothing but itself.
pub(super) fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("nothing is left to wait for, and there is no answer");
}

impl Answer {
    pub(super) fn of(mut response: Response<Bytes>) -> Self {
        let token = response.extensions_mut().remove();
        let (parts, body) = response.into_parts();
        let rejection = parts.extensions.get().cloned();
        Self { status: parts.status, headers: parts.headers, body, rejection, token }
    }

    /// The code of the refusal, if it is one.
    pub(super) fn code(&self) -> &'static str {
        self.rejection.as_ref().map_or("admitted", Rejection::code)
    }

    pub(super) fn is_admitted(&self) -> bool {
        self.rejection.is_none()
    }

    /// The one challenge of a refusal that has one.
    pub(super) fn challenge(&self) -> Option<Challenge> {
        let mut challenges = Challenge::all(&self.headers);
        assert!(challenges.len() <= 1, "one challenge per scheme");
        challenges.pop()
    }

    fn check(&self) {
        let Some(rejection) = &self.rejection else {
            assert_eq!(self.status, StatusCode::OK);
            assert!(self.token.is_some(), "an admitted request carries its token");
            assert!(self.challenge().is_none());
            return;
        };
        let (status, code) = (rejection.status(), rejection.code());
        assert!(
            CODES.iter().any(|(own, codes)| *own == status && codes.contains(&code)),
            "{status} for {code}"
        );
        self.check_refusal(status);
    }

    /// The parts of a refusal agree with each other: fields, challenge and body.
    pub(super) fn check_refusal(&self, status: StatusCode) {
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        let challenge = self.challenge();
        let unavailable = status == StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(
            challenge.is_none(),
            status.is_server_error(),
            "a challenge where the client can do something"
        );
        assert_eq!(self.headers.contains_key(header::RETRY_AFTER), unavailable);
        if let Some(value) = self.headers.get(header::RETRY_AFTER) {
            assert!(value.to_str().unwrap().parse::<u64>().unwrap() > 0);
        }
        let error = challenge.as_ref().and_then(Challenge::error);
        let description = challenge.as_ref().and_then(|challenge| challenge.parameter("error_description"));
        assert_eq!(error.is_some(), description.is_some());
        let expected = match self.rejection.as_ref().map_or("", Rejection::code) {
            "missing_credential" | "cross_site" => None,
            _ if status == 400 => Some("invalid_request"),
            _ if status == 401 => Some("invalid_token"),
            _ if status == 403 => Some("insufficient_scope"),
            _ => None,
        };
        assert_eq!(error, expected);
        if self.headers.contains_key("grpc-status") {
            assert_eq!((self.status, self.body.len()), (StatusCode::OK, 0));
            return;
        }
        assert_eq!(self.status, status);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(problem["title"].as_str(), status.canonical_reason());
        assert_eq!(problem["error"].as_str(), error);
        if description.is_some() {
            assert_eq!(problem["detail"].as_str(), description);
        }
        let scopes = challenge.as_ref().and_then(|challenge| challenge.parameter("scope"));
        assert_eq!(problem["scope"].as_str(), scopes);
    }
}
