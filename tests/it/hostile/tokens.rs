//! Hostile tokens, as they come over a socket.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use portcullis::SignatureAlgorithm::Es256;
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{ResourceServer, TrustedIssuer, authenticated};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Expected, ISSUER, NOW, Random, Server, Stack, WireAnswer};

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The claims of a right token.
fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "client_id": "c", "jti": "1", "iat": NOW, "exp": NOW + 300 })
}

/// A server whose clock stands still at [`NOW`].
async fn server(stack: Stack) -> Server {
    let clock = ManualClock::at(NOW);
    let issuer = Issuer::offline(ISSUER).with_clock(clock.clone());
    let server = ResourceServer::builder(TrustedIssuer::new(ISSUER).jwk_set(issuer.jwk_set()))
        .audience(AUDIENCE)
        .with_clock(clock);
    Server::with(stack, server.build().unwrap().require(authenticated()), issuer).await
}

fn with_header(issuer: &Issuer, change: impl FnOnce(&mut Value)) -> String {
    let mut header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": issuer.key_id(Es256) });
    change(&mut header);
    issuer.sign(Es256, &header.to_string(), claims().to_string().as_bytes())
}

fn with_claims(issuer: &Issuer, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims();
    change(&mut claims);
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": issuer.key_id(Es256) }).to_string();
    issuer.sign(Es256, &header, claims.to_string().as_bytes())
}

