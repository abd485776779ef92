//! Signatures and who may make them: RFC 7518 §3, RFC 8037, RFC 9864, RFC 8725 §3.1 to §3.4.

use jsonwebtoken::{EncodingKey, crypto};
use portcullis::SignatureAlgorithm::{self, Ed25519, EdDsa, Es256, Es384, Es512, Ps256, Rs256};
use serde_json::{Value, json};

use super::backends::both;
use super::published::{
    RFC_6979_P384, RFC_7515_A2, RFC_7515_A3, RFC_7515_A4, RFC_8037_A4, WRONG_PS256, der, der_integer, pem,
};
use super::{CLAIMS, KEYS, decode, encode, flipped, keys_api, parts, resigned, server, with_header};
use crate::support::AUDIENCE;

/// Big-endian `a + b` in as many octets as both have, if it fits.
fn sum(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    let mut carry = 0;
    let add = |(a, b): (&u8, &u8)| {
        let sum = u16::from(*a) + u16::from(*b) + carry;
        carry = sum >> 8;
        sum.to_be_bytes()[1]
    };
    let mut sum: Vec<u8> = a.iter().rev().zip(b.iter().rev()).map(add).collect();
    sum.reverse();
    (carry == 0).then_some(sum)
}

#[tokio::test]
async fn every_algorithm_is_admitted_and_no_changed_bit_or_length_is() {
    // covers: JWS-030, JWS-034, JWS-035, JWS-018, JWS-005, HT-007
    let api = keys_api();
    for algorithm in SignatureAlgorithm::ALL {
        println!("{algorithm}");
        let token = KEYS.token(AUDIENCE).algorithm(algorithm).sign();
        api.token(&token).await.assert_admitted();
        // ML-DSA signatures are long: a prime step meets every part of one.
        let step = if token.len() > 2_000 { 7 } else { 1 };
        for position in (0..token.len()).step_by(step).filter(|at| token.as_bytes()[*at] != b'.') {
            let answer = api.token(flipped(&token, position, position % 6)).await;
            answer.assert_invalid(answer.code());
        }
        let signature = decode(parts(&token)[2]);
        let length = signature.len();
        for signature in [
            vec![],
            vec![0; length],
            vec![0xFF; length],
            signature[..length - 1].to_vec(),
            signature[1..].to_vec(),
            [&[0], &*signature].concat(),
            [&*signature, &[0]].concat(),
            [&*signature, &*signature].concat(),
        ] {
            api.token(resigned(&token, |_| signature)).await.assert_invalid("bad_signature");
        }
    }
}

#[tokio::test]
async fn published_keys_verify_what_an_independent_signer_made_with_them() {
    // covers: JWS-022, JWS-034, JWS-035
    for (key, algorithms) in [
        (&RFC_7515_A2, &[Rs256, Ps256][..]),
        (&RFC_7515_A3, &[Es256]),
        (&RFC_6979_P384, &[Es384]),
        (&RFC_7515_A4, &[Es512]),
        (&RFC_8037_A4, &[EdDsa, Ed25519]),
    ] {
        assert!(key.verifies(), "the RFC's own signature, {}", key.algorithm);
        let api = both(server(&json!({ "keys": [key.public_jwk()] })));
        for algorithm in algorithms {
            let token = key.right_token(*algorithm);
            api.token(&token).await.assert_admitted();
            let altered = token.replacen(&encode(CLAIMS), &encode(CLAIMS.replace("alice", "mallo")), 1);
            api.token(altered).await.assert_invalid("bad_signature");
        }
    }
}

/// For each of ML-DSA-44, 65 and 87 a JWK and a right token, made with OpenSSL 4.0 from the seed 0, 1, .. 31.
pub(super) const ML_DSA: &str = include_str!("ml_dsa.txt");

#[tokio::test]
async fn ml_dsa_tokens_of_an_independent_signer_are_admitted_by_their_own_key_only() {
    // covers: JWK-025, JWS-013
    let lines: Vec<_> = ML_DSA.lines().collect();
    let all: Vec<Value> = lines.iter().step_by(2).map(|jwk| serde_json::from_str(jwk).unwrap()).collect();
    let api = both(server(&json!({ "keys": all })));
    for (jwk, token) in all.iter().zip(lines.iter().skip(1).step_by(2)) {
        println!("{}", jwk["alg"]);
        api.token(token).await.assert_admitted();
        api.token(flipped(token, token.len() - 20, 3)).await.assert_invalid("bad_signature");
        let others: Vec<_> = all.iter().filter(|other| other["alg"] != jwk["alg"]).collect();
        both(server(&json!({ "keys": others }))).token(token).await.assert_invalid("unknown_key");
    }
}

