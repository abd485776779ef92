//! Public keys as PEM: RFC 7468, RFC 5480, RFC 8410, RFC 9881. `pem/` holds keys, certificates and tokens that the
//! `openssl` command made (3.0; those for ML-DSA OpenSSL 4.0). Of the private halves nothing is left.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::SignatureAlgorithm::{EdDsa, Es256, Rs256};
use portcullis::{HmacAlgorithm, JwkSet, PemError};
use serde_json::json;

use super::backends::both;
use super::hmac::foreign_token;
use super::published::{RFC_7515_A2, RFC_7515_A3, RFC_8037_A4, der, pem};
use super::signatures::ML_DSA;
use super::{CLAIMS, encode, flipped, server, server_of};

macro_rules! files {
    ($($name:literal),+) => {
        [$(($name, include_str!(concat!("pem/", $name, ".pem")))),+]
    };
}

/// The file of this name.
pub(super) fn file(name: &str) -> &'static str {
    let files = files![
        "ed25519",
        "ed25519_certificate",
        "ed448",
        "ml_dsa_44",
        "ml_dsa_65",
        "ml_dsa_87",
        "p256",
        "p256_certificate",
        "p256_compressed",
        "p256_explicit",
        "p384",
        "p521",
        "rsa",
        "rsa_1024",
        "rsa_3072",
        "rsa_certificate",
        "rsa_pkcs1",
        "rsa_pss",
        "secp256k1",
        "x25519"
    ];
    files.into_iter().find(|file| file.0 == name).unwrap().1
}

/// Algorithm, name of the key, and a right token that names a `kid`.
fn tokens() -> Vec<[&'static str; 3]> {
    let lines = include_str!("pem/tokens.txt").lines();
    lines.map(|line| line.split(' ').collect::<Vec<_>>().try_into().unwrap()).collect()
}

#[tokio::test]
async fn tokens_that_openssl_signed_are_admitted_by_its_keys_and_certificates() {
    // covers: JWS-034, JWS-035
    // The certificates are not valid at the time of these tests, and for nobody in particular: only the key counts.
    let forms = [
        ("rsa", &["rsa", "rsa_pkcs1", "rsa_certificate"][..]),
        ("rsa_3072", &["rsa_3072"]),
        ("p256", &["p256", "p256_certificate"]),
        ("p384", &["p384"]),
        ("p521", &["p521"]),
        ("ed25519", &["ed25519", "ed25519_certificate"]),
    ];
    for (key, names) in forms {
        for name in names {
            let apis = both(server_of(JwkSet::from_pem(file(name)).unwrap()));
            for [algorithm, signer, token] in tokens() {
                println!("{name}: {algorithm} by {signer}");
                let answer = apis.token(token).await;
                if signer == key {
                    answer.assert_admitted();
                    let forged = flipped(token, token.len() - 20, 2);
                    apis.token(forged).await.assert_invalid("bad_signature");
                } else {
                    let fits = matches!(
                        (key, signer),
                        ("rsa", "rsa_3072" | "rsa_1024") | ("rsa_3072", "rsa" | "rsa_1024")
                    );
                    answer.assert_invalid(if fits { "bad_signature" } else { "unknown_key" });
                }
            }
        }
    }
    let right_ml_dsa_tokens = ML_DSA.lines().skip(1).step_by(2);
    for (name, token) in ["ml_dsa_44", "ml_dsa_65", "ml_dsa_87"].into_iter().zip(right_ml_dsa_tokens) {
        let apis = both(server_of(JwkSet::from_pem(file(name)).unwrap()));
        apis.token(token).await.assert_admitted();
        apis.token(flipped(token, token.len() - 20, 2)).await.assert_invalid("bad_signature");
    }
}

#[tokio::test]
async fn a_key_without_identifier_takes_any_kid_from_pem_and_none_from_a_key_set() {
    // covers: JWK-006, JWK-007
    let key = &RFC_8037_A4;
    let spki = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &key.octets("x")].concat();
    let text = String::from_utf8(pem("PUBLIC KEY", &spki)).unwrap();
    let from_pem = both(server_of(JwkSet::from_pem(&text).unwrap()));
    let from_set = both(server(&json!({ "keys": [key.public_jwk()] })));
    let without_kid = key.right_token(EdDsa);
    from_pem.token(&without_kid).await.assert_admitted();
    from_set.token(&without_kid).await.assert_admitted();
    for kid in ["k1", "", "any"] {
        let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid }).to_string();
        let with_kid = key.token(EdDsa, &format!("{}.{}", encode(header), encode(CLAIMS)));
        from_pem.token(&with_kid).await.assert_admitted();
        from_set.token(&with_kid).await.assert_invalid("unknown_key");
    }
    from_pem.token(RFC_7515_A3.right_token(Es256)).await.assert_invalid("unknown_key");
}

