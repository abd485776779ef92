use bytes::Bytes;
use http::{Response, StatusCode};

use super::place::MetadataPlace;
use crate::fetch::{
    Endpoint, FetchError, FetchLimits, HttpClient, LoopbackHttp, get_json, is_of_media_type, without_secrets,
};
use crate::json::{Document, Object, Value};

/// How much of a foreign issuer is shown, in characters.
const MOST_SHOWN: usize = 100;

/// Why an issuer's metadata did not lead to an endpoint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    #[error("the metadata could not be fetched")]
    Fetch(#[source] FetchError),
    #[error("the metadata has no place that could be asked")]
    Nowhere(Wanted),
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
    #[error("the metadata has no `{}` with an https URL", .0.name())]
    NoEndpoint(Wanted),
}

impl DiscoveryError {
    /// A stable name, for events and statuses.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Fetch(source) => source.code(),
            Self::Malformed => "malformed_metadata",
            Self::NoIssuer | Self::OtherIssuer { .. } | Self::SlashMissing | Self::SlashAdded => {
                "issuer_mismatch"
            }
            Self::Nowhere(Wanted::JwksUri) | Self::NoEndpoint(Wanted::JwksUri) => "no_jwks_uri",
            Self::Nowhere(_) | Self::NoEndpoint(_) => "no_introspection_endpoint",
        }
    }
}

/// What is looked for in metadata.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    JwksUri,
    IntrospectionEndpoint,
    /// The same for clients that authenticate by a certificate (RFC 8705 §5).
    IntrospectionEndpointForCertificates,
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Self::JwksUri => "jwks_uri",
            Self::IntrospectionEndpoint | Self::IntrospectionEndpointForCertificates => {
                "introspection_endpoint"
            }
        }
    }

    fn find(self, metadata: Object<'_>) -> Option<Value<'_>> {
        let for_certificates = || metadata.get("mtls_endpoint_aliases")?.as_object()?.get(self.name());
        let alias = (self == Self::IntrospectionEndpointForCertificates).then(for_certificates).flatten();
        alias.or_else(|| metadata.get(self.name()))
    }
}

/// Finds an endpoint in the first document that is there. `limits` says what is left for the next exchange.
pub(crate) async fn discover(
    client: &dyn HttpClient,
    place: &MetadataPlace,
    wanted: Wanted,
    loopback_http: LoopbackHttp,
    limits: impl Fn() -> FetchLimits,
) -> Result<Endpoint, DiscoveryError> {
    let mut failure = DiscoveryError::Nowhere(wanted);
    for candidate in &place.candidates {
        match get_json(client, candidate, limits()).await {
            // A document that is there and wrong ends discovery: going on to the next source would hide it.
            Ok(response) => return endpoint(&response, &place.issuer_in_document, wanted, loopback_http),
            // "Not here", in whatever words, leads to the next place.
            Err(FetchError::Status(status)) if is_refusal(status) => {
                failure = DiscoveryError::Fetch(FetchError::Status(status));
            }
            Err(error) => return Err(DiscoveryError::Fetch(error)),
        }
    }
    Err(failure)
}

fn endpoint(
    response: &Response<Bytes>,
    issuer: &str,
    wanted: Wanted,
    loopback_http: LoopbackHttp,
) -> Result<Endpoint, DiscoveryError> {
    if !is_of_media_type(response.headers(), "application/json") {
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
    let named = wanted.find(members).and_then(Value::as_str);
    named.and_then(|text| Endpoint::parse(text, loopback_http)).ok_or(DiscoveryError::NoEndpoint(wanted))
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http::{Request, header};

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
        let discovering =
            discover(&client, &place, Wanted::JwksUri, LoopbackHttp::Refused, FetchLimits::default);
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
        let discovering =
            discover(&client, &place, Wanted::JwksUri, LoopbackHttp::Refused, FetchLimits::default);
        assert!(matches!(discovering.now_or_never().unwrap(), Err(DiscoveryError::Nowhere(_))));
    }
}