/// One connection, all tokens, each with its answer; between any two of them a valid one is served.
async fn all_refused(stack: Stack, tokens: impl FnOnce(&Issuer) -> Vec<(String, &'static str)>) {
    let server = server(stack).await;
    let tokens = tokens(&server.issuer);
    assert!(tokens.len() > 5);
    let good = format!("Bearer {}", with_claims(&server.issuer, |_| ()));
    let mut connection = server.connect().await;
    for (index, (token, code)) in tokens.into_iter().enumerate() {
        connection.send(Server::get(format!("Bearer {token}"))).await;
        let answer: WireAnswer = connection.answer().await.expect("an answer");
        println!("{index}: ..{}", &token[token.len().saturating_sub(40)..]);
        answer.assert_is(match code {
            "malformed_credential" | "oversized_credential" => Expected::Malformed(code),
            _ => Expected::Invalid(code),
        });
        assert_eq!(server.calls(), index, "the good ones only");
        connection.send(Server::get(&good)).await;
        connection.answer().await.expect("an answer").assert_admitted();
    }
    server.assert_alive_with(&good).await;
}

#[tokio::test]
async fn tokens_without_a_signature_or_with_a_key_of_their_own_are_refused() {
    // covers: JWS-009, JWS-010, JWS-028, HT-001, HT-003, HT-005
    all_refused(Stack::Axum, |issuer| {
        let mut random = Random::new(21);
        let mut tokens = Vec::new();
        let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
        for round in 0..32 {
            let filler = random.pick(&["", "", " ", "\0", "\n", "\u{200b}", "\u{301}"]);
            let name = random.any_case("none");
            let name = if round % 2 == 0 { format!("{name}{filler}") } else { format!("{filler}{name}") };
            let token = with_header(issuer, |header| header["alg"] = json!(name));
            let (input, signed) = token.rsplit_once('.').unwrap();
            for signature in ["", signed, &encode(random.bytes(64)), "AA"] {
                tokens.push((format!("{input}.{signature}"), "algorithm_not_allowed"));
            }
        }
        for alg in [json!(null), json!(["ES256"]), json!([]), json!({ "ES256": 1 }), json!(0), json!(true), json!(256)] {
            tokens.push((with_header(issuer, |header| header["alg"] = alg), "malformed_token"));
        }
        tokens.push((with_header(issuer, |header| drop(header.as_object_mut().unwrap().remove("alg"))), "malformed_token"));
        // Signed by the attacker, under the victim's `kid`, with the key at hand.
        let attacker = Issuer::offline(ISSUER);
        let key = attacker.jwks_json()["keys"][0].clone();
        for (name, value) in [
            ("jwk", key.clone()),
            ("jwk", json!({})),
            ("jwk", json!(null)),
            ("x5c", json!(["MIIB"])),
            ("x5c", json!([])),
            ("x5c", json!("MIIB")),
        ] {
            let mut forge = |alter: &dyn Fn(&mut Value)| {
                let mut header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": issuer.key_id(Es256), name: value });
                alter(&mut header);
                let forged = attacker.sign(Es256, &header.to_string(), claims().to_string().as_bytes());
                tokens.push((forged, "refused_header"));
            };
            forge(&|_| ());
            forge(&|header| drop(header.as_object_mut().unwrap().remove("kid")));
            forge(&|header| header["kid"] = json!("attacker"));
        }
        // Places to fetch a key from are never looked at: the signature is simply wrong.
        for name in ["jku", "x5u", "x5t", "x5t#S256", "JWK", "key", "keys", "cert"] {
            let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": issuer.key_id(Es256), name: "http://127.0.0.1:9/" });
            let forged = attacker.sign(Es256, &header.to_string(), claims().to_string().as_bytes());
            tokens.push((forged, "bad_signature"));
        }
        let own = with_header(issuer, |_| ());
        let stolen = format!("{}.{}", attacker.sign(Es256, "{}", b"{}").rsplit_once('.').unwrap().0, signature(&own));
        tokens.push((stolen, "malformed_token"));
        tokens
    })
    .await;
}

#[tokio::test]
async fn other_spellings_and_other_serializations_of_a_right_token_are_refused() {
    // covers: JWS-001, JWS-002, JWS-003, JWS-004, JWS-005, HT-007, HT-009, HT-011
    all_refused(Stack::Hyper, |issuer| {
        let mut random = Random::new(22);
        let token = with_header(issuer, |_| ());
        let parts: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let [header, payload, signature] = parts;
        let mut tokens = Vec::new();
        // Non-zero bits behind the last octet (RFC 4648 §3.5): all spellings that a lax decoder takes.
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for part in 0..3 {
            let (body, last) = parts[part].split_at(parts[part].len() - 1);
            let value = letters.find(last).unwrap();
            let spare = [0, 0, 4, 2][parts[part].len() % 4];
            for bits in 1..(1 << spare) {
                let letter = &letters[value | bits..=value | bits];
                let mut spelled = parts.map(str::to_owned);
                spelled[part] = format!("{body}{letter}");
                tokens.push((spelled.join("."), "malformed_token"));
            }
            // The same octets, in the other alphabet or padded.
            let octets = URL_SAFE_NO_PAD.decode(parts[part]).unwrap();
            for other in [STANDARD.encode(&octets), URL_SAFE.encode(&octets), format!("{}=", parts[part])] {
                let mut spelled = parts.map(str::to_owned);
                spelled[part] = other;
                let text = spelled.join(".");
                if text != token {
                    // Padding inside is no token68, at the end it is.
                    let inside = text.trim_end_matches('=').contains('=');
                    tokens.push((text, if inside { "malformed_credential" } else { "malformed_token" }));
                }
            }
        }
        for dots in [0, 1, 3, 5, 6, 10, 100, 1000, 10_000, 16_377] {
            tokens
                .push((".".repeat(dots), if dots == 0 { "malformed_credential" } else { "malformed_token" }));
            let more = format!("{token}{}", ".".repeat(dots.min(15_000)));
            if dots != 0 && dots != 2 {
                tokens.push((more, "malformed_token"));
            }
            if dots > 1 {
                let code = match dots {
                    3 => "missing_claim",
                    5 => "encrypted",
                    _ => "malformed_token",
                };
                tokens.push((vec![header; dots.min(200)].join("."), code));
            }
        }
        tokens.push(("....".to_owned(), "encrypted"));
        tokens.push((format!("{header}.{payload}.{signature}.{payload}.{signature}"), "encrypted"));
        tokens.push((format!("{header}....{signature}"), "encrypted"));
        for text in [
            format!("{header}..{signature}"),
            format!(".{payload}.{signature}"),
            format!("{payload}.{header}.{signature}"),
            format!("{token}.{signature}"),
            format!("{header}.{payload}"),
            encode(&token),
            format!("{0}.{0}.{0}", encode(&token)),
        ] {
            tokens.push((text, "malformed_token"));
        }
        tokens.push((format!("{header}.{payload}."), "bad_signature"));
        // JSON serializations (RFC 7515 §7.2) are no token68, and encoded they are no compact form.
        let flattened = json!({ "payload": payload, "protected": header, "signature": signature });
        let general = json!({ "payload": payload, "signatures": [
            { "protected": header, "signature": "AA" }, { "protected": header, "signature": signature },
        ] });
        for json in [flattened, general] {
            tokens.push((json.to_string(), "malformed_credential"));
            tokens.push((encode(json.to_string()), "malformed_token"));
            tokens.push((format!("{}.{payload}.{signature}", encode(json.to_string())), "malformed_token"));
            tokens.push((format!("{header}.{}.{signature}", encode(json.to_string())), "missing_claim"));
        }
        // One octet anywhere.
        for _ in 0..100 {
            let (mut text, at) = (token.clone().into_bytes(), random.below(token.len()));
            text.insert(at, *random.pick(b"=+/~.,;:@%!$&'()*\"\\ \t"));
            let text = String::from_utf8(text).unwrap();
            let body = text.trim_end_matches('=');
            let token68 =
                body.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._~+/".contains(&octet));
            // Only at its two ends is a space something that a parser takes away.
            if at > 0 {
                tokens.push((text, if token68 { "malformed_token" } else { "malformed_credential" }));
            }
        }
        tokens
    })
    .await;
}

#[tokio::test]
async fn critical_headers_and_marks_of_other_tokens_are_refused() {
    // covers: JWS-024, JWS-025, JWS-026, JWT-017, HT-013, HT-027
    all_refused(Stack::Axum, |issuer| {
        let mut random = Random::new(23);
        let mut tokens = Vec::new();
        let names = ["exp", "b64", "alg", "kid", "crit", "typ", "http://example.com/x", "", "\u{e9}"];
        for _ in 0..30 {
            let many: Vec<_> = (0..random.below(4)).map(|_| *random.pick(&names)).collect();
            let crit = match random.below(4) {
                0 => json!(random.pick(&names)),
                1 => random
                    .pick(&[json!(null), json!(0), json!({}), json!(true), json!([1]), json!([[]])])
                    .clone(),
                _ => json!(many),
            };
            tokens.push((
                with_header(issuer, |header| {
                    header["crit"] = crit;
                    for name in ["exp", "http://example.com/x"] {
                        header[name] = json!(NOW + 300);
                    }
                }),
                "refused_header",
            ));
        }
        for b64 in [json!(false), json!(true), json!(null), json!("false"), json!(0)] {
            tokens.push((with_header(issuer, |header| header["b64"] = b64.clone()), "refused_header"));
            tokens.push((
                with_header(issuer, |header| {
                    header["b64"] = b64;
                    header["crit"] = json!(["b64"]);
                }),
                "refused_header",
            ));
        }
        for typ in [
            "",
            "at+jwt ",
            " at+jwt",
            "at+jwt\0",
            "at+jwt;charset=utf-8",
            "application/at+jwt; charset=x",
            "jwt",
            "JWT",
            "at",
            "at+jws",
            "at jwt",
            "at+jwt,at+jwt",
            "application/application/at+jwt",
            "application//at+jwt",
            "text/at+jwt",
            "applicatio/at+jwt",
            "id+jwt",
            "logout+jwt",
            "secevent+jwt",
            "dpop+jwt",
            "oauth-authz-req+jwt",
            "JOSE",
            "client-authentication+jwt",
            "statuslist+jwt",
            "token-introspection+jwt",
            "kb+jwt",
            "vc+sd-jwt",
            "\u{ff41}t+jwt",
            "at+\u{17f}wt",
        ] {
            tokens.push((with_header(issuer, |header| header["typ"] = json!(typ)), "wrong_type"));
        }
        tokens.push((
            with_header(issuer, |header| drop(header.as_object_mut().unwrap().remove("typ"))),
            "wrong_type",
        ));
        for typ in [json!(["at+jwt"]), json!(null), json!(1), json!({})] {
            tokens.push((with_header(issuer, |header| header["typ"] = typ), "malformed_token"));
        }
        tokens
    })
    .await;
}

#[tokio::test]
async fn claims_of_others_of_other_times_and_of_other_types_are_refused() {
    // covers: JWT-001, JWT-002, JWT-006, JWT-011, JWT-015, HT-015, HT-017, HT-019, HT-029, HT-033
    all_refused(Stack::Hyper, |issuer| {
        let mut random = Random::new(24);
        let mut tokens = Vec::new();
        let mut push = |name: &str, value: Value, code| {
            tokens.push((with_claims(issuer, |claims| claims[name] = value), code));
        };
        // One change to an identifier makes another one: a letter put in, taken away, or in another case.
        for (name, right, code) in [("iss", ISSUER, "wrong_issuer"), ("aud", AUDIENCE, "wrong_audience")] {
            for _ in 0..40 {
                let (mut text, at) = (right.to_owned(), random.below(right.len()));
                match random.below(4) {
                    0 => {
                        let joint = *random.pick(&[
                            "/",
                            ".",
                            " ",
                            "\0",
                            "%2f",
                            "*",
                            "\u{200b}",
                            "#",
                            "?",
                            "@evil.example",
                        ]);
                        text.insert_str(at, joint);
                    }
                    1 => drop(text.remove(at)),
                    2 => text.truncate(at),
                    _ => text = random.any_case(&text),
                }
                if text != right {
                    push(name, json!(text), code);
                }
            }
            for text in [
                "",
                "*",
                "null",
                "http://169.254.169.254/",
                "file:///etc/passwd",
                "https://evil.example",
                "data:,x",
            ] {
                push(name, json!(text), code);
            }
            for suffix in [".evil.example", "/", "/x", "?x", "#x", ":443", "\0", " "] {
                push(name, json!(format!("{right}{suffix}")), code);
            }
        }
        push("iss", json!([ISSUER]), "malformed_token");
        push("aud", json!([]), "wrong_audience");
        push("aud", json!(["https://other.example", "https://api.example.com/"]), "wrong_audience");
        for value in [
            json!([[AUDIENCE]]),
            json!({ "aud": AUDIENCE }),
            json!(7),
            json!(true),
            json!([AUDIENCE, 1]),
            json!([AUDIENCE, null]),
        ] {
            push("aud", value, "malformed_token");
        }
        // Times at their very ends: `now` is 30 s before the leeway's end.
        for (name, time, code) in [
            ("exp", NOW - 30, "expired"),
            ("exp", NOW - 31, "expired"),
            ("exp", 0, "expired"),
            ("nbf", NOW + 31, "not_yet_valid"),
            ("iat", NOW + 31, "issued_in_the_future"),
            ("iat", NOW + 3600, "issued_in_the_future"),
        ] {
            push(name, json!(time), code);
        }
        for name in ["exp", "nbf", "iat"] {
            for value in [
                json!("1"),
                json!([]),
                json!({}),
                json!(true),
                json!(-1),
                json!(1e300),
                json!(u64::MAX),
                json!(253_402_300_800_u64),
            ] {
                push(name, value, "malformed_token");
            }
        }
        for name in ["sub", "client_id", "jti", "scope"] {
            for value in [json!(1), json!(["x"]), json!({}), json!(false)] {
                push(name, value, "malformed_token");
            }
        }
        for name in ["iss", "aud", "exp", "sub", "client_id", "iat", "jti"] {
            push(name, Value::Null, "missing_claim");
        }
        push(
            "act",
            (0..20).fold(json!({ "sub": "admin" }), |inner, _| json!({ "act": inner })),
            "malformed_token",
        );
        // What is no JSON text in UTF-8.
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": issuer.key_id(Es256) }).to_string();
        let text = claims().to_string();
        let inside =
            |octets: &[u8]| [&text.as_bytes()[..text.len() - 1], b",\"x\":\"", octets, b"\"}"].concat();
        let utf16 = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for payload in [
            inside(b"\\ud800"),
            inside(b"\\udc00\\ud800"),
            inside(b"\xFF"),
            inside(b"\xC0\x80"),
            inside(b"\xED\xA0\x80"),
            inside(b"\xF5\x80\x80\x80"),
            inside(b"\x00"),
            inside(b"\n"),
            inside(b"\\x"),
            utf16,
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            format!("[{text}]").into_bytes(),
            format!("{text}{text}").into_bytes(),
            format!("{text},").into_bytes(),
            text.replace('"', "'").into_bytes(),
            text.replacen('{', "{\"iss\":\"x\",", 1).into_bytes(),
            format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)).into_bytes(),
        ] {
            tokens.push((issuer.sign(Es256, &header, &payload), "malformed_token"));
        }
        tokens
    })
    .await;
}

#[tokio::test]
async fn a_thousand_strangers_on_many_connections_are_all_refused() {
    // covers: JWS-032
    let server = server(Stack::Axum).await;
    let (good, mut random) = (with_claims(&server.issuer, |_| ()), Random::new(25));
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    let strangers: Vec<Vec<String>> = (0..20)
        .map(|_| {
            (0..50)
                .map(|_| {
                    let length = 1 + random.below(900);
                    random.text(letters, length)
                })
                .collect()
        })
        .collect();
    let visits = strangers.iter().map(async |tokens| {
        let mut connection = server.connect().await;
        for token in tokens {
            connection.send(Server::get(format!("Bearer {token}"))).await;
            let answer =
                tokio::time::timeout(Duration::from_secs(10), connection.answer()).await.unwrap().unwrap();
            let code = if token.matches('.').count() == 4 { "encrypted" } else { "malformed_token" };
            answer.assert_is(Expected::Invalid(code));
        }
    });
    futures_util::future::join_all(visits).await;
    assert_eq!(server.calls(), 0);
    server.assert_alive_with(&format!("Bearer {good}")).await;
}
