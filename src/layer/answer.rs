use std::time::Duration;

use http::{HeaderValue, Response, header};

use super::rejection::{Reason, Rejection};
use crate::bearer::{Challenge, Realm};

/// The answer to a refused request: status, challenge, an empty body, and the typed reason in the extensions.
pub(super) fn answer<B: Default>(rejection: Rejection, realm: &Realm) -> Response<B> {
    report(&rejection);
    let mut response = Response::new(B::default());
    *response.status_mut() = rejection.status();
    let headers = response.headers_mut();
    if let Some(challenge) = challenge(rejection.reason(), realm) {
        headers.insert(header::WWW_AUTHENTICATE, challenge.into_header_value());
    }
    if let Reason::Unavailable(unavailable) = rejection.reason() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(unavailable.retry_after())));
    }
    // RFC 9111 §3.5 does not stop caches from storing an error response.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(rejection);
    response
}

/// Descriptions are constants: they tell the client what to do next, and an operator looks at the log.
fn challenge(reason: &Reason, realm: &Realm) -> Option<Challenge> {
    let challenge = Challenge::bearer(realm);
    match reason {
        // RFC 6750 §3.1: no error code where no authentication was attempted.
        Reason::Missing => Some(challenge),
        Reason::Credential(_) => {
            Some(challenge.error("invalid_request", "The request is malformed: send one bearer token, once"))
        }
        Reason::Invalid(_) => {
            Some(challenge.error("invalid_token", "The access token is expired, malformed or not valid here"))
        }
        Reason::Denied(_) | Reason::ClaimsMismatch(_) => {
            // Where more scope would not cure it, none is named.
            let needed = if let Reason::Denied(denial) = reason { denial.scope_names() } else { &[] };
            let description = "The access token does not grant what this request needs";
            Some(challenge.error("insufficient_scope", description).scope(needed))
        }
        // Nothing is wrong with the client's credential.
        Reason::Unavailable(_) | Reason::NoLayer => None,
    }
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
        Reason::Unavailable(_) => {
            let source = std::error::Error::source(rejection);
            tracing::warn!(target: "portcullis", status, code, reason = %rejection, source, "request refused");
        }
        Reason::NoLayer => {
            tracing::error!(target: "portcullis", status, code, reason = %rejection, "request refused");
        }
        // Every client without a token meets this once; it is not news.
        Reason::Missing => tracing::debug!(target: "portcullis", status, code, "request refused"),
        _ => tracing::info!(target: "portcullis", status, code, reason = %rejection, "request refused"),
    }
}
