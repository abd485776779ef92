//! The signed envelope: RFC 7515 (JWS), RFC 7518, RFC 8037 and RFC 9864 (algorithms), RFC 8725 (what goes wrong).
#![expect(clippy::indexing_slicing, reason = "a test fails where it stands")]

pub(crate) mod backends;
mod hmac;
mod pem_keys;
pub(crate) mod published;
mod signatures;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::SignatureAlgorithm::{self, Es256};
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{JwkSet, Profile, ResourceServerBuilder, authenticated};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Api, ISSUER, NOW};

use backends::{Both, Server, both};
use published::RFC_7515_A3;

/// The claims of a right token, in exactly these octets.
pub(crate) const CLAIMS: &str = r#"{"iss":"https://id.example.com","aud":"https://api.example.com","sub":"alice","client_id":"client-1","iat":1767225600,"exp":1767225900,"jti":"1"}"#;

/// One issuer with a key for every algorithm; RSA keys take their time.
static KEYS: LazyLock<Issuer> = LazyLock::new(|| {
    let issuer = Issuer::offline(ISSUER).with_clock(ManualClock::at(NOW));
    for algorithm in SignatureAlgorithm::ALL {
        assert!(!issuer.key_id(algorithm).is_empty());
    }
    issuer
});

/// A server with these keys, as a JWK Set document.
pub(crate) fn server(jwks: &Value) -> Server {
    server_of(JwkSet::from_json(&jwks.to_string()).unwrap())
}

pub(crate) fn server_of(set: JwkSet) -> Server {
    Server::new(set)
}

pub(crate) fn api(server: ResourceServerBuilder) -> Api {
    Api::new(server.build().unwrap().require(authenticated()))
}

/// APIs that trust [`KEYS`].
fn keys_api() -> Both {
    both(server(&KEYS.jwks_json()))
}

/// A right token with this header, signed by the ES256 key of [`KEYS`].
fn with_header(header: &str) -> String {
    KEYS.sign(Es256, header, CLAIMS.as_bytes())
}

