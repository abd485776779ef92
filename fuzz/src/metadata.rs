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

/// Where the metadata is, if not at the usual places.
const GIVEN: &str = "https://inside.example.com/metadata";
/// Between what the issuer has at first and what it has later.
const LATER: u8 = 0x1E;
/// In front of everything: the metadata is at the given place.
const AT_GIVEN: u8 = 0x1F;

/// What the issuer has, in [five parts](Documents::read); and if there is more, behind a separator: the entity tag of the
/// first keys, on a line, and what the issuer has later.
pub fn run(data: &[u8]) {
    let (given, data) = match data.strip_prefix(&[AT_GIVEN]) {
        Some(data) => (true, data),
        None => (false, data),
    };
    let (first, later) = match data.iter().position(|byte| *byte == LATER) {
        Some(at) => (&data[..at], Some(&data[at + 1..])),
        None => (data, None),
    };
    let mut first = Documents::read(first, given);
    let later = later.map(|later| {
        let (tag, later) = later.split_at(later.iter().position(|byte| *byte == b'\n').unwrap_or(0));
        first.tag = HeaderValue::from_bytes(tag).ok().filter(|tag| !tag.is_empty());
        Documents::read(later.get(1..).unwrap_or_default(), given)
    });
    let first = Arc::new(first);
    let client = Issuer { documents: Arc::new(Mutex::new(Arc::clone(&first))), requests: Arc::default() };

    let trusted = if given { issuer().metadata_url(GIVEN) } else { issuer() };
    let (server, clock) = server(trusted);
    let layer =
        server.with_http_client(client.clone()).build().unwrap().problem_json().require(authenticated());
    let judge = || {
        let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {EDDSA_TOKEN}"));
        send(&layer, request.body(()).unwrap())
    };
    let answer = judge();
    let asked = client.asked();
    first.check(&asked);
    match answer.code() {
        "admitted" => {
            assert!(has_signer_or_is_unread(&first.keys), "the signer's key is in the set");
            assert!(asked.len() > 1 && first.leads_to_keys());
        }
        // The keys came, and the right one is not among them.
        "unknown_key" | "bad_signature" => assert!(asked.len() > 1),
        code => assert_eq!(code, "unavailable"),
    }
    // Asking again at once asks nobody.
    assert_eq!(judge().code(), answer.code());
    assert_eq!(client.asked().len(), asked.len());
    if !answer.is_admitted() {
        return;
    }
    let trusted = first.lifetime() + Duration::from_secs(3600);
    clock.advance(trusted - Duration::from_nanos(1));
    assert!(judge().is_admitted());
    assert_eq!(client.asked().len(), asked.len(), "trusted for {trusted:?}");
    clock.advance(Duration::from_nanos(1));
    let later = later.map_or_else(|| Arc::clone(&first), Arc::new);
    *client.documents.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&later);
    let answer = judge();
    later.check_later(&first, &client.asked()[asked.len()..], answer.code());
}

/// A set with what `serde_json` alone cannot take inside one of its keys is only tried.
fn has_signer_or_is_unread(keys: &[u8]) -> bool {
    let set: Option<Json> = std::str::from_utf8(keys).ok().and_then(|text| serde_json::from_str(text).ok());
    set.is_none_or(|set| has_signer(&set))
}

#[derive(Clone, Debug)]
struct Issuer {
    documents: Arc<Mutex<Arc<Documents>>>,
    requests: Arc<Mutex<Vec<Asked>>>,
}

#[derive(Clone, Debug)]
struct Asked {
    url: String,
    if_none_match: Option<HeaderValue>,
}

/// What the issuer has at a time.
#[derive(Debug)]
struct Documents {
    given: bool,
    status: StatusCode,
    media_type: Option<HeaderValue>,
    metadata: Bytes,
    fields: HeaderMap,
    tag: Option<HeaderValue>,
    keys: Bytes,
}

