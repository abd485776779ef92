//! Tokens under a shared secret: RFC 7518 §3.2, RFC 8725 §2.1 and §3.5.

use jsonwebtoken::{EncodingKey, crypto};
use portcullis::SignatureAlgorithm::{Es256, Rs256};
use portcullis::testing::{Flaw, ManualClock};
use portcullis::{
    HmacAlgorithm::{self, Hs256, Hs384, Hs512},
    HmacKey, HmacKeyError, ResourceServer, ResourceServerBuilder, TrustedIssuer, authenticated,
};
use serde_json::json;

use super::backends::{codes, provided};
use super::pem_keys::file;
use super::published::{RFC_7515_A2, RFC_7515_A3, der, pem};
use super::{CLAIMS, KEYS, encode, flipped, parts, resigned};
use crate::support::{AUDIENCE, Api, ISSUER, NOW};

const SECRET: [u8; 64] = [0xA7; 64];

fn key(algorithm: HmacAlgorithm) -> HmacKey {
    HmacKey::new(algorithm, &SECRET).unwrap()
}

/// An issuer with this secret.
fn trusted(algorithm: HmacAlgorithm) -> TrustedIssuer {
    TrustedIssuer::new(ISSUER).hmac_key(key(algorithm))
}

fn server(issuer: TrustedIssuer) -> ResourceServerBuilder {
    ResourceServer::builder(issuer).audience(AUDIENCE).with_clock(ManualClock::at(NOW))
}

/// One API for each backend.
fn apis(algorithm: HmacAlgorithm) -> [Api; 2] {
    [server(trusted(algorithm)), server(trusted(algorithm)).with_signature_backend(provided())]
        .map(|server| Api::new(server.build().unwrap().require(authenticated())))
}

/// A right token by an independent signer.
pub(super) fn foreign_token(algorithm: HmacAlgorithm, secret: &[u8]) -> String {
    let header = json!({ "alg": algorithm.name(), "typ": "at+jwt" }).to_string();
    let input = format!("{}.{}", encode(header), encode(CLAIMS));
    let key = EncodingKey::from_secret(secret);
    let tag = crypto::sign(input.as_bytes(), &key, algorithm.name().parse().unwrap()).unwrap();
    format!("{input}.{tag}")
}

#[tokio::test]
async fn exactly_one_secret_and_one_algorithm_authenticate_a_token() {
    // covers: JWS-009, JWS-010, JWS-012, JWS-030
    for algorithm in HmacAlgorithm::ALL {
        for api in apis(algorithm) {
            println!("{algorithm}");
            let token = foreign_token(algorithm, &SECRET);
            api.token(&token).await.assert_admitted();
            let own = KEYS.token(AUDIENCE).hmac_key(key(algorithm));
            api.token(own.clone().sign()).await.assert_admitted();
            // A secret has no identifier that could be missed.
            api.token(own.clone().header("kid", "any").sign()).await.assert_admitted();
            api.token(own.clone().flaw(Flaw::BadSignature).sign()).await.assert_invalid("bad_signature");
            api.token(own.flaw(Flaw::Expired).sign()).await.assert_invalid("expired");
            for position in 0..parts(&token)[2].len() - 1 {
                let at = token.len() - 2 - position;
                api.token(flipped(&token, at, position % 6)).await.assert_invalid("bad_signature");
            }
            for cut in [vec![], vec![0; 16], SECRET.to_vec()] {
                api.token(resigned(&token, |_| cut)).await.assert_invalid("bad_signature");
            }
            api.token(resigned(&token, |tag| tag[..16].into())).await.assert_invalid("bad_signature");
            api.token(resigned(&token, |tag| [tag, vec![0]].concat())).await.assert_invalid("bad_signature");
            api.token(foreign_token(algorithm, &[0xA8; 64])).await.assert_invalid("bad_signature");
            for other in HmacAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                api.token(foreign_token(other, &SECRET)).await.assert_invalid("algorithm_not_allowed");
            }
            for signed in [Es256, Rs256] {
                let token = KEYS.token(AUDIENCE).algorithm(signed).sign();
                api.token(token).await.assert_invalid("algorithm_not_allowed");
            }
            let unsecured = KEYS.token(AUDIENCE).flaw(Flaw::AlgNone).sign();
            api.token(unsecured).await.assert_invalid("algorithm_not_allowed");
        }
    }
}

