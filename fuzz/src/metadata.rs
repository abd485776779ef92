//! What an issuer answers: its metadata, its JWK Set, and how long that may be kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use portcullis::{BoxFuture, FetchError, FetchLimits, HttpClient, authenticated};

use super::json::Json;
use super::jwk_set::has_signer;
use super::known::{EDDSA_TOKEN, ISSUER, issuer, server};
use super::service::send;

const OPENID: &str = "https://id.example.com/.well-known/openid-configuration";
const OAUTH: &str = "https://id.example.com/.well-known/oauth-authorization-server";

/// Five parts, a line each but for the last: status and type of the metadata, the metadata, `Cache-Control` and `Age` of
/// the keys, the keys.
pub fn run(data: &[u8]) {
    let mut parts = data.splitn(5, |byte| *byte == b'\n').chain([&b""[..]].into_iter().cycle());
    let mut part = || parts.next().unwrap_or_default();
    let (head, metadata, cache_control, age, keys) = (part(), part(), part(), part(), part());
    let (status, media_type) = head.split_at(head.len().min(3));
    let status = StatusCode::from_bytes(status).unwrap_or(StatusCode::OK);
    let mut fields = HeaderMap::new();
    for (name, value) in [(header::CACHE_CONTROL, cache_control), (header::AGE, age)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            fields.append(name, value);
        }
    }
    let media_type = HeaderValue::from_bytes(media_type.trim_ascii()).ok();
    let client = Issuer(Arc::new(Documents {
        status,
        media_type,
        metadata: Bytes::copy_from_slice(metadata),
        fields,
        keys: Bytes::copy_from_slice(keys),
        requests: Mutex::default(),
    }));

    let (server, clock) = server(issuer());
    let layer =
        server.with_http_client(client.clone()).build().unwrap().problem_json().require(authenticated());
    let judge = || {
        let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {EDDSA_TOKEN}"));
        send(&layer, request.body(()).unwrap())
    };
    let answer = judge();
    let asked = client.requests();
    client.0.check(&asked);
    let naive = |octets: &[u8]| Some(std::str::from_utf8(octets).ok()?.to_owned());
    // A set with what `serde_json` alone cannot take inside one of its keys is only tried.
    let set: Option<Json> = naive(keys).and_then(|text| serde_json::from_str(&text).ok());
    match answer.code() {
        "admitted" => {
            assert!(set.is_none_or(|set| has_signer(&set)), "the signer's key is in the set");
            assert!(asked.len() > 1 && client.0.leads_to_keys());
        }
        // The keys came, and the right one is not among them.
        "unknown_key" | "bad_signature" => assert!(asked.len() > 1),
        code => assert_eq!(code, "unavailable"),
    }
    // Asking again at once asks nobody.
    assert_eq!(judge().code(), answer.code());
    assert_eq!(client.requests().len(), asked.len());
    if answer.is_admitted() {
        let trusted = client.0.lifetime() + Duration::from_secs(3600);
        clock.advance(trusted - Duration::from_nanos(1));
        assert!(judge().is_admitted());
        assert_eq!(client.requests().len(), asked.len(), "trusted for {trusted:?}");
        clock.advance(Duration::from_nanos(1));
        assert!(judge().is_admitted());
        assert!(client.requests().len() > asked.len(), "not trusted after {trusted:?}");
    }
}

#[derive(Clone, Debug)]
struct Issuer(Arc<Documents>);

#[derive(Debug)]
struct Documents {
    status: StatusCode,
    media_type: Option<HeaderValue>,
    metadata: Bytes,
    fields: HeaderMap,
    keys: Bytes,
    requests: Mutex<Vec<String>>,
}

impl HttpClient for Issuer {
    fn send(
        &self,
        request: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let url = request.uri().to_string();
        let documents = &self.0;
        let mut response = Response::new(Bytes::new());
        let is_metadata = [OPENID, OAUTH].contains(&url.as_str());
        *response.body_mut() = if is_metadata { &documents.metadata } else { &documents.keys }.clone();
        if !is_metadata {
            response.headers_mut().clone_from(&documents.fields);
        } else if let Some(media_type) = &documents.media_type {
            response.headers_mut().insert(header::CONTENT_TYPE, media_type.clone());
        }
        // The second place has what the first has not.
        if url == OPENID {
            *response.status_mut() = documents.status;
        }
        documents.requests.lock().unwrap_or_else(PoisonError::into_inner).push(url);
        Box::pin(std::future::ready(Ok(response)))
    }
}