impl HttpClient for Issuer {
    fn send(
        &self,
        request: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let url = request.uri().to_string();
        let documents = Arc::clone(&self.documents.lock().unwrap_or_else(PoisonError::into_inner));
        let mut response = Response::new(Bytes::new());
        let is_metadata = [OPENID, OAUTH, GIVEN].contains(&url.as_str());
        *response.body_mut() = if is_metadata { &documents.metadata } else { &documents.keys }.clone();
        if !is_metadata {
            response.headers_mut().clone_from(&documents.fields);
            response.headers_mut().extend(documents.tag.clone().map(|tag| (header::ETAG, tag)));
            *response.status_mut() = documents.status_of_keys();
        } else if let Some(media_type) = &documents.media_type {
            response.headers_mut().insert(header::CONTENT_TYPE, media_type.clone());
        }
        // The second place has what the first has not.
        if [OPENID, GIVEN].contains(&url.as_str()) {
            *response.status_mut() = documents.status;
        }
        let if_none_match = request.headers().get(header::IF_NONE_MATCH).cloned();
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(Asked { url, if_none_match });
        Box::pin(std::future::ready(Ok(response)))
    }
}

impl Issuer {
    fn asked(&self) -> Vec<Asked> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Documents {
    /// Five parts, a line each but for the last: status and type of the metadata, the metadata, `Cache-Control` and `Age`
    /// of the keys, the keys.
    fn read(data: &[u8], given: bool) -> Self {
        let mut parts = data.splitn(5, |byte| *byte == b'\n').chain([&b""[..]].into_iter().cycle());
        let mut part = || parts.next().unwrap_or_default();
        let (head, metadata, cache_control, age, keys) = (part(), part(), part(), part(), part());
        let (status, media_type) = head.split_at(head.len().min(3));
        let fields = [(header::CACHE_CONTROL, cache_control), (header::AGE, age)];
        let value = |value| HeaderValue::from_bytes(value).ok();
        Self {
            given,
            status: StatusCode::from_bytes(status).unwrap_or(StatusCode::OK),
            media_type: value(media_type.trim_ascii()),
            metadata: Bytes::copy_from_slice(metadata),
            fields: fields.into_iter().filter_map(|(name, text)| Some((name, value(text)?))).collect(),
            tag: None,
            keys: Bytes::copy_from_slice(keys),
        }
    }

    /// 304 is what stands for "not modified", whoever asked.
    fn status_of_keys(&self) -> StatusCode {
        if self.keys == "304" { StatusCode::NOT_MODIFIED } else { StatusCode::OK }
    }

    /// The well-known places that are asked.
    fn places(&self) -> &'static [&'static str] {
        let fallback = self.status.is_client_error() && ![408, 429].contains(&self.status.as_u16());
        match (self.given, fallback) {
            (true, _) => &[GIVEN],
            (false, true) => &[OPENID, OAUTH],
            (false, false) => &[OPENID],
        }
    }

    /// Nobody is asked but the well-known places and the one that the metadata names.
    fn check(&self, asked: &[Asked]) {
        assert!(asked.iter().all(|asked| asked.if_none_match.is_none()), "there is nothing to compare with");
        let (places, rest) = asked.split_at(asked.len().min(self.places().len()));
        assert!(places.iter().map(|asked| asked.url.as_str()).eq(self.places().iter().copied()));
        match rest {
            [] => {}
            [keys] => {
                assert!(self.leads_to_keys());
                let named = self.named().unwrap_or_default();
                assert!(same_url(&keys.url, &named), "{} / {named}", keys.url);
                assert!(is_plain(&named), "{named}");
            }
            more => panic!("too many requests: {more:?}"),
        }
    }

