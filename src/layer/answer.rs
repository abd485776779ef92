use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Response, Version, header};

use super::challenges::Challenges;
use super::grpc;
use super::rejection::{Reason, Rejection};
use super::respond::Respond;
use crate::policy::Denial;

/// Who reads the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dialect {
    Http,
    Grpc,
}

impl Dialect {
    /// Which one the client of such a request reads.
    pub(super) fn of(method: &Method, version: Version, headers: &HeaderMap) -> Self {
        if grpc::is_grpc(method, version, headers) { Self::Grpc } else { Self::Http }
    }
}

/// A request that was refused, and how its client wants to hear of it.
pub(super) struct Refusal {
    pub(super) rejection: Rejection,
    pub(super) dialect: Dialect,
}

/// The answer to a refused request: status, challenge, a body in the style of the server, and the typed reason in
/// the extensions.
pub(super) fn answer<B>(refusal: Refusal, challenges: &Challenges, body: &impl Respond<B>) -> Response<B> {
    let Refusal { rejection, dialect } = refusal;
    report(&rejection);
    let mut head = head(&rejection, challenges);
    if dialect == Dialect::Grpc {
        grpc::trailers_only(&mut head, rejection.said().detail);
    }
    let mut response = body.respond(&rejection, head);
    // Again, in case a closure made a response of its own: outer layers rely on it.
    response.extensions_mut().insert(rejection);
    response
}

fn head(rejection: &Rejection, challenges: &Challenges) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = rejection.status();
    let headers = response.headers_mut();
    // One field line per challenge, as many clients cannot take a combined list apart (RFC 9110 §11.6.1). There is
    // one scheme, and so one challenge.
    if let Some(challenge) = challenges.of(rejection) {
        headers.append(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(retry_after) = rejection.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(retry_after)));
    }
    // RFC 9111 §3.5 does not stop caches from storing an error response.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whole seconds, rounded up, and never "at once".
fn seconds(duration: Duration) -> u64 {
    let part = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(part).max(1)
}

/// One event per refusal, with a stable code and nothing from the token.
fn report(rejection: &Rejection) {
    let (status, code) = (rejection.status().as_u16(), rejection.code());
    match rejection.reason() {
        Reason::Unavailable(_) | Reason::Unanswered(_) => {
            let source = std::error::Error::source(rejection);
            tracing::warn!(target: "portcullis", status, code, reason = %rejection, source, "request refused");
        }
        Reason::NoLayer => {
            tracing::error!(target: "portcullis", status, code, reason = %rejection, "request refused");
        }
        // Every client without a token meets this once; it is not news. Why no rule let it in may be.
        Reason::Missing(denial) => {
            let rule = denial.as_ref().and_then(Denial::rule);
            let reason = denial.as_ref().map(tracing::field::display);
            tracing::debug!(target: "portcullis", status, code, rule, reason, "request refused");
        }
        Reason::Denied(denial) => {
            let rule = denial.rule();
            tracing::info!(target: "portcullis", status, code, rule, reason = %rejection, "request refused");
        }
        _ => tracing::info!(target: "portcullis", status, code, reason = %rejection, "request refused"),
    }
}