/// A right token whose header has these members besides `alg` and `typ`.
fn with_members(members: &str) -> String {
    with_header(&format!(r#"{{"alg":"ES256","typ":"at+jwt",{members}}}"#))
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

fn resigned(token: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let [header, payload, signature] = parts(token);
    format!("{header}.{payload}.{}", encode(change(decode(signature))))
}

/// The text with one of the six bits of one base64url letter flipped.
fn flipped(text: &str, position: usize, bit: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = text.as_bytes().to_vec();
    let value = LETTERS.iter().position(|letter| *letter == bytes[position]).unwrap();
    bytes[position] = LETTERS[value ^ (1 << bit)];
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_part_has_one_spelling_even_if_another_one_was_signed() {
    // covers: JWS-001, JWS-004, JWS-005, HT-007
    let key = &RFC_7515_A3;
    let api = both(server(&json!({ "keys": [key.public_jwk()] })));
    // Both parts end in unused bits, and hold letters that plain base64 writes otherwise.
    let spaced =
        |text: &str| encode(format!("{text}{}", if text.len().is_multiple_of(3) { " " } else { "" }));
    let header = spaced(r#"{"alg":"ES256","typ":"at+jwt","x":"???>>>~~~"}"#);
    let payload = spaced(&CLAIMS.replace("alice", "???>>>~~~"));
    let token = key.token(Es256, &format!("{header}.{payload}"));
    api.token(&token).await.assert_admitted();
    let bent = |text: &str| flipped(text, text.len() - 1, 0);
    let plain = |text: &str| text.replace('-', "+").replace('_', "/");
    for input in [
        format!("{}.{payload}", bent(&header)),
        format!("{header}.{}", bent(&payload)),
        format!("{}.{payload}", plain(&header)),
        format!("{header}.{}", plain(&payload)),
        format!("{header}.{payload}A"),
    ] {
        assert_ne!(input, format!("{header}.{payload}"));
        api.token(key.token(Es256, &input)).await.assert_invalid("malformed_token");
    }
    // ES256 has 64 octets: the last letter of a signature has four unused bits.
    api.token(bent(&token)).await.assert_invalid("malformed_token");
    for padding in ["=", "==", "AAA"] {
        api.token(format!("{token}{padding}")).await.assert_invalid("malformed_token");
    }
    // An ECDSA signature is new each time: one of these has a letter that plain base64 writes otherwise.
    let tokens = std::iter::repeat_with(|| key.right_token(Es256));
    let plain_signatures = tokens.map(|token| plain(&token)).find(|token| token.contains(['+', '/']));
    api.token(plain_signatures.unwrap()).await.assert_invalid("malformed_token");
    // What is no token68 at all is refused before it is a token.
    for input in
        [format!("{header}=.{payload}"), format!("{header}.{payload}=="), format!("{header}.\t{payload}")]
    {
        api.token(key.token(Es256, &input)).await.assert_malformed("malformed_credential");
    }
    for text in [format!("{token} "), format!("{token}\t"), token.replacen('.', "%2E", 1)] {
        api.token(text).await.assert_malformed("malformed_credential");
    }
}

#[tokio::test]
async fn only_three_parts_are_a_signed_token() {
    // covers: JWS-001, JWS-002, JWS-003, JWS-030, JWS-037, HT-009, HT-011
    let api = keys_api();
    let token = KEYS.token(AUDIENCE).sign();
    let [header, payload, signature] = parts(&token);
    api.token(&token).await.assert_admitted();
    let jwe = encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM","cty":"JWT"}"#);
    let general = json!({ "payload": payload, "signatures": [
        { "protected": header, "signature": signature }, { "protected": header, "signature": "AAAA" },
    ]});
    let flattened = json!({ "payload": payload, "protected": header, "signature": signature });
    for (text, code) in [
        (header.to_owned(), "malformed_token"),
        (format!("{header}.{payload}"), "malformed_token"),
        (format!("{token}."), "malformed_token"),
        (format!(".{token}"), "malformed_token"),
        (format!("{token}.{signature}"), "malformed_token"),
        (format!("{token}.{token}"), "malformed_token"),
        (format!("{token}.{payload}.{signature}"), "encrypted"),
        (format!("{jwe}.AAAA.AAAA.{}.AAAA", encode(&token)), "encrypted"),
        (format!("{jwe}..AAAA.{}.AAAA", encode(&token)), "encrypted"),
        (".".repeat(4), "encrypted"),
        (".".repeat(10_000), "malformed_token"),
        (format!("{}.{token}", "a.".repeat(5_000)), "malformed_token"),
        (".".into(), "malformed_token"),
        ("..".into(), "malformed_token"),
        (format!(".{payload}.{signature}"), "malformed_token"),
        (format!("{header}..{signature}"), "malformed_token"),
        (format!("{header}.{payload}."), "bad_signature"),
        (encode(general.to_string()), "malformed_token"),
        (encode(flattened.to_string()), "malformed_token"),
        (format!("{}.{payload}.{signature}", encode(flattened.to_string())), "malformed_token"),
    ] {
        println!("{text}");
        api.token(text).await.assert_invalid(code);
    }
    for json in [general, flattened] {
        api.token(json.to_string()).await.assert_malformed("malformed_credential");
    }
}

#[tokio::test]
async fn the_header_is_one_json_object_in_utf_8_with_distinct_names() {
    // covers: JWS-006, JWS-007, JWS-008, JWS-031, JWS-037
    let key = &RFC_7515_A3;
    let api = both(server(&json!({ "keys": [key.public_jwk()] })));
    let token = |header: &[u8]| key.token(Es256, &format!("{}.{}", encode(header), encode(CLAIMS)));
    let right = r#"{"alg":"ES256","typ":"at+jwt"}"#;
    let nested = |levels: usize| {
        format!(
            r#"{{"alg":"ES256","typ":"at+jwt","x":{}1{}}}"#,
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    for header in [
        right,
        "\r\n\t { \"typ\" : \"at+jwt\", \"alg\" : \"ES256\" } ",
        r#"{"\u0061lg":"\u0045S256","typ":"at\u002Bjwt"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","x":[1,{"alg":"none"}],"Alg":"none","ALG":5,"\ud83d\ude00":null}"#,
        &nested(16),
    ] {
        api.token(token(header.as_bytes())).await.assert_admitted();
    }
    let utf_16 = |unit: fn(u16) -> [u8; 2]| right.encode_utf16().flat_map(unit).collect::<Vec<_>>();
    for header in [
        b"\xEF\xBB\xBF{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}".to_vec(),
        utf_16(u16::to_le_bytes),
        utf_16(u16::to_be_bytes),
        b"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"x\":\"\xFF\"}".to_vec(),
        b"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"x\":\"\xC0\xAF\"}".to_vec(),
        b"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"x\":\"\xED\xA0\x80\"}".to_vec(),
    ] {
        api.token(token(&header)).await.assert_invalid("malformed_token");
    }
    for header in [
        " ",
        "{}",
        "null",
        "true",
        "5",
        r#""ES256""#,
        r#"["ES256","at+jwt"]"#,
        r#"[{"alg":"ES256","typ":"at+jwt"}]"#,
        r#"{"alg":"ES256","typ":"at+jwt""#,
        r#"{"alg":"ES256","typ":"at+jwt"}}"#,
        r#"{"alg":"ES256","typ":"at+jwt"}{}"#,
        r#"{"alg":"ES256","typ":"at+jwt"} x"#,
        "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}\0",
        r#"{"alg":"ES256","typ":"at+jwt",}"#,
        r#"{"alg":"ES256","typ":"at+jwt"/**/}"#,
        r#"{'alg':'ES256','typ':'at+jwt'}"#,
        r#"{"alg":"ES256","alg":"none","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","alg":"ES256","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","\u0061lg":"ES256"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","typ":"JWT"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","x":{"a":1,"a":1}}"#,
        r#"{"alg":"ES256","typ":"at+jwt","x":"\ud800"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","x":"\udc00\ud800"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","x":1e400}"#,
        r#"{"typ":"at+jwt"}"#,
        r#"{"alg":null,"typ":"at+jwt"}"#,
        r#"{"alg":5,"typ":"at+jwt"}"#,
        r#"{"alg":["ES256"],"typ":"at+jwt"}"#,
        r#"{"alg":{"ES256":1},"typ":"at+jwt"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":5}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":["k"]}"#,
        r#"{"alg":"ES256","typ":"at+jwt","cty":5}"#,
        &nested(17),
        &nested(2_000),
    ] {
        println!("{header}");
        api.token(token(header.as_bytes())).await.assert_invalid("malformed_token");
    }
}

#[tokio::test]
async fn every_critical_or_unencoded_header_is_refused() {
    // covers: JWS-024, JWS-025, JWS-026, HT-013
    let api = keys_api();
    for members in [
        r#""crit":["exp-ext"],"exp-ext":1"#,
        r#""crit":["absent"]"#,
        r#""crit":[]"#,
        r#""crit":"exp""#,
        r#""crit":["alg"]"#,
        r#""crit":["typ","typ"]"#,
        r#""crit":[5]"#,
        r#""crit":{}"#,
        r#""crit":null"#,
        r#""\u0063rit":["x"]"#,
        r#""crit":["b64"],"b64":false"#,
        r#""crit":["b64"],"b64":true"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""b64":null"#,
    ] {
        println!("{members}");
        api.token(with_members(members)).await.assert_invalid("refused_header");
    }
    api.token(with_members(r#""Crit":["x"],"exp-ext":1"#)).await.assert_admitted();
}

#[tokio::test]
async fn keys_inside_a_token_are_no_source_of_trust() {
    // covers: JWS-027, JWS-028, HT-003, HT-005
    let api = keys_api();
    // An issuer of the same names, so the attacker's `kid` is the victim's.
    let attacker = Issuer::offline(ISSUER).with_clock(ManualClock::at(NOW));
    assert_eq!(attacker.key_id(Es256), KEYS.key_id(Es256));
    let jwk = &attacker.jwks_json()["keys"][0];
    for (name, value, refused) in [
        ("jwk", jwk.clone(), true),
        ("jwk", Value::Object([].into_iter().collect()), true),
        ("x5c", json!(["MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4="]), true),
        ("x5c", json!([]), true),
        ("jku", json!("https://evil.example.com/jwks"), false),
        ("jku", json!("file:///etc/passwd"), false),
        ("x5u", json!("http://169.254.169.254/"), false),
        ("x5t", json!("AAAA"), false),
        ("x5t#S256", json!(5), false),
    ] {
        println!("{name}: {value}");
        let forged = attacker.token(AUDIENCE).header(name, value.clone()).sign();
        api.token(forged).await.assert_invalid(if refused { "refused_header" } else { "bad_signature" });
        let right = api.token(KEYS.token(AUDIENCE).header(name, value).sign()).await;
        if refused {
            right.assert_invalid("refused_header");
        } else {
            right.assert_admitted();
        }
    }
    api.token(attacker.token(AUDIENCE).sign()).await.assert_invalid("bad_signature");
    api.token(attacker.token(AUDIENCE).without_header("kid").sign()).await.assert_invalid("bad_signature");
}

#[tokio::test]
async fn marks_of_encryption_and_nesting_are_refused_on_a_signed_token() {
    // covers: JWS-002, JWT-024
    let api = keys_api();
    for members in [
        r#""enc":"A256GCM""#,
        r#""enc":null"#,
        r#""zip":"DEF""#,
        r#""enc":"A128CBC-HS256","zip":"DEF","cty":"JWT""#,
        r#""cty":"JWT""#,
        r#""cty":"jwt""#,
        r#""cty":"Jwt""#,
        r#""cty":"application/jwt""#,
        r#""cty":"APPLICATION/JWT""#,
    ] {
        println!("{members}");
        api.token(with_members(members)).await.assert_invalid("refused_header");
    }
    let nested = KEYS.token(AUDIENCE).sign();
    let header = r#"{"alg":"ES256","typ":"at+jwt","cty":"JWT"}"#;
    api.token(KEYS.sign(Es256, header, nested.as_bytes())).await.assert_invalid("refused_header");
    for members in [r#""cty":"json""#, r#""epk":{},"p2c":2147483647,"apu":"AA","iv":"AA","tag":"AA""#] {
        let token = with_members(members);
        api.token(&token).await.assert_admitted();
        api.token(resigned(&token, |_| vec![0; 64])).await.assert_invalid("bad_signature");
    }
}

#[tokio::test]
async fn typ_is_a_media_type_and_only_those_of_the_profile_are_access_tokens() {
    // covers: JWS-029, JWT-017, JWT-018, JWT-020, HT-021, HT-027
    let [strict, lax] =
        [Profile::Rfc9068, Profile::PlainJwt].map(|profile| both(server(&KEYS.jwks_json()).profile(profile)));
    for typ in ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/at+JWT"] {
        let token = KEYS.token(AUDIENCE).header("typ", typ).sign();
        strict.token(&token).await.assert_admitted();
        lax.token(&token).await.assert_admitted();
    }
    for typ in [Value::Null, json!("JWT"), json!("jwt"), json!("application/jwt"), json!("Application/JWT")] {
        let token = KEYS.token(AUDIENCE).header("typ", typ).sign();
        strict.token(&token).await.assert_invalid("wrong_type");
        lax.token(&token).await.assert_admitted();
    }
    let others = [
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "statuslist+jwt",
        "token-introspection+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
        "wit+jwt",
        "id+jwt",
        "kb+jwt",
        "vc+sd-jwt",
        "JOSE",
        "application/logout+jwt",
        "LOGOUT+JWT",
        "at+jwt ",
        " at+jwt",
        "at+jwt\0",
        "application/at+jwt; charset=x",
        "at+jwt;q=1",
        "text/at+jwt",
        "application/application/at+jwt",
        "application/",
        "/at+jwt",
        "",
        "at-jwt",
        "at+jwt,JWT",
        "at",
        "jwt+at",
        "\u{430}t+jwt",
        "JWT ",
        "JWS",
    ];
    for typ in others {
        println!("{typ:?}");
        let token = KEYS.token(AUDIENCE).header("typ", typ).sign();
        strict.token(&token).await.assert_invalid("wrong_type");
        lax.token(&token).await.assert_invalid("wrong_type");
    }
    for typ in ["null", "5", "true", r#"["at+jwt"]"#, r#"{"at+jwt":1}"#] {
        let token = with_header(&format!(r#"{{"alg":"ES256","typ":{typ}}}"#));
        strict.token(&token).await.assert_invalid("malformed_token");
        lax.token(&token).await.assert_invalid("malformed_token");
    }
}
