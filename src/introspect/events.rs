//! What operators are told. The names are stable and listed in `docs/introspection.md`; each event has its issuer, and
//! none has anything of a token.

use crate::fetch::Endpoint;

/// Tokens cannot be introspected. `ours`: nothing but a change of the configuration, or of the server's account, will help.
pub(super) fn failed(issuer: &str, code: &str, error: &str, ours: bool) {
    if ours {
        tracing::error!(target: "portcullis::introspection", event = "introspection_failed", issuer, code, error, "tokens cannot be introspected: this server is not set up for it, or its credentials are not accepted");
    } else {
        tracing::warn!(target: "portcullis::introspection", event = "introspection_failed", issuer, code, error, "tokens cannot be introspected");
    }
}

pub(super) fn recovered(issuer: &str) {
    tracing::info!(target: "portcullis::introspection", event = "introspection_recovered", issuer, "tokens are introspected again");
}

pub(super) fn too_many_waiting(issuer: &str) {
    tracing::warn!(target: "portcullis::introspection", event = "too_many_waiting", issuer, "requests are answered with 503: too many wait for the introspection endpoint");
}

/// The metadata brought nothing new about an endpoint that is known. It is used for a day after it was last named.
pub(super) fn endpoint_not_refreshed(issuer: &str, endpoint: &Endpoint, code: &str, error: &str) {
    let endpoint = endpoint.shown();
    tracing::warn!(target: "portcullis::introspection", event = "endpoint_not_refreshed", issuer, endpoint, code, error, "the introspection endpoint was not found again, and is used as it was known");
}