    /// The metadata is looked up again, and what it says is done or not; then keys are asked for at one place, and where it
    /// is a new one that has none, at the old one.
    fn check_later(&self, first: &Self, asked: &[Asked], code: &str) {
        let (places, keys) = asked.split_at(asked.len().min(self.places().len()));
        assert!(places.iter().map(|asked| asked.url.as_str()).eq(self.places().iter().copied()));
        assert!(places.iter().all(|asked| asked.if_none_match.is_none()), "{places:?}");
        let (old, new) = (first.named().unwrap_or_default(), self.named().unwrap_or_default());
        let is_there = self.status == StatusCode::OK || self.places().len() > 1;
        let mut homes = vec![origin(&old), origin(ISSUER)];
        homes.extend(self.given.then(|| origin(GIVEN)));
        let trusted = homes.contains(&origin(&new));
        let followed = is_there && self.leads_to_keys() && is_plain(&new) && trusted;
        // A URL that is none (what `is_plain` takes and the crate does not) is as good as a document that is none.
        let at_new = |asked: &Asked| followed && same_url(&asked.url, &new);
        let at_old = |asked: &Asked| same_url(&asked.url, &old) || same_place(&asked.url, &old);
        assert!(keys.iter().all(|asked| at_new(asked) || at_old(asked)), "{keys:?} / {old} / {new}");
        let [asked_first, ..] = keys else { panic!("what is not trusted any more was not asked for") };
        let could = followed && is_url(&new) && !same_place(&new, &old);
        assert!(!could || at_new(asked_first), "{new} was not followed");
        assert!(keys.is_sorted_by_key(at_old), "back from the new place, and not there again: {keys:?}");
        // Asked for with the tag of the keys that are held, and with no other; and again without it, where the answer was
        // about something else.
        let tag = first.tag.as_ref().filter(|tag| is_tag(tag.as_bytes()));
        let (held, foreign): (Vec<_>, Vec<_>) = keys.iter().partition(|asked| same_place(&asked.url, &old));
        assert!(foreign.iter().all(|asked| asked.if_none_match.is_none()) && foreign.len() <= 1, "{keys:?}");
        assert!(
            held.iter().skip(1).all(|asked| asked.if_none_match.is_none()) && held.len() <= 2,
            "{keys:?}"
        );
        assert!(held.first().is_none_or(|asked| asked.if_none_match.as_ref() == tag), "{keys:?}");
        let confirms = self.keys == "304" && tag.is_some() && !held.is_empty() && self.confirms(first);
        match code {
            "admitted" if self.keys == "304" => assert!(confirms),
            "admitted" => assert!(has_signer_or_is_unread(&self.keys)),
            "unknown_key" | "bad_signature" => assert!(self.keys != "304"),
            code => assert!(code == "unavailable" && !confirms),
        }
    }

    /// Whether a 304 from here speaks of the keys with that tag: it has none itself, or the same (RFC 9110 §8.8.3.2).
    fn confirms(&self, first: &Self) -> bool {
        let opaque = |documents: &Self| {
            let tag = documents.tag.as_ref().map(HeaderValue::as_bytes).filter(|tag| is_tag(tag))?;
            Some(tag.strip_prefix(b"W/").unwrap_or(tag).to_vec())
        };
        opaque(self).is_none_or(|own| Some(own) == opaque(first))
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

/// Whether the crate under `http` takes it, which knows more of what a URL may hold.
fn is_url(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some())
}

/// Scheme, host and port of an https URL.
fn origin(url: &str) -> Option<(String, u16)> {
    let rest = url.split_once("://")?.1.to_ascii_lowercase();
    let authority = rest.split(['/', '?']).next()?;
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => Some((host.to_owned(), port.parse().ok()?)),
        _ => Some((authority.to_owned(), 443)),
    }
}

/// The same URL but for the letters of scheme and host.
fn same_place(url: &str, text: &str) -> bool {
    let split = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let slash = if path.starts_with('/') { "" } else { "/" };
        Some((scheme.to_ascii_lowercase(), host.to_ascii_lowercase(), format!("{slash}{path}")))
    };
    split(url) == split(text)
}

/// An entity tag of at most a KiB.
fn is_tag(text: &[u8]) -> bool {
    let opaque = text.strip_prefix(b"W/").unwrap_or(text);
    text.len() <= 1024
        && opaque.len() >= 2
        && opaque.first() == Some(&b'"')
        && opaque.last() == Some(&b'"')
        && !opaque[1..opaque.len() - 1].iter().any(|byte| matches!(byte, 0..=0x20 | b'"' | 0x7F))
}
