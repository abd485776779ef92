use bytes::Bytes;
use http::{Response, StatusCode, header};

use super::place::MetadataPlace;
use crate::fetch::{Endpoint, FetchError, FetchLimits, HttpClient, LoopbackHttp, get_json, without_secrets};
use crate::json::{Document, Value};

/// How much of a foreign issuer is shown, in characters.
const MOST_SHOWN: usize = 100;

/// Why an issuer's metadata gave no place to find its keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    #[error("the metadata could not be fetched")]
    Fetch(#[source] FetchError),
    #[error("the metadata has no place that could be asked")]
    Nowhere,
    #[error("the metadata is not a JSON object of type application/json")]
    Malformed,
    #[error("the metadata does not say whose it is: no `issuer`")]
    NoIssuer,
    #[error("the metadata is of another issuer: {named}")]
    OtherIssuer { named: String },
    #[error(
        "the metadata names the issuer with a slash at the end, and the expected one is without: they must be equal"
    )]
    SlashMissing,
    #[error(
        "the metadata names the issuer without a slash at the end, and the expected one is with it: they must be equal"
    )]
    SlashAdded,
    #[error("the metadata has no `jwks_uri` with an https URL")]
    NoJwksUri,
}

/// Finds `jwks_uri` in the first document that is there. `limits` says what is left for the next exchange.
pub(crate) async fn discover(
    client: &dyn HttpClient,
    place: &MetadataPlace,
    loopback_http: LoopbackHttp,
    limits: impl Fn() -> FetchLimits,
) -> Result<Endpoint, DiscoveryError> {
    let mut failure = DiscoveryError::Nowhere;
    for candidate in &place.candidates {
        match get_json(client, candidate, limits()).await {
            // A document that is there and wrong ends discovery: going on to the next source would hide it.
            Ok(response) => return jwks_uri(&response, &place.issuer_in_document, loopback_http),
            // "Not here", in whatever words, leads to the next place.
            Err(FetchError::Status(status)) if is_refusal(status) => {
                failure = DiscoveryError::Fetch(FetchError::Status(status));
            }
            Err(error) => return Err(DiscoveryError::Fetch(error)),
        }
    }
    Err(failure)
}

fn jwks_uri(
    response: &Response<Bytes>,
    issuer: &str,
    loopback_http: LoopbackHttp,
) -> Result<Endpoint, DiscoveryError> {
    if !is_json(response) {
        return Err(DiscoveryError::Malformed);
    }
    let text = std::str::from_utf8(response.body()).map_err(|_| DiscoveryError::Malformed)?;
    let document = Document::parse(text).map_err(|_| DiscoveryError::Malformed)?;
    let members = document.root().as_object().ok_or(DiscoveryError::Malformed)?;
    // RFC 8414 §3.3, OpenID Connect Discovery §4.3: identical, or nothing of the document is used.
    let named = members.get("issuer").and_then(Value::as_str).ok_or(DiscoveryError::NoIssuer)?;
    if named != issuer {
        return Err(mismatch(named, issuer));
    }
    members
        .get("jwks_uri")
        .and_then(Value::as_str)
        .and_then(|text| Endpoint::parse(text, loopback_http))
        .ok_or(DiscoveryError::NoJwksUri)
}

/// What the operator reads. The text comes from somebody who is not the issuer: a bounded part of it, escaped.
fn mismatch(named: &str, issuer: &str) -> DiscoveryError {
    if named.strip_suffix('/') == Some(issuer) {
        return DiscoveryError::SlashMissing;
    }
    if issuer.strip_suffix('/') == Some(named) {
        return DiscoveryError::SlashAdded;
    }
    let start: String = without_secrets(named).chars().take(MOST_SHOWN).collect();
    DiscoveryError::OtherIssuer { named: format!("{start:?}") }
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http::Request;

    use super::*;
    use crate::boxed::BoxFuture;

    const PLACE: &str = "https://login.example.com/common/v2.0/.well-known/openid-configuration?appid=1";
    const KEYS: &str = "https://login.example.com/common/keys";

    /// Answers requests for one place with one document.
    #[derive(Debug)]
    struct One(&'static str, String);

    impl HttpClient for One {
        fn send(
            &self,
            request: Request<Bytes>,
            _: FetchLimits,
        ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
            assert_eq!(request.uri(), self.0, "nobody else is asked");
            let mut response = Response::new(Bytes::from(self.1.clone()));
            let json = http::HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            Box::pin(std::future::ready(Ok(response)))
        }
    }

    fn found(expected: &str, named: &str) -> Result<Endpoint, DiscoveryError> {
        let client = One(PLACE, format!(r#"{{"issuer":"{named}","jwks_uri":"{KEYS}"}}"#));
        let candidates = vec![Endpoint::parse(PLACE, LoopbackHttp::Refused).unwrap()];
        let place = MetadataPlace { issuer_in_document: expected.into(), candidates };
        let discovering = discover(&client, &place, LoopbackHttp::Refused, FetchLimits::default);
        discovering.now_or_never().unwrap()
    }

    #[test]
    fn a_document_at_a_given_place_must_name_the_given_issuer() {
        // covers: DSC-004
        let template = "https://login.example.com/{tenantid}/v2.0";
        assert_eq!(found(template, template).unwrap().uri(), KEYS);
        // A template stands for itself and for none of its tenants, on either side.
        let tenant = "https://login.example.com/9f1c/v2.0";
        for (expected, named) in [(template, tenant), (tenant, template), (tenant, "https://evil.example")] {
            let error = found(expected, named).unwrap_err();
            assert!(matches!(error, DiscoveryError::OtherIssuer { .. }), "{expected} {named}: {error}");
        }
        assert!(matches!(found(tenant, &format!("{tenant}/")), Err(DiscoveryError::SlashMissing)));
    }

    #[test]
    fn without_a_place_nothing_is_found() {
        let client = One(PLACE, String::new());
        // As with an issuer that is a URL, and too long for one with something behind it.
        let place = MetadataPlace { issuer_in_document: "https://x".into(), candidates: Vec::new() };
        let discovering = discover(&client, &place, LoopbackHttp::Refused, FetchLimits::default);
        assert!(matches!(discovering.now_or_never().unwrap(), Err(DiscoveryError::Nowhere)));
    }
}
