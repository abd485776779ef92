//! Key sets that other people publish: RFC 7517 (JWK), RFC 7518 §6, RFC 8037 §2, RFC 8725.
#![expect(clippy::indexing_slicing, reason = "a test fails where it stands")]

use portcullis::SignatureAlgorithm::{Ed25519, EdDsa, Es256, Ps256, Rs256, Rs512};
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{ConfigProblem, JwkSet, JwkSetError, ResourceServer, TrustedIssuer};
use serde_json::{Value, json};

use crate::jose::backends::both;
use crate::jose::published::{Published, RFC_6979_P384, RFC_7515_A2, RFC_7515_A3, RFC_8037_A4};
use crate::jose::{CLAIMS, api, encode, server, server_of};
use crate::support::{AUDIENCE, ISSUER, NOW};

/// A set of these keys.
fn set<'a>(keys: impl IntoIterator<Item = &'a Value>) -> Value {
    json!({ "keys": keys.into_iter().collect::<Vec<_>>() })
}

/// The published key with these members besides, or instead.
fn with(key: &Published, members: impl Into<Value>) -> Value {
    let mut jwk = key.public_jwk();
    for (name, value) in members.into().as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn without(key: &Published, name: &str) -> Value {
    let mut jwk = key.public_jwk();
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

/// Issuers of the same name: their first keys share one `kid`.
fn namesakes(count: usize) -> (Vec<Issuer>, Vec<Value>) {
    let issuers: Vec<_> = std::iter::repeat_with(|| Issuer::offline(ISSUER).with_clock(ManualClock::at(NOW)))
        .take(count)
        .collect();
    let keys = issuers.iter().map(|issuer| issuer.jwks_json()["keys"][0].clone()).collect();
    (issuers, keys)
}

/// An odd number of exactly this many bits, big-endian.
fn odd_number(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0x5A; bits.div_ceil(8)];
    bytes[0] = 1 << ((bits - 1) % 8);
    *bytes.last_mut().unwrap() |= 1;
    bytes
}

/// Keys that must not be used, as JSON texts, with what is wrong with them.
pub(crate) fn unusable_keys() -> Vec<(&'static str, String)> {
    let (rsa, ec, okp) = (&RFC_7515_A2, &RFC_7515_A3, &RFC_8037_A4);
    let bent = |key: &Published, name: &str| {
        let mut octets = key.octets(name);
        *octets.last_mut().unwrap() ^= 1;
        encode(octets)
    };
    let shortened = |key: &Published, name: &str| encode(&key.octets(name)[1..]);
    let extended = |key: &Published, name: &str| encode([vec![0], key.octets(name)].concat());
    let padded = |key: &Published, name: &str| format!("{}=", key.public_jwk()[name].as_str().unwrap());
    let whole = [ec.octets("x"), ec.octets("y")].concat();
    let point = |x: Value, y: Value| with(ec, json!({ "x": x, "y": y }));
    let akp = |length: usize, alg: Value| json!({ "kty": "AKP", "alg": alg, "pub": encode(vec![7; length]) });
    let even = {
        let mut modulus = RFC_7515_A2.octets("n");
        *modulus.last_mut().unwrap() &= 0xFE;
        encode(modulus)
    };
    let text = |key: Value| key.to_string();
    let spliced = |member: &str| format!("{},{member}}}", text(ec.public_jwk()).strip_suffix('}').unwrap());
    let values = [
        ("AKP too short", akp(1951, json!("ML-DSA-65"))),
        ("AKP too long", akp(1953, json!("ML-DSA-65"))),
        ("AKP of another size", akp(1312, json!("ML-DSA-65"))),
        ("AKP empty", akp(0, json!("ML-DSA-65"))),
        ("AKP for another type's algorithm", akp(32, json!("Ed25519"))),
        ("AKP for an unknown algorithm", akp(1952, json!("ML-DSA-66"))),
        ("AKP with alg null", akp(1952, Value::Null)),
        ("AKP without alg", json!({ "kty": "AKP", "pub": encode([7; 1952]) })),
        ("AKP without pub", json!({ "kty": "AKP", "alg": "ML-DSA-65" })),
        ("unknown kty", with(ec, json!({ "kty": "XYZ" }))),
        ("kty in lower case", with(rsa, json!({ "kty": "rsa" }))),
        ("kty a number", with(ec, json!({ "kty": 5 }))),
        ("kty null", with(ec, json!({ "kty": null }))),
        ("no kty", without(ec, "kty")),
        ("kty of another key", with(ec, json!({ "kty": "RSA" }))),
        ("empty", json!({})),
        ("an array", json!(["EC", "P-256"])),
        ("a string", json!("EC")),
        ("a number", json!(5)),
        ("null", Value::Null),
        ("symmetric", json!({ "kty": "oct", "alg": "HS256", "k": encode([7; 32]) })),
        ("symmetric, for ES256", json!({ "kty": "oct", "alg": "ES256", "k": encode([7; 32]) })),
        ("RSA without n", without(rsa, "n")),
        ("RSA without e", without(rsa, "e")),
        ("n null", with(rsa, json!({ "n": null }))),
        ("n a number", with(rsa, json!({ "n": 5 }))),
        ("n empty", with(rsa, json!({ "n": "" }))),
        ("n not base64url", with(rsa, json!({ "n": "!!!" }))),
        ("n padded", with(rsa, json!({ "n": padded(rsa, "n") }))),
        ("n with a leading zero", with(rsa, json!({ "n": extended(rsa, "n") }))),
        ("n even", with(rsa, json!({ "n": even }))),
        ("n of 1024 bits", with(rsa, json!({ "n": encode(odd_number(1024)) }))),
        ("n of 2047 bits", with(rsa, json!({ "n": encode(odd_number(2047)) }))),
        ("n of 8193 bits", with(rsa, json!({ "n": encode(odd_number(8193)) }))),
        ("n of 65536 bits", with(rsa, json!({ "n": encode(odd_number(65_536)) }))),
        ("e = 0", with(rsa, json!({ "e": "AA" }))),
        ("e = 1", with(rsa, json!({ "e": "AQ" }))),
        ("e = 1 with a leading zero", with(rsa, json!({ "e": "AAE" }))),
        ("e even", with(rsa, json!({ "e": "AQAA" }))),
        ("e empty", with(rsa, json!({ "e": "" }))),
        ("e with a leading zero", with(rsa, json!({ "e": "AAEAAQ" }))),
        ("e a number", with(rsa, json!({ "e": 65537 }))),
        ("e = 2^64 + 1", with(rsa, json!({ "e": "AQAAAAAAAAAB" }))),
        ("e as long as n", with(rsa, json!({ "e": encode(odd_number(2048)) }))),
        ("for RSA encryption", with(rsa, json!({ "alg": "RSA-OAEP" }))),
        ("for RSA with SHA-1", with(rsa, json!({ "alg": "RS1" }))),
        ("for no signature at all", with(rsa, json!({ "alg": "none" }))),
        ("for HMAC", with(rsa, json!({ "alg": "HS256" }))),
        ("for another type's algorithm", with(rsa, json!({ "alg": "ES256" }))),
        ("for another curve's algorithm", with(ec, json!({ "alg": "ES384" }))),
        ("alg in lower case", with(ec, json!({ "alg": "es256" }))),
        ("alg a number", with(ec, json!({ "alg": 5 }))),
        ("alg a list", with(ec, json!({ "alg": ["ES256"] }))),
        ("kid a number", with(ec, json!({ "kid": 5 }))),
        ("use=enc", with(ec, json!({ "use": "enc" }))),
        ("use in upper case", with(ec, json!({ "use": "SIG" }))),
        ("use a list", with(ec, json!({ "use": ["sig"] }))),
        ("key_ops without verify", with(ec, json!({ "key_ops": ["sign", "encrypt"] }))),
        ("key_ops empty", with(ec, json!({ "key_ops": [] }))),
        ("key_ops a string", with(ec, json!({ "key_ops": "verify" }))),
        ("key_ops nested", with(ec, json!({ "key_ops": [["verify"]] }))),
        ("use and key_ops at odds", with(ec, json!({ "use": "enc", "key_ops": ["verify"] }))),
        ("EC without crv", without(ec, "crv")),
        ("EC without x", without(ec, "x")),
        ("EC without y", without(ec, "y")),
        ("an unsupported curve", with(ec, json!({ "crv": "secp256k1" }))),
        ("crv in lower case", with(ec, json!({ "crv": "p-256" }))),
        ("crv of another size", with(ec, json!({ "crv": "P-384" }))),
        ("crv of another type", with(ec, json!({ "crv": "Ed25519" }))),
        ("x too short", with(ec, json!({ "x": shortened(ec, "x") }))),
        ("x too long", with(ec, json!({ "x": extended(ec, "x") }))),
        ("y too short", with(ec, json!({ "y": shortened(ec, "y") }))),
        ("x not base64url", with(ec, json!({ "x": "\u{fffd}" }))),
        ("x and y cut elsewhere", point(encode(&whole[..31]).into(), encode(&whole[31..]).into())),
        ("off the curve", with(ec, json!({ "y": bent(ec, "y") }))),
        ("off the curve, P-384", with(&RFC_6979_P384, json!({ "x": bent(&RFC_6979_P384, "x") }))),
        ("the origin", point(encode([0; 32]).into(), encode([0; 32]).into())),
        ("coordinates above the field", point(encode([0xFF; 32]).into(), encode([0xFF; 32]).into())),
        ("Ed448", json!({ "kty": "OKP", "crv": "Ed448", "x": encode([7; 57]) })),
        ("X25519", with(okp, json!({ "crv": "X25519" }))),
        ("OKP without crv", without(okp, "crv")),
        ("OKP without x", without(okp, "x")),
        ("OKP x too short", with(okp, json!({ "x": shortened(okp, "x") }))),
        ("OKP x too long", with(okp, json!({ "x": extended(okp, "x") }))),
    ];
    let texts = [
        ("a name twice", spliced(r#""crv":"P-256""#)),
        ("a name twice, escaped", spliced(r#""\u0063rv":"P-256""#)),
        ("an unknown name twice", spliced(r#""x-foo":1,"x-foo":2"#)),
        ("17 levels", spliced(&format!(r#""x-foo":{}{}"#, "[".repeat(16), "]".repeat(16)))),
        ("10 000 levels", spliced(&format!(r#""x-foo":{}{}"#, "[".repeat(10_000), "]".repeat(10_000)))),
        ("a lone surrogate", spliced(r#""x-foo":"\ud800""#)),
        ("a number out of range", spliced(r#""x-foo":1e999"#)),
    ];
    values.into_iter().map(|(flaw, key)| (flaw, text(key))).chain(texts).collect()
}

#[tokio::test]
async fn an_unusable_key_is_passed_over_and_never_spoils_the_others() {
    // covers: JWK-002, JWK-004, JWK-005, JWK-024, JWK-025, JWS-014, JWS-015, JWS-016, JWS-017, JWS-020, HT-025, HK-003, HK-013
    let bad = unusable_keys();
    let alone = |key: &str| JwkSet::from_json(&format!(r#"{{"keys":[{key}]}}"#)).unwrap();
    let built = bad.iter().filter(|(_, key)| server_of(alone(key)).build().is_ok());
    assert_eq!(built.map(|(flaw, _)| *flaw).collect::<Vec<_>>(), [""; 0], "a server was built on them");
    for (flaw, key) in &bad {
        let error = server_of(alone(key)).build().unwrap_err();
        let codes: Vec<_> = error.problems().iter().map(ConfigProblem::code).collect();
        assert_eq!(codes, ["no_usable_key"], "{flaw}");
    }
    let counted = bad.iter().filter(|(_, key)| !alone(key).is_empty());
    assert_eq!(counted.map(|(flaw, _)| *flaw).collect::<Vec<_>>(), [""; 0], "`len` counts them as usable");
    let good = with(&RFC_7515_A3, json!({ "kid": "good" })).to_string();
    for position in [0, bad.len() / 2, bad.len()] {
        let mut keys: Vec<_> = bad.iter().map(|(_, key)| key.clone()).collect();
        keys.insert(position, good.clone());
        let set = JwkSet::from_json(&format!(r#"{{"keys":[{}]}}"#, keys.join(","))).unwrap();
        assert_eq!(set.len(), 1);
        let api = both(server_of(set));
        for header in [r#"{"alg":"ES256","typ":"at+jwt","kid":"good"}"#, r#"{"alg":"ES256","typ":"at+jwt"}"#]
        {
            let input = format!("{}.{}", encode(header), encode(CLAIMS));
            api.token(RFC_7515_A3.token(Es256, &input)).await.assert_admitted();
        }
        api.token(RFC_7515_A2.right_token(Rs256)).await.assert_invalid("unknown_key");
        api.token(RFC_8037_A4.right_token(EdDsa)).await.assert_invalid("unknown_key");
    }
}

#[tokio::test]
async fn an_ed25519_key_for_which_anybody_can_sign_is_not_used() {
    // covers: JWS-020
    // The y of every point of order 1, 2, 4 and 8, and the two of them that are also written with y + p. Where [h]A
    // is the identity (for order 1 always, for order 8 for one token in eight), the identity and S = 0 are a
    // signature of anything.
    let (zero, one) = ("00".repeat(31), "ff".repeat(30));
    let encodings = [
        format!("01{zero}"),
        format!("ec{one}7f"),
        format!("00{zero}"),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(),
        format!("ed{one}7f"),
        format!("ee{one}7f"),
    ];
    let signature = encode([&[1], [0; 63].as_slice()].concat());
    let good = RFC_8037_A4.public_jwk();
    let mut failures = Vec::new();
    for (encoding, sign) in encodings.iter().flat_map(|encoding| [(encoding, 0), (encoding, 0x80)]) {
        let octets = encoding.as_bytes().chunks(2).map(|hex| str::from_utf8(hex).unwrap());
        let mut x: Vec<_> = octets.map(|hex| u8::from_str_radix(hex, 16).unwrap()).collect();
        x[31] |= sign;
        let weak = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&x) });
        let api = both(server(&set([&weak, &good])));
        api.token(RFC_8037_A4.right_token(EdDsa)).await.assert_admitted();
        let mut forged = 0;
        for jti in 0..32 {
            let claims = CLAIMS.replace(r#""jti":"1""#, &format!(r#""jti":"{jti}""#));
            let header = encode(r#"{"alg":"EdDSA","typ":"at+jwt"}"#);
            forged += api.token(format!("{header}.{}.{signature}", encode(claims))).await.inner_calls;
        }
        let usable = JwkSet::from_json(&set([&weak]).to_string()).unwrap().len();
        if (forged, usable) != (0, 0) {
            failures.push(format!("{encoding}, sign {sign:#x}: {forged} of 32 forged tokens were admitted"));
        }
    }
    assert_eq!(failures, [""; 0]);
}

#[tokio::test]
async fn keys_at_the_bounds_and_with_unknown_members_are_used() {
    // covers: JWK-003, JWK-021, JWK-024, JWS-015, JWS-017
    for bits in [2048, 3072, 8192] {
        let key = with(&RFC_7515_A2, json!({ "n": encode(odd_number(bits)), "e": "Aw" }));
        assert_eq!(JwkSet::from_json(&set([&key]).to_string()).unwrap().len(), 1, "{bits} bits");
        let _ = server(&set([&key])).build().unwrap();
    }
    let token = RFC_7515_A3.right_token(Es256);
    for members in [
        json!({ "use": "sig" }),
        json!({ "key_ops": ["verify"] }),
        json!({ "key_ops": ["sign", "verify", 5], "use": "sig", "alg": "ES256" }),
        json!({ "issuer": "https://evil.example", "x-foo": { "kty": "RSA" }, "exp": 1 }),
        json!({ "x5c": ["AAAA"], "x5t": 5, "x5u": "http://169.254.169.254/" }),
        json!({ "n": "AQAB", "e": null }),
    ] {
        println!("{members}");
        let key = with(&RFC_7515_A3, members);
        both(server(&json!({ "jwks_uri": "x", "keys": [key], "x-foo": [[1]] })))
            .token(&token)
            .await
            .assert_admitted();
    }
}

#[test]
fn what_is_no_key_set_is_an_error_and_an_empty_one_is_not() {
    // covers: JWK-001, JWK-016, JWK-018, HK-001
    let key = RFC_7515_A3.public_jwk().to_string();
    let many = |count: usize, key: &str| format!(r#"{{"keys":[{}]}}"#, vec![key; count].join(","));
    let [one, thousand, crowd] = [1, 1_000, 1_001].map(|count| many(count, &key));
    for (text, length) in [
        (r#"{"keys":[]}"#, 0),
        (&*one, 1),
        (&format!(" \r\n\t{one}\n"), 1),
        (&one.replace("keys", r"\u006beys"), 1),
        (&thousand, 1_000),
    ] {
        assert_eq!(JwkSet::from_json(text).unwrap().len(), length, "{text}");
    }
    for text in [
        "",
        " ",
        "{}",
        "[]",
        "null",
        "true",
        "5",
        r#""keys""#,
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":"x"}"#,
        r#"{"Keys":[]}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[],"\u006beys":[]}"#,
        &format!("[[{key}]]"),
        &format!(r#"[{{"keys":[{key}]}}]"#),
        &key,
        one.strip_suffix('}').unwrap(),
        one.split_at(one.len() / 2).0,
        &format!("{one}x"),
        &format!("{one}{one}"),
        &format!("\u{feff}{one}"),
        &format!("{one}\0"),
        r#"{"keys":[{"kty":01}]}"#,
        r#"{"keys":[,]}"#,
        "<!DOCTYPE html><html><body>Sign in</body></html>",
    ] {
        assert_eq!(JwkSet::from_json(text).unwrap_err(), JwkSetError::Malformed, "{text}");
    }
    for text in [&crowd, &many(1_001, "null"), &many(100_000, "0")] {
        assert_eq!(JwkSet::from_json(text).unwrap_err(), JwkSetError::TooManyKeys);
    }
}

#[tokio::test]
async fn private_members_are_neither_needed_nor_kept() {
    // covers: JWK-005, HK-005
    for (key, algorithm) in [(&RFC_7515_A2, Rs256), (&RFC_7515_A3, Es256), (&RFC_8037_A4, Ed25519)] {
        let jwk = key.jwk.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let document = json!({ "keys": [Value::Object(jwk), { "kty": "oct", "k": encode([0xA7; 32]) }] });
        let set = JwkSet::from_json(&document.to_string()).unwrap();
        assert_eq!(set.len(), 1);
        let printed = format!("{set:?} {:?}", server(&document));
        let secrets = ["d", "p", "q", "dp", "dq", "qi"].map(|name| key.octets(name));
        for secret in secrets.into_iter().chain([vec![0xA7; 32]]).filter(|secret| !secret.is_empty()) {
            let decimal = format!("{secret:?}");
            assert!(!printed.contains(decimal.trim_matches(['[', ']'])), "{printed}");
            assert!(!printed.contains(&encode(&secret)), "{printed}");
        }
        both(server(&document)).token(key.right_token(algorithm)).await.assert_admitted();
    }
}

#[tokio::test]
async fn a_kid_is_compared_exactly() {
    // covers: JWK-006
    let key = with(&RFC_7515_A3, json!({ "kid": "Key-1" }));
    let api =
        both(server(&set([&key, &with(&RFC_8037_A4, json!({ "kid": "" })), &RFC_6979_P384.public_jwk()])));
    let token = |kid: &str| {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }).to_string();
        RFC_7515_A3.token(Es256, &format!("{}.{}", encode(header), encode(CLAIMS)))
    };
    api.token(token("Key-1")).await.assert_admitted();
    for kid in ["key-1", "KEY-1", "Key-1 ", " Key-1", "Key-", "Key-11", "Key\u{2010}1", "../Key-1", "*", ""] {
        println!("{kid:?}");
        api.token(token(kid)).await.assert_invalid("unknown_key");
    }
}

#[tokio::test]
async fn keys_that_share_a_kid_are_told_apart_or_all_tried() {
    // covers: JWK-020, JWS-014
    let (issuers, keys) = namesakes(2);
    let kid = issuers[0].key_id(Es256);
    let [rsa, okp] = [&RFC_7515_A2, &RFC_8037_A4].map(|key| with(key, json!({ "kid": kid })));
    let enc = with(&RFC_7515_A2, json!({ "kid": kid, "use": "enc" }));
    for keys in [[&rsa, &keys[0], &enc, &okp, &keys[1]], [&keys[1], &okp, &keys[0], &enc, &rsa]] {
        let api = both(server(&set(keys)));
        for issuer in &issuers {
            api.token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
        }
        for (key, algorithm) in [(&RFC_7515_A2, Rs512), (&RFC_8037_A4, EdDsa)] {
            let header = json!({ "alg": algorithm.name(), "typ": "at+jwt", "kid": kid }).to_string();
            let token = key.token(algorithm, &format!("{}.{}", encode(header), encode(CLAIMS)));
            api.token(token).await.assert_admitted();
        }
        let (stranger, _) = namesakes(1);
        api.token(stranger[0].token(AUDIENCE).sign()).await.assert_invalid("bad_signature");
    }
}

#[tokio::test]
async fn a_token_is_tried_against_few_keys_only() {
    // covers: JWK-007
    let (issuers, keys) = namesakes(5);
    // Keys that cannot have signed the token do not count.
    let others: Vec<_> =
        (0..20).map(|index| with(&RFC_7515_A2, json!({ "kid": format!("rsa-{index}") }))).collect();
    let api = both(server(&set(others.iter().chain(&keys))));
    for (index, issuer) in issuers.iter().enumerate() {
        for token in [issuer.token(AUDIENCE), issuer.token(AUDIENCE).without_header("kid")] {
            println!("key {index}");
            let answer = api.token(token.sign()).await;
            if index < 4 { answer.assert_admitted() } else { answer.assert_invalid("bad_signature") }
        }
    }
    api.token(issuers[0].token(AUDIENCE).header("kid", "rsa-1").sign()).await.assert_invalid("unknown_key");
}

#[tokio::test]
async fn a_key_serves_only_the_issuer_that_published_it() {
    // covers: JWK-019, HT-023
    let clock = ManualClock::at(NOW);
    let issuers = ["https://a.example.com", "https://b.example.com"]
        .map(|url| Issuer::offline(url).with_clock(clock.clone()));
    assert_eq!(issuers[0].key_id(Es256), issuers[1].key_id(Es256));
    let apis = issuers.each_ref().map(|issuer| {
        let trusted = TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set());
        api(ResourceServer::builder(trusted).audience(AUDIENCE).with_clock(clock.clone()))
    });
    for (signer, own, other) in [(&issuers[0], 0, 1), (&issuers[1], 1, 0)] {
        let token = signer.token(AUDIENCE);
        apis[own].token(token.clone().sign()).await.assert_admitted();
        apis[other].token(token.clone().sign()).await.assert_invalid("wrong_issuer");
        let disguised = token.claim("iss", issuers[other].url()).sign();
        apis[own].token(&disguised).await.assert_invalid("wrong_issuer");
        apis[other].token(&disguised).await.assert_invalid("bad_signature");
    }
}

#[tokio::test]
async fn a_key_without_alg_serves_what_is_allowed_and_one_with_alg_only_that() {
    // covers: JWK-023, JWS-011, JWS-013
    let (free, bound) = (RFC_7515_A2.public_jwk(), with(&RFC_7515_A2, json!({ "alg": "RS256" })));
    let [rs256, ps256] = [Rs256, Ps256].map(|algorithm| RFC_7515_A2.right_token(algorithm));
    let free_api = both(server(&set([&free])));
    free_api.token(&rs256).await.assert_admitted();
    free_api.token(&ps256).await.assert_admitted();
    let narrow_api = both(server(&set([&free])).algorithms([Rs256]));
    narrow_api.token(&rs256).await.assert_admitted();
    narrow_api.token(&ps256).await.assert_invalid("algorithm_not_allowed");
    let bound_api = both(server(&set([&bound])));
    bound_api.token(&rs256).await.assert_admitted();
    bound_api.token(&ps256).await.assert_invalid("unknown_key");
}

#[test]
fn a_static_set_has_no_key_that_is_never_tried() {
    // covers: JWK-007
    let key = RFC_7515_A3.public_jwk();
    let build = |count: usize| {
        let set = JwkSet::from_json(&json!({ "keys": vec![key.clone(); count] }).to_string()).unwrap();
        ResourceServer::builder(TrustedIssuer::new(ISSUER).jwk_set(set)).audience(AUDIENCE).build()
    };
    assert!(build(4).is_ok());
    assert_eq!(build(5).unwrap_err().problems()[0].code(), "too_many_keys_without_id");
    // Keys with `kid` are tried before it, too; a token that names one is tried against that one only.
    let behind = |named: usize| {
        let named = (0..named).map(|number| with(&RFC_7515_A3, json!({ "kid": number.to_string() })));
        let keys: Vec<_> = named.chain([key.clone()]).collect();
        let set = JwkSet::from_json(&json!({ "keys": keys }).to_string()).unwrap();
        ResourceServer::builder(TrustedIssuer::new(ISSUER).jwk_set(set)).audience(AUDIENCE).build()
    };
    assert!(behind(3).is_ok());
    assert_eq!(behind(4).unwrap_err().problems()[0].code(), "too_many_keys_without_id");
}
