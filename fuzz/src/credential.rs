//! A request: where its token stands, if it has one.

use std::sync::{LazyLock, Mutex, PoisonError};

use http::{HeaderName, HeaderValue, Method, Request, Uri};
use portcullis::{
    Claims, Presented, ProblemJson, RequireLayer, ResourceServer, TokenValidator, ValidatedToken, Validation,
    authenticated,
};

use super::known::{hmac_key, hmac_token, issuer, server};
use super::service::send;

/// A name of a query parameter and of a cookie, as a server was told them.
type Names = (&'static str, &'static str);

const STANDARD: Names = ("access_token", "__Host-token");
const OTHER: Names = ("t", "c");

/// The first line is a method and a target, the others are fields: `GET /?a=b`, `cookie: a=b`. Where `<token>` stands,
/// the server sees a right token.
pub fn run(data: &[u8]) {
    static SERVERS: LazyLock<[(Names, RequireLayer<ProblemJson>); 2]> = LazyLock::new(|| {
        [STANDARD, OTHER].map(|names| {
            let server = server(issuer().hmac_key(hmac_key())).0;
            let server = server.dangerous_token_in_query(names.0).token_in_cookie(names.1).build().unwrap();
            (names, server.problem_json().require(authenticated()))
        })
    });
    static RECORDING: LazyLock<RequireLayer<ProblemJson>> =
        LazyLock::new(|| ResourceServer::from_validator(Recorder).problem_json().require(authenticated()));
    let request = || parse(data, hmac_token());

    for (names, layer) in &*SERVERS {
        let found = found(&request(), Some(*names));
        let answer = send(layer, request());
        match found {
            Ok(Some(token)) => assert_eq!(answer.is_admitted(), token == hmac_token(), "{}", answer.code()),
            Ok(None) => assert_eq!(answer.code(), "missing_credential"),
            Err(codes) => assert!(codes.contains(&answer.code()), "{} / {codes:?}", answer.code()),
        }
    }
    *SEEN.lock().unwrap_or_else(PoisonError::into_inner) = None;
    let found = found(&request(), None);
    let answer = send(&RECORDING, request());
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).take();
    match found {
        Ok(Some(token)) => assert_eq!((answer.code(), seen), ("admitted", Some(token))),
        Ok(None) => assert_eq!((answer.code(), seen), ("missing_credential", None)),
        Err(codes) => {
            assert!(codes.contains(&answer.code()) && seen.is_none(), "{} / {codes:?}", answer.code());
        }
    }
}

static SEEN: Mutex<Option<String>> = Mutex::new(None);

/// Takes every token, and keeps its text.
#[derive(Debug)]
struct Recorder;

impl TokenValidator for Recorder {
    fn validate(&self, presented: Presented<'_>) -> Validation {
        let text = presented.token.expose_secret().to_owned();
        *SEEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        Validation::Ready(Ok(ValidatedToken::assertion(Claims::from_json("{}").unwrap())))
    }
}

fn parse(data: &[u8], token: &str) -> Request<()> {
    let mut request = Request::new(());
    for (index, line) in data.split(|byte| *byte == b'\n').enumerate() {
        let line = replace(line, b"<token>", token.as_bytes());
        let separator = if index == 0 { b' ' } else { b':' };
        let end = line.iter().position(|byte| *byte == separator).unwrap_or(line.len());
        let (name, value) = (&line[..end], line.get(end + 1..).unwrap_or_default());
        if index == 0 {
            *request.method_mut() = Method::from_bytes(name).unwrap_or_default();
            *request.uri_mut() = Uri::try_from(value).unwrap_or_default();
        } else if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii()))
        {
            request.headers_mut().append(name, value);
        }
    }
    request
}