#[tokio::test]
async fn the_text_and_der_of_a_pem_key_are_no_hmac_secret() {
    // covers: JWS-012
    let text = file("rsa");
    let apis = both(server_of(JwkSet::from_pem(text).unwrap()));
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let spki = STANDARD.decode(&body).unwrap();
    for secret in [text.as_bytes(), text.trim_end().as_bytes(), body.as_bytes(), &spki, &spki[24..]] {
        for algorithm in HmacAlgorithm::ALL {
            apis.token(foreign_token(algorithm, secret)).await.assert_invalid("algorithm_not_allowed");
        }
    }
    apis.token(tokens()[0][2]).await.assert_admitted();
}

#[tokio::test]
async fn several_blocks_are_several_keys_up_to_four_for_one_algorithm() {
    // covers: JWK-007
    let names = ["rsa", "rsa_3072", "p256_certificate", "p384", "p521", "ed25519"];
    let text = names.map(|name| format!("# {name}\r\n{}\n", file(name).replace('\n', "\r\n"))).concat();
    let set = JwkSet::from_pem(&text).unwrap();
    assert_eq!(set.len(), names.len());
    let apis = both(server_of(set));
    for [algorithm, signer, token] in tokens() {
        println!("{algorithm} by {signer}");
        let answer = apis.token(token).await;
        if signer == "rsa_1024" { answer.assert_invalid("bad_signature") } else { answer.assert_admitted() }
    }
    // The fourth is still tried; a fifth never would be.
    let rsa_key = |low: u8| {
        let mut modulus = RFC_7515_A2.octets("n");
        *modulus.last_mut().unwrap() = low | 1;
        let key = der(0x30, &[der(2, &[&[0], &*modulus].concat()), der(2, &[1, 0, 1])].concat());
        String::from_utf8(pem("RSA PUBLIC KEY", &key)).unwrap()
    };
    let right = RFC_7515_A2.octets("n").last().copied().unwrap();
    let four: String = [right ^ 2, right ^ 4, right ^ 8, right].map(rsa_key).concat();
    both(server_of(JwkSet::from_pem(&four).unwrap()))
        .token(RFC_7515_A2.right_token(Rs256))
        .await
        .assert_admitted();
    let five = format!("{four}{}", rsa_key(right ^ 16));
    assert_eq!(JwkSet::from_pem(&five).unwrap_err(), PemError::TooManyKeys);
    assert_eq!(JwkSet::from_pem(&format!("{four}{}", file("p256"))).unwrap().len(), 5);
}

#[test]
fn private_keys_and_other_kinds_are_refused_by_name_and_never_quoted() {
    // covers: JWK-005
    let second = |text: &str| format!("{}{text}", file("p256"));
    for kind in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "DSA PRIVATE KEY",
        "EC PARAMETERS",
        "CERTIFICATE REQUEST",
        "X509 CRL",
        "PKCS7",
    ] {
        let text = String::from_utf8(pem(kind, b"private-private-private")).unwrap();
        for (block, text) in [(1, text.clone()), (2, second(&text))] {
            let error = JwkSet::from_pem(&text).unwrap_err();
            assert_eq!(error, PemError::OtherKind { block, kind });
            assert!(error.to_string().contains(&format!("block {block} is of the kind `{kind}`")), "{error}");
            assert!(!format!("{error:?} {error}").contains("cHJpdmF0"));
        }
    }
    for label in ["my password", "public key", "PUBLIC  KEY", "PUBLIC KEY ", "JWK", "DSA PUBLIC KEYS"] {
        let text = String::from_utf8(pem(label, b"private-private-private")).unwrap();
        let error = JwkSet::from_pem(&text).unwrap_err();
        assert_eq!(error, PemError::OtherKind { block: 1, kind: "unknown" }, "{label}");
    }
}

