//! Random fields and queries against a naive reader of the grammar, octet by octet: RFC 9110 §11.4, RFC 6750 §2.

use http::{HeaderValue, Request};
use portcullis::{
    Claims, Presented, ResourceServer, TokenValidator, ValidatedToken, Validation, authenticated,
};
use serde_json::json;

use crate::support::{Api, Random};

/// Takes every token, and says which one it was.
#[derive(Debug)]
struct Echo;

impl TokenValidator for Echo {
    fn validate(&self, presented: Presented<'_>) -> Validation {
        let claims = json!({ "sub": presented.token.expose_secret() }).to_string();
        Validation::Ready(Ok(ValidatedToken::assertion(Claims::from_json(claims).unwrap())))
    }
}

/// What a request's fields and query come to: the token, or the code of the refusal.
fn read(lines: &[Vec<u8>], query: Option<&str>) -> Result<String, &'static str> {
    let value = match lines {
        [] => return Err("missing_credential"),
        [value] => value,
        _ => return Err("repeated_credential"),
    };
    if value.len() > 16_384 {
        return Err("oversized_credential");
    }
    // credentials = auth-scheme [ 1*SP ( token68 / .. ) ], as a machine of states.
    enum State {
        Scheme,
        Spaces,
        Token,
        Padding,
    }
    let (mut state, mut scheme, mut token) = (State::Scheme, String::new(), String::new());
    for octet in value.iter().copied() {
        let letter = char::from(octet);
        let is_token68 = letter.is_ascii_alphanumeric() || "-._~+/".contains(letter);
        state = match state {
            State::Scheme if letter == ' ' && !scheme.is_empty() => {
                if !scheme.eq_ignore_ascii_case("bearer") {
                    return Err("missing_credential");
                }
                State::Spaces
            }
            State::Scheme if letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter) => {
                scheme.push(letter);
                State::Scheme
            }
            State::Spaces if letter == ' ' => State::Spaces,
            State::Spaces | State::Token if is_token68 => State::Token,
            State::Token | State::Padding if letter == '=' => State::Padding,
            _ => return Err("malformed_credential"),
        };
        if matches!(state, State::Token | State::Padding) {
            token.push(letter);
        }
    }
    match state {
        State::Scheme if !scheme.is_empty() && !scheme.eq_ignore_ascii_case("bearer") => {
            return Err("missing_credential");
        }
        State::Scheme | State::Spaces => return Err("malformed_credential"),
        State::Token | State::Padding => {}
    }
    // One method per request.
    for parameter in query.unwrap_or_default().split('&') {
        let name = parameter.split('=').next().unwrap().as_bytes();
        let (mut decoded, mut at) = (Vec::new(), 0);
        while at < name.len() {
            let digits = name.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
            let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let escaped =
                digits.filter(|_| name[at] == b'%').map(|digits| u8::from_str_radix(digits, 16).unwrap());
            decoded.push(escaped.unwrap_or(name[at]));
            at += if escaped.is_some() { 3 } else { 1 };
        }
        if decoded == b"access_token" {
            return Err("several_methods");
        }
    }
    Ok(token)
}

fn value(random: &mut Random) -> Vec<u8> {
    let mut value = Vec::new();
    // Mostly the right beginning, so that what follows is looked at.
    if random.one_in(2) {
        value.extend(random.any_case("Bearer").bytes());
        value.push(b' ');
    }
    for _ in 0..random.below(5) {
        match random.below(14) {
            0 => value.extend(random.any_case("Bearer").bytes()),
            1 => value.extend(*random.pick(&[&b"Basic"[..], b"DPoP", b"Bearer2", b"Bear", b"!#$%"])),
            2..=4 => value.resize(value.len() + 1 + random.below(3), b' '),
            5 => value.push(b'\t'),
            6 => value.extend(*random.pick(&[&b","[..], b";", b"\"", b":", b"(", b"@", b"[", b"\\", b"{"])),
            7 => value.resize(value.len() + 1 + random.below(3), b'='),
            8 => value.push(0x80 | random.bytes(1)[0]),
            9 => value.push(b' ' + random.bytes(1)[0] % 95),
            10 if random.one_in(20) => value.resize(16_370 + random.below(30), b'a'),
            _ => {
                let length = 1 + random.below(20);
                value.extend(random.text(b"abcXYZ019-._~+/", length).bytes());
            }
        }
    }
    value
}

fn query(random: &mut Random) -> String {
    let mut query = String::new();
    for _ in 0..random.below(5) {
        match random.below(8) {
            0 | 1 => query.push_str("access_token"),
            2 => {
                for octet in "access_token".bytes() {
                    match random.one_in(3) {
                        true => query.push_str(&random.any_case(&format!("%{octet:02x}"))),
                        false => query.push(char::from(octet)),
                    }
                }
            }
            3 => {
                let piece = *random.pick(&["%", "%5", "%zz", "%25", "%00", "+", "%+1", "%-1"]);
                query += piece;
            }
            4 | 5 => query.push('&'),
            6 => query.push('='),
            _ => {
                let piece = *random.pick(&["a", "x=1", ";", "Access_Token", "?", "access_token2"]);
                query += piece;
            }
        }
    }
    query
}

#[tokio::test]
async fn the_one_credential_of_a_request_is_what_the_grammar_says() {
    // covers: EXT-002, EXT-003, EXT-004, EXT-005, EXT-008, EXT-012, EXT-019, EXT-022
    let api = Api::new(ResourceServer::from_validator(Echo).require(authenticated()));
    let (mut random, mut seen) = (Random::new(71), std::collections::BTreeMap::new());
    for _ in 0..8_000 {
        let count = *random.pick(&[1, 1, 1, 1, 1, 1, 1, 1, 0, 2]);
        let lines: Vec<_> = (0..count).map(|_| value(&mut random)).collect();
        let query = (!random.one_in(3)).then(|| query(&mut random));
        let target = query.as_ref().map_or("/".to_owned(), |query| format!("/?{query}"));
        let mut request = Request::get(&target);
        for line in &lines {
            // What no `HeaderValue` can be is refused before the layer: tried over sockets.
            request = request.header("authorization", HeaderValue::from_bytes(line).unwrap());
        }
        let answer = api.send(request.body(()).unwrap()).await;
        let shown = || {
            format!(
                "{:?} {target}",
                lines.iter().map(|line| line.escape_ascii().to_string()).collect::<Vec<_>>()
            )
        };
        let expected = read(&lines, query.as_deref());
        *seen.entry(expected.as_ref().err().copied().unwrap_or("admitted")).or_insert(0) += 1;
        match expected {
            Ok(token) => {
                assert_eq!(
                    (answer.code(), answer.body.as_str()),
                    ("admitted", token.as_str()),
                    "{}",
                    shown()
                );
            }
            Err(code) => {
                assert_eq!(answer.code(), code, "{}", shown());
                match code {
                    "missing_credential" => answer.assert_unauthenticated(),
                    code => answer.assert_malformed(code),
                }
            }
        }
    }
    assert_eq!(seen.len(), 6, "every outcome: {seen:?}");
    assert!(seen.values().all(|count| *count > 20), "{seen:?}");
}