#[test]
fn a_secret_is_as_long_as_the_hash_or_longer() {
    // covers: JWS-033
    for (algorithm, least) in [(Hs256, 32), (Hs384, 48), (Hs512, 64)] {
        for length in [0, 1, 16, least - 1] {
            let error = HmacKey::new(algorithm, &vec![0xA7; length]).unwrap_err();
            assert_eq!(error, HmacKeyError::TooShort(algorithm));
            assert_eq!(error.to_string(), format!("a secret for {algorithm} has {least} octets or more"));
        }
        for length in [least, least + 1, 1024] {
            assert_eq!(HmacKey::new(algorithm, &vec![0xA7; length]).unwrap().algorithm(), algorithm);
        }
    }
}

#[test]
fn a_key_of_another_kind_is_no_secret_wherever_in_the_text_it_begins() {
    // covers: JWS-012
    let (pkcs1, spki) = (RFC_7515_A2.rsa_public_der(), RFC_7515_A2.rsa_spki());
    let labels = [
        "PUBLIC KEY",
        "RSA PUBLIC KEY",
        "CERTIFICATE",
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
    ];
    let texts = labels.map(|label| String::from_utf8(pem(label, &spki)).unwrap());
    let utf_16 =
        |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<_>>();
    let mut others: Vec<Vec<u8>> = Vec::new();
    for text in &texts {
        for before in ["", " ", "\r\n\t", "\u{feff}", "# our key\n", "subject=CN = x\n", "\0", "x"] {
            others.push(format!("{before}{text}").into_bytes());
        }
        others.extend(
            [text.replace('\n', "\r\n"), text.replace('\n', "\r"), text.replace('\n', "\\n")].map(Into::into),
        );
        others.extend([
            utf_16(text, u16::to_le_bytes),
            utf_16(text, u16::to_be_bytes),
            text.to_lowercase().into(),
        ]);
    }
    let ec_key = [6, 7, 42, 134, 72, 206, 61, 2, 1, 6, 8, 42, 134, 72, 206, 61, 3, 1, 7];
    let ec_point = der(3, &[vec![0], RFC_7515_A3.point()].concat());
    let ed25519 = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &[7; 32]].concat();
    others.extend([pkcs1, spki, der(0x30, &[der(0x30, &ec_key), ec_point].concat()), ed25519]);
    others.extend(
        [
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB",
            "ecdsa-sha2-nistp256 AAAA",
        ]
        .map(|line| format!("from=\"10.0.0.0/8\" {line} me@example.com").into_bytes()),
    );
    others.push(b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB3NzaC1yc2EAAAADAQABAAABgQC7".to_vec());
    for name in ["rsa", "rsa_3072", "rsa_pkcs1", "p256", "p384", "p521", "ed25519"] {
        let lines: Vec<_> = file(name).lines().filter(|line| !line.starts_with('-')).collect();
        others.extend([lines.concat(), format!("x: {}", lines.join("\r\n"))].map(Into::into));
    }
    // A whole file in base64, as environment variables hold it; unarmoured keys of every kind.
    for name in [
        "rsa",
        "rsa_pkcs1",
        "p256",
        "ed25519",
        "ed25519_certificate",
        "rsa_pss",
        "ml_dsa_44",
        "ml_dsa_65",
        "x25519",
    ] {
        let standard = |octets: &[u8]| encode(octets).replace('-', "+").replace('_', "/");
        others.push(standard(file(name).as_bytes()).into());
        others.push(encode(file(name).as_bytes()).into());
        let block = file(name).lines().skip_while(|line| !line.starts_with("-----BEGIN"));
        let lines: Vec<_> = block.filter(|line| !line.starts_with('-')).collect();
        others.push(lines.concat().into());
        for before in ["# my key\n", "key ", "my public key\n", "a"] {
            others.push(format!("{before}{}", lines.concat()).into());
        }
    }
    others.push(b"AAAAB3NzaC1yc2EAAAADAQABAAABgQC7AAAAB3NzaC1yc2EAAAADAQABAAABgQC7".to_vec());
    others.push(b"AAAAC3NzaC1lZDI1NTE5AAAAIBAAAAC3NzaC1lZDI1NTE5AAAAIB".to_vec());
    for secret in &others {
        let text = String::from_utf8_lossy(secret);
        let taken = HmacKey::new(Hs256, secret).err();
        assert_eq!(taken, Some(HmacKeyError::OtherKey), "{text}");
    }
    let jwk = RFC_7515_A2.public_jwk();
    let oct = json!({ "kty": "oct", "k": encode(SECRET) });
    for json in [&jwk, &oct] {
        let text = encode(json.to_string());
        assert_eq!(HmacKey::new(Hs256, text.as_bytes()).unwrap_err(), HmacKeyError::Jwk, "{text}");
    }
    // Secrets are often random octets in base64 or hex; their text is a fine secret.
    for text in [encode([0x5A; 48]), "5a".repeat(32), format!("{}=", encode([7; 32]).replace('-', "+"))] {
        assert!(HmacKey::new(Hs256, text.as_bytes()).is_ok(), "{text}");
    }
    for json in
        [jwk.clone(), oct.clone(), json!({ "keys": [jwk] }), json!({ "jwks": { "keys": [] }, "x": [oct] })]
    {
        let pretty = serde_json::to_string_pretty(&json).unwrap();
        for text in [json.to_string(), pretty.replace(':', " :"), format!("\u{feff} // keys\n{pretty}")] {
            assert_eq!(HmacKey::new(Hs256, text.as_bytes()).unwrap_err(), HmacKeyError::Jwk, "{text}");
            assert_eq!(HmacKey::new(Hs256, &utf_16(&text, u16::to_le_bytes)).unwrap_err(), HmacKeyError::Jwk);
        }
    }
    for secret in
        ["correct horse battery staple keys", "{\"not a key\": 1, \"of any kind\": 2}", &"-".repeat(32)]
    {
        assert!(HmacKey::new(Hs256, secret.as_bytes()).is_ok(), "{secret}");
    }
}