fn replace(line: &[u8], wanted: &[u8], by: &[u8]) -> Vec<u8> {
    let (mut replaced, mut rest) = (Vec::new(), line);
    while let Some(at) = rest.windows(wanted.len()).position(|window| window == wanted) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(by);
        rest = &rest[at + wanted.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

/// The one token of a request, none, or the codes of everything that is wrong with it.
fn found(request: &Request<()>, names: Option<Names>) -> Result<Option<String>, Vec<&'static str>> {
    let fields = |name: &'static str| request.headers().get_all(name).iter().map(HeaderValue::as_bytes);
    let (mut tokens, mut wrong) = (Vec::new(), Vec::new());
    let mut take = |credentials: Vec<Credential>| match &credentials[..] {
        [] => {}
        [Credential::Token(token)] => match token68(token) {
            Ok(token) => tokens.push(token),
            Err(codes) => wrong.extend(codes),
        },
        [Credential::Wrong(code)] => wrong.push(*code),
        _ => wrong.push("repeated_credential"),
    };

    let lines: Vec<_> = fields("authorization").collect();
    if lines.len() > 1 {
        take(vec![Credential::Wrong("repeated_credential")]);
    } else {
        take(lines.into_iter().filter_map(in_field).collect());
    }
    let parameters = parameters(request.uri().query().unwrap_or(""));
    let named = |wanted: &str| {
        let own = parameters.iter().filter(|(name, _)| name == wanted);
        own.map(|(_, value)| Credential::Token(value.clone().into_bytes())).collect::<Vec<_>>()
    };
    take(names.map(|(query, _)| named(query)).unwrap_or_default());
    let mut cookies = Vec::new();
    for line in fields("cookie") {
        for pair in line.split(|byte| *byte == b';') {
            let wanted = names.map(|(_, cookie)| format!("{cookie}=").into_bytes());
            if let Some(wanted) = wanted
                && pair.trim_ascii().starts_with(&wanted)
            {
                cookies.push(Credential::Token(pair.trim_ascii()[wanted.len()..].to_vec()));
            }
        }
    }
    let from_cookie = !cookies.is_empty();
    take(cookies);

    // The registered parameter counts as a second method even where it is not read.
    let stray = names.is_none_or(|(query, _)| query != "access_token") && !named("access_token").is_empty();
    if tokens.len() > 1 || stray && !tokens.is_empty() {
        wrong.push("several_methods");
    }
    if from_cookie && tokens.len() == 1 && !is_own(request) {
        wrong.push("cross_site");
    }
    if wrong.is_empty() { Ok(tokens.pop()) } else { Err(wrong) }
}

enum Credential {
    Token(Vec<u8>),
    Wrong(&'static str),
}

/// RFC 9110 §11.4: `auth-scheme 1*SP token68`. `None` for another scheme.
fn in_field(value: &[u8]) -> Option<Credential> {
    if value.len() > 16_384 {
        return Some(Credential::Wrong("oversized_credential"));
    }
    let scheme: Vec<u8> = value.iter().copied().take_while(|byte| *byte != b' ').collect();
    let is_tchar = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
    if scheme.is_empty() || !scheme.iter().all(is_tchar) {
        return Some(Credential::Wrong("malformed_credential"));
    }
    let token = value[scheme.len()..].iter().copied().skip_while(|byte| *byte == b' ').collect();
    scheme.eq_ignore_ascii_case(b"bearer").then_some(Credential::Token(token))
}

/// RFC 9110 §11.2: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn token68(octets: &[u8]) -> Result<String, Vec<&'static str>> {
    let padding = octets.iter().rev().take_while(|octet| **octet == b'=').count();
    let letters = &octets[..octets.len() - padding];
    let is_letter = |octet: &u8| octet.is_ascii_alphanumeric() || b"-._~+/".contains(octet);
    let checks = [
        ("malformed_credential", letters.is_empty() || !letters.iter().all(is_letter)),
        ("oversized_credential", octets.len() > 16_384),
    ];
    let wrong: Vec<_> = checks.into_iter().filter_map(|(code, wrong)| wrong.then_some(code)).collect();
    if wrong.is_empty() { Ok(String::from_utf8(octets.to_vec()).unwrap()) } else { Err(wrong) }
}

/// `application/x-www-form-urlencoded` (URL Standard §5.1).
fn parameters(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let (bytes, mut decoded) = (text.as_bytes(), Vec::new());
        let mut at = 0;
        while at < bytes.len() {
            let hex = bytes.get(at + 1..at + 3).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
            match (bytes[at], hex) {
                (b'%', Some(hex)) => {
                    decoded.push(u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
                    at += 2;
                }
                (b'+', _) => decoded.push(b' '),
                (byte, _) => decoded.push(byte),
            }
            at += 1;
        }
        String::from_utf8_lossy(&decoded).into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let split = |pair: &str| match pair.find('=') {
        Some(end) => (decoded(&pair[..end]), decoded(&pair[end + 1..])),
        None => (decoded(pair), String::new()),
    };
    pairs.map(split).collect()
}

/// Whether the request reads only, or a page of this origin made it.
fn is_own(request: &Request<()>) -> bool {
    let fields =
        |name: &str| request.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    let reads = ["GET", "HEAD", "OPTIONS", "TRACE"].contains(&request.method().as_str());
    if reads && fields("upgrade").is_empty() {
        return true;
    }
    match fields("sec-fetch-site")[..] {
        [] => {}
        [site] => return site == b"same-origin" || site == b"none",
        _ => return false,
    }
    let host = request.uri().authority().map(|authority| authority.as_str().as_bytes().to_vec());
    let host = host.or_else(|| fields("host").first().map(|host| host.to_vec())).unwrap_or_default();
    let of_host = |scheme: &str| [scheme.as_bytes(), &host].concat();
    match fields("origin")[..] {
        [origin] if !host.is_empty() => ["https://", "http://"].iter().any(|scheme| {
            origin.starts_with(scheme.as_bytes()) && origin.eq_ignore_ascii_case(&of_host(scheme))
        }),
        _ => false,
    }
}