#[tokio::test]
async fn an_ecdsa_signature_is_two_full_length_numbers_within_the_order() {
    // covers: JWS-018, JWS-019
    // Published keys, and the orders of their curves.
    let orders = [
        (&RFC_7515_A3, "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE"),
        (&RFC_6979_P384, "________________________________x2NNgfQ3Ld9YGg2ySLCneuzsGWrMxSlz"),
        (
            &RFC_7515_A4,
            "Af__________________________________________-lGGh4O_L5Zrf8wBSPcJpdA7tcm4iZxHrrtvtx6ROGQJ",
        ),
    ];
    for (key, order) in orders {
        let api = both(server(&json!({ "keys": [key.public_jwk()] })));
        let token = key.right_token(key.algorithm);
        api.token(&token).await.assert_admitted();
        let (order, signature) = (decode(order), decode(parts(&token)[2]));
        let (r, s) = signature.split_at(signature.len() / 2);
        let (zero, one) = (vec![0; r.len()], [vec![0; r.len() - 1], vec![1]].concat());
        let mut forged = vec![
            der(0x30, &[der_integer(r), der_integer(s)].concat()),
            [r, &*zero].concat(),
            [&*zero, s].concat(),
            [&*zero, &*zero].concat(),
            [&*one, &*zero].concat(),
            [&*order, s].concat(),
            [r, &*order].concat(),
            [&*order, &*order].concat(),
            [s, r].concat(),
        ];
        // The same values modulo the order: they fit where the curve has fewer bits than its octets.
        forged.extend(sum(r, &order).map(|r| [&*r, s].concat()));
        forged.extend(sum(s, &order).map(|s| [r, &*s].concat()));
        for signature in forged {
            api.token(resigned(&token, |_| signature)).await.assert_invalid("bad_signature");
        }
    }
}