#[test]
fn a_secret_excludes_every_other_source_of_keys_and_algorithms() {
    // covers: JWS-012
    const JWKS: &str = "https://id.example.com/jwks";
    let codes = |configure: fn(TrustedIssuer) -> TrustedIssuer| codes(server(configure(trusted(Hs256))));
    assert_eq!(codes(|issuer| issuer.jwks_uri(JWKS)), ["two_key_sources"]);
    assert_eq!(codes(|issuer| issuer.jwk_set(KEYS.jwk_set())), ["two_key_sources"]);
    assert_eq!(codes(|issuer| issuer.jwk_set(KEYS.jwk_set()).jwks_uri(JWKS)), ["two_key_sources"]);
    assert_eq!(codes(|issuer| issuer.algorithms([Es256])), ["two_algorithm_sources"]);
    assert_eq!(codes(|issuer| issuer.algorithms([])), ["two_algorithm_sources"]);
    assert_eq!(
        codes(|issuer| issuer.algorithms([Rs256]).jwk_set(KEYS.jwk_set())),
        ["two_algorithm_sources", "two_key_sources"]
    );
    let _ = server(trusted(Hs256)).build().unwrap();
}

#[test]
fn a_secret_is_never_printed() {
    let secret = b"private-private-private-private-";
    let key = HmacKey::new(Hs256, secret).unwrap();
    assert_eq!(format!("{key:?}"), "HmacKey(HS256, ..)");
    let server = ResourceServer::builder(TrustedIssuer::new(ISSUER).hmac_key(key.clone())).audience(AUDIENCE);
    let token = KEYS.token(AUDIENCE).hmac_key(key);
    let mut printed = format!("{server:?} {token:?}");
    printed += &format!("{:?}", server.build());
    assert!(!printed.contains("private") && !printed.contains("112, 114, 105"), "{printed}");
}