#[test]
fn keys_of_unsupported_types_and_unsound_keys_are_refused() {
    // covers: JWS-014, JWS-016, JWS-017, JWS-020
    let unsupported = PemError::UnsupportedKey { block: 1 };
    for name in ["ed448", "x25519", "secp256k1", "rsa_pss", "p256_compressed", "p256_explicit"] {
        assert_eq!(JwkSet::from_pem(file(name)).unwrap_err(), unsupported, "{name}");
    }
    let spki = |algorithm: &[u8], key: &[u8]| {
        let info = der(0x30, &[der(0x30, algorithm), der(3, &[&[0], key].concat())].concat());
        String::from_utf8(pem("PUBLIC KEY", &info)).unwrap()
    };
    let rsa = |modulus: &[u8], exponent: &[u8]| {
        let key = der(0x30, &[der(2, &[&[0], modulus].concat()), der(2, exponent)].concat());
        String::from_utf8(pem("RSA PUBLIC KEY", &key)).unwrap()
    };
    let mut even = RFC_7515_A2.octets("n");
    *even.last_mut().unwrap() &= 0xFE;
    let mut off_curve = RFC_7515_A3.point();
    *off_curve.last_mut().unwrap() ^= 1;
    let p256 = [6, 7, 42, 134, 72, 206, 61, 2, 1, 6, 8, 42, 134, 72, 206, 61, 3, 1, 7];
    let ed25519 = [6, 3, 0x2b, 0x65, 0x70];
    let ml_dsa = [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 18];
    for text in [
        file("rsa_1024").to_owned(),
        rsa(&[0xFF; 255], &[1, 0, 1]),
        rsa(&[0xFF; 1025], &[1, 0, 1]),
        rsa(&even, &[1, 0, 1]),
        rsa(&RFC_7515_A2.octets("n"), &[1]),
        rsa(&RFC_7515_A2.octets("n"), &[2]),
        spki(&p256, &off_curve),
        spki(&ed25519, &[&[1][..], &[0; 31]].concat()),
        spki(&ed25519, &[7; 31]),
        spki(&ml_dsa, &[7; 1951]),
    ] {
        assert_eq!(JwkSet::from_pem(&text).unwrap_err(), PemError::UnsoundKey { block: 1 }, "{text}");
    }
    for text in [
        spki(&p256, &RFC_7515_A3.point()[1..]),
        spki(&p256, &RFC_7515_A3.point()[..64]),
        spki(&p256, &[0]),
        spki(&[&ed25519[..], &[5, 0]].concat(), &RFC_8037_A4.octets("x")),
    ] {
        assert_eq!(JwkSet::from_pem(&text).unwrap_err(), unsupported, "{text}");
    }
    assert!(JwkSet::from_pem(&spki(&p256, &RFC_7515_A3.point())).is_ok());
    assert!(JwkSet::from_pem(&spki(&ed25519, &RFC_8037_A4.octets("x"))).is_ok());
    assert!(JwkSet::from_pem(&rsa(&RFC_7515_A2.octets("n"), &[1, 0, 1])).is_ok());
}

#[test]
fn what_is_no_well_formed_pem_is_an_error_and_no_block_is_lost() {
    let key = file("p256");
    let (lines, last) = key.trim_end().rsplit_once('\n').unwrap();
    for text in ["", " \n", "{\"keys\":[]}", "ssh-ed25519 AAAA", &key.replace("-----", "----")] {
        assert_eq!(JwkSet::from_pem(text).unwrap_err(), PemError::NoBlock, "{text}");
    }
    let label = |from: &str, to: &str| key.replace(from, to);
    for text in [
        lines.to_owned(),
        format!("{key}{lines}"),
        format!("{lines}\n{key}"),
        format!("{lines}\n{}", last.replace("PUBLIC", "PRIVATE")),
        label("PUBLIC KEY", "CERTIFICATE"),
        label("PUBLIC KEY", "RSA PUBLIC KEY"),
        file("rsa").replace("PUBLIC KEY", "RSA PUBLIC KEY"),
        file("rsa_pkcs1").replace("RSA PUBLIC KEY", "PUBLIC KEY"),
        file("p256_certificate").replace("CERTIFICATE", "PUBLIC KEY"),
        label("-----\nM", "-----\n!"),
        label("-----\nM", "-----\nProc-Type: 4,ENCRYPTED\n\nM"),
        label("-----\nM", "-----\nMM"),
        label("-----\nMF", "-----\nMG"),
        String::from_utf8(pem("PUBLIC KEY", b"")).unwrap(),
        String::from_utf8(pem("PUBLIC KEY", &der(0x30, &[]))).unwrap(),
        String::from_utf8(pem("CERTIFICATE", &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF])).unwrap(),
    ] {
        assert_eq!(JwkSet::from_pem(&text).unwrap_err(), PemError::Malformed, "{text}");
    }
    for text in
        [key.trim().to_owned(), format!("\u{feff}{key}"), format!("Bag Attributes\n  x: y\n{key}\nbye")]
    {
        assert_eq!(JwkSet::from_pem(&text).unwrap().len(), 1, "{text}");
    }
}