#[tokio::test]
async fn an_eddsa_or_rsa_signature_has_one_value() {
    // covers: JWS-035
    let api = both(server(&json!({ "keys": [RFC_8037_A4.public_jwk(), RFC_7515_A2.public_jwk()] })));
    let token = RFC_8037_A4.right_token(EdDsa);
    // Plus the order of the base point, little-endian (RFC 8032 §5.1.7).
    let s_plus_order = |mut signature: Vec<u8>| {
        let order = decode("EAAAAAAAAAAAAAAAAAAAABTe-d6i95zWWBJjGlz10-0");
        signature[32..].reverse();
        let mut s = sum(&signature[32..], &order).unwrap();
        s.reverse();
        [&signature[..32], &*s].concat()
    };
    api.token(&token).await.assert_admitted();
    api.token(resigned(&token, s_plus_order)).await.assert_invalid("bad_signature");
    // Plus the modulus, in the first token where that fits (RFC 8017 §5.2.2).
    let modulus = RFC_7515_A2.octets("n");
    let fits = (0..).find_map(|jti| {
        let claims = CLAIMS.replace(r#""jti":"1""#, &format!(r#""jti":"{jti}""#));
        let token = RFC_7515_A2
            .token(Rs256, &format!("{}.{}", encode(r#"{"alg":"RS256","typ":"at+jwt"}"#), encode(claims)));
        sum(&decode(parts(&token)[2]), &modulus).map(|sum| (resigned(&token, |_| sum), token))
    });
    let (forged, token) = fits.unwrap();
    api.token(token).await.assert_admitted();
    api.token(forged).await.assert_invalid("bad_signature");
}

#[tokio::test]
async fn pss_with_another_salt_or_mask_is_refused() {
    // covers: JWS-021
    let api = both(server(&json!({ "keys": [RFC_7515_A2.public_jwk()] })));
    let token = RFC_7515_A2.right_token(Ps256);
    let input = format!("{}.{}", encode(r#"{"alg":"PS256","typ":"at+jwt"}"#), encode(CLAIMS));
    assert!(token.starts_with(&input), "{token}");
    api.token(token).await.assert_admitted();
    for (flaw, signature) in WRONG_PS256 {
        println!("{flaw}");
        api.token(format!("{input}.{signature}")).await.assert_invalid("bad_signature");
    }
}

#[tokio::test]
async fn neither_none_nor_any_name_outside_the_set_is_an_algorithm() {
    // covers: JWS-009, JWS-010, HT-001
    let api = keys_api();
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "nonE",
        "none ",
        " none",
        "none\0",
        "NONE\n",
        "n\u{43e}ne",
        "",
        "null",
        "es256",
        "Es256",
        "ES256 ",
        "ES-256",
        "ES256K",
        "ECDSA",
        "ed25519",
        "eddsa",
        "EDDSA",
        "Ed448",
        "ML-DSA",
        "ML-DSA-64",
        "ml-dsa-65",
        "SLH-DSA-SHA2-128s",
        "rs256",
        "RS1",
        "RSA-OAEP",
        "dir",
        "A256GCM",
        "HS256",
        "HS384",
        "HS512",
        "hs256",
        "ES256\u{200b}",
        "*",
    ] {
        println!("{alg:?}");
        let token = with_header(&json!({ "alg": alg, "typ": "at+jwt" }).to_string());
        api.token(&token).await.assert_invalid("algorithm_not_allowed");
        for signature in [vec![], vec![0xA5; 64]] {
            api.token(resigned(&token, |_| signature)).await.assert_invalid("algorithm_not_allowed");
        }
    }
    api.token(with_header(r#"{"alg":"ES256","typ":"at+jwt"}"#)).await.assert_admitted();
}

#[tokio::test]
async fn the_octets_of_a_public_key_are_no_hmac_secret() {
    // covers: JWS-012
    let (rsa, ec) = (RFC_7515_A2.public_jwk(), RFC_7515_A3.public_jwk());
    let set = json!({ "keys": [rsa, ec] });
    let api = both(server(&set));
    let (pkcs1, spki) = (RFC_7515_A2.rsa_public_der(), RFC_7515_A2.rsa_spki());
    for secret in [
        vec![],
        set.to_string().into_bytes(),
        rsa.to_string().into_bytes(),
        rsa["n"].as_str().unwrap().into(),
        RFC_7515_A2.octets("n"),
        pem("PUBLIC KEY", &spki),
        pem("RSA PUBLIC KEY", &pkcs1),
        spki,
        pkcs1,
        ec.to_string().into_bytes(),
        RFC_7515_A3.point(),
        RFC_7515_A3.octets("x"),
    ] {
        for name in ["HS256", "HS384", "HS512"] {
            let header = json!({ "alg": name, "typ": "at+jwt" }).to_string();
            let input = format!("{}.{}", encode(header), encode(CLAIMS));
            let key = EncodingKey::from_secret(&secret);
            let signature = crypto::sign(input.as_bytes(), &key, name.parse().unwrap()).unwrap();
            api.token(format!("{input}.{signature}")).await.assert_invalid("algorithm_not_allowed");
        }
    }
    api.token(RFC_7515_A2.right_token(Rs256)).await.assert_admitted();
}

#[tokio::test]
async fn only_algorithms_of_the_configured_list_are_taken() {
    // covers: JWS-011, JWS-023
    for allowed in SignatureAlgorithm::ALL {
        let api = both(server(&KEYS.jwks_json()).algorithms([allowed]));
        for algorithm in SignatureAlgorithm::ALL {
            println!("{allowed} allowed, {algorithm} used");
            let answer = api.token(KEYS.token(AUDIENCE).algorithm(algorithm).sign()).await;
            if algorithm == allowed {
                answer.assert_admitted();
            } else {
                answer.assert_invalid("algorithm_not_allowed");
            }
        }
    }
}

#[tokio::test]
async fn key_type_curve_and_the_keys_own_alg_must_fit_the_algorithm() {
    // covers: JWS-013, JWS-014, JWS-022, JWS-023
    let mut free = KEYS.jwks_json();
    // All but ML-DSA keys, which have to say it (RFC 9964 §2).
    for key in free["keys"].as_array_mut().unwrap().iter_mut().filter(|key| key["kty"] != "AKP") {
        key.as_object_mut().unwrap().remove("alg");
    }
    let (strict, free) = (keys_api(), both(server(&free)));
    let is_rsa = |algorithm: SignatureAlgorithm| algorithm.name().starts_with(['R', 'P']);
    let is_ed25519 = |algorithm: SignatureAlgorithm| matches!(algorithm, EdDsa | Ed25519);
    for signed in SignatureAlgorithm::ALL {
        for named in SignatureAlgorithm::ALL {
            println!("signed with {signed}, named {named}");
            let token = KEYS.token(AUDIENCE).algorithm(signed).header("alg", named.name()).sign();
            let (strict, free) = (strict.token(&token).await, free.token(&token).await);
            if signed == named {
                strict.assert_admitted();
                free.assert_admitted();
                continue;
            }
            strict.assert_invalid("unknown_key");
            match (is_rsa(signed) && is_rsa(named), is_ed25519(signed) && is_ed25519(named)) {
                (true, _) => free.assert_invalid("bad_signature"),
                (_, true) => free.assert_admitted(),
                _ => free.assert_invalid("unknown_key"),
            }
        }
    }
}
