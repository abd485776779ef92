use bytes::Bytes;
use http::{Response, StatusCode, header};

use super::well_known::Issuer;
use crate::fetch::{Endpoint, FetchError, FetchLimits, HttpClient, LoopbackHttp, get_json};
use crate::json::{Document, Value};

/// Why an issuer's metadata gave no place to find its keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    #[error("the metadata could not be fetched")]
    Fetch(#[source] FetchError),
    #[error("the metadata is not a JSON object of type application/json")]
    Malformed,
    #[error("the metadata names another issuer than the configured one")]
    IssuerMismatch,
    #[error("the metadata has no `jwks_uri` with an https URL")]
    NoJwksUri,
}

/// Finds `jwks_uri`: by OpenID Connect Discovery, and where the server does not have that document, by RFC 8414.
/// `limits` says what is left for the next exchange.
pub(crate) async fn discover(
    client: &dyn HttpClient,
    issuer: &Issuer,
    loopback_http: LoopbackHttp,
    limits: impl Fn() -> FetchLimits,
) -> Result<Endpoint, DiscoveryError> {
    let openid = issuer.openid_configuration(loopback_http).ok_or(DiscoveryError::Malformed)?;
    match get_json(client, &openid, limits()).await {
        Ok(response) => jwks_uri(&response, issuer, loopback_http),
        // "Not here", in whatever words, leads to the other place. A document that is there and wrong ends
        // discovery: going on to the next source would hide it.
        Err(FetchError::Status(status)) if is_refusal(status) => {
            let oauth = issuer.oauth_authorization_server(loopback_http).ok_or(DiscoveryError::Malformed)?;
            let response = get_json(client, &oauth, limits()).await.map_err(DiscoveryError::Fetch)?;
            jwks_uri(&response, issuer, loopback_http)
        }
        Err(error) => Err(DiscoveryError::Fetch(error)),
    }
}

fn jwks_uri(
    response: &Response<Bytes>,
    issuer: &Issuer,
    loopback_http: LoopbackHttp,
) -> Result<Endpoint, DiscoveryError> {
    if !is_json(response) {
        return Err(DiscoveryError::Malformed);
    }
    let text = std::str::from_utf8(response.body()).map_err(|_| DiscoveryError::Malformed)?;
    let document = Document::parse(text).map_err(|_| DiscoveryError::Malformed)?;
    let members = document.root().as_object().ok_or(DiscoveryError::Malformed)?;
    // RFC 8414 §3.3, OpenID Connect Discovery §4.3: identical, or nothing of the document is used.
    if members.get("issuer").and_then(Value::as_str) != Some(issuer.as_str()) {
        return Err(DiscoveryError::IssuerMismatch);
    }
    members
        .get("jwks_uri")
        .and_then(Value::as_str)
        .and_then(|text| Endpoint::parse(text, loopback_http))
        .ok_or(DiscoveryError::NoJwksUri)
}

/// A 4xx, unless it says "not now": asking the same server again at once would be the wrong answer to that.
fn is_refusal(status: StatusCode) -> bool {
    let not_now = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    status.is_client_error() && !not_now
}

fn is_json(response: &Response<Bytes>) -> bool {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