impl Issuer {
    fn requests(&self) -> Vec<String> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Documents {
    /// Nobody is asked but the well-known places and the one that the metadata names.
    fn check(&self, asked: &[String]) {
        let fallback = self.status.is_client_error() && ![408, 429].contains(&self.status.as_u16());
        let expected: &[&str] = if fallback { &[OPENID, OAUTH] } else { &[OPENID] };
        let (places, rest) = asked.split_at(asked.len().min(expected.len()));
        assert_eq!(places, expected);
        match rest {
            [] => {}
            [keys] => {
                assert!(self.leads_to_keys());
                let named = self.named().unwrap_or_default();
                assert!(same_url(keys, &named), "{keys} / {named}");
                assert!(is_plain(&named), "{named}");
            }
            more => panic!("too many requests: {more:?}"),
        }
    }

    /// Whether the metadata may be used at all.
    fn leads_to_keys(&self) -> bool {
        let media_type = self.media_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("");
        let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let metadata = std::str::from_utf8(&self.metadata).ok().and_then(Json::strict);
        let issuer = metadata.as_ref().and_then(|metadata| metadata.get("issuer")?.text());
        essence == "application/json" && issuer == Some(ISSUER) && self.named().is_some()
    }

    /// `jwks_uri`.
    fn named(&self) -> Option<String> {
        let metadata = Json::strict(std::str::from_utf8(&self.metadata).ok()?)?;
        metadata.get("jwks_uri")?.text().map(str::to_owned)
    }

    /// How long the keys are fresh: a minute to an hour, as `Cache-Control` says, ten minutes if it says nothing.
    fn lifetime(&self) -> Duration {
        let text =
            |name| self.fields.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or("");
        let number = |text: &str| {
            let digits = text.trim().trim_matches('"');
            let plain = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit());
            // Saturating, digit by digit.
            let add = |sum: u64, digit: char| {
                sum.saturating_mul(10).saturating_add(digit.to_digit(10).unwrap().into())
            };
            plain.then(|| digits.chars().fold(0, add))
        };
        let directives = text(header::CACHE_CONTROL).to_ascii_lowercase();
        let directives: Vec<_> =
            directives.split(',').map(|one| one.split_once('=').unwrap_or((one, ""))).collect();
        if directives.iter().any(|(name, _)| ["no-store", "no-cache"].contains(&name.trim())) {
            return Duration::from_secs(60);
        }
        let max_age = directives.iter().rev().filter(|(name, _)| name.trim() == "max-age");
        let max_age = max_age.filter_map(|(_, value)| number(value)).next();
        let fresh =
            max_age.map_or(600, |max_age| max_age.saturating_sub(number(text(header::AGE)).unwrap_or(0)));
        Duration::from_secs(fresh.clamp(60, 3600))
    }
}

/// An https URL without user information or fragment, which every parser reads alike.
pub(super) fn is_plain(url: &str) -> bool {
    let Some(rest) = url.get(..8).filter(|start| start.eq_ignore_ascii_case("https://")).map(|_| &url[8..])
    else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or("");
    !authority.is_empty()
        && !authority.contains('@')
        && !url.contains(|letter: char| {
            letter == '#' || letter == '\\' || letter == ' ' || letter.is_ascii_control()
        })
}

/// Whether a URL was read from this text: `http` writes a scheme in lower case and an empty path as a slash.
pub(super) fn same_url(url: &str, text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let path = rest.find(['/', '?']).unwrap_or(rest.len());
    let slash = if rest[path..].starts_with('/') { "" } else { "/" };
    url == format!("{}://{}{slash}{}", scheme.to_ascii_lowercase(), &rest[..path], &rest[path..])
}
