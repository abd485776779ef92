//! One world for all targets: an issuer, an API, an instant, and keys that everybody knows.

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use portcullis::testing::ManualClock;
use portcullis::{HmacAlgorithm, HmacKey, JwkSet, ResourceServer, ResourceServerBuilder, TrustedIssuer};

use super::base64url::encode;

pub(super) const ISSUER: &str = "https://id.example.com";
pub(super) const AUDIENCE: &str = "https://api.example.com";
/// 2026-01-01T00:00:00Z.
pub(super) const NOW: u64 = 1_767_225_600;

/// What a right token says.
const CLAIMS: &str = r#"{"iss":"https://id.example.com","aud":"https://api.example.com","sub":"alice","client_id":"client-1","iat":1767225600,"exp":2000000000,"jti":"jti-1"}"#;

/// The `kid` of every key below.
pub(super) const KEY_ID: &str = "k";
/// The public half of the key in RFC 8037 appendix A.1.
pub(super) const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// The public half of the key in RFC 7515 appendix A.3.
pub(super) const P256: [&str; 2] =
    ["f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"];
/// The modulus of the key in RFC 7515 appendix A.2.
pub(super) const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR\
    T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB\
    dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia\
    GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

/// Right tokens (header: `alg`, `typ`, `kid`), signed once by the private halves that the RFCs print.
pub(super) const EDDSA_TOKEN: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwiY\
    XVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJzdWIiOiJhbGljZSIsImNsaWVudF9pZCI6ImNsaWVudC0xIiwiaWF0IjoxN\
    zY3MjI1NjAwLCJleHAiOjIwMDAwMDAwMDAsImp0aSI6Imp0aS0xIn0.UmekBllmeNVc99mm_iZ1lla5_AdYvjTSens9qt96BlIIB\
    s2cbKLzJWk0rSm4mnvtW0Pf0MAY7jJ8wcmp5qntAQ";
pub(super) const ES256_TOKEN: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwiY\
    XVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJzdWIiOiJhbGljZSIsImNsaWVudF9pZCI6ImNsaWVudC0xIiwiaWF0IjoxN\
    zY3MjI1NjAwLCJleHAiOjIwMDAwMDAwMDAsImp0aSI6Imp0aS0xIn0.Cx62fQvwxIHjrFKARU0cX3Qamu_ZbQRSJHfHgc1QSJu0Q\
    wgvMOxwaJWJj3bCD09YFm8qHahob4IfFKFo3pOpJA";
pub(super) const RS256_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwiY\
    XVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJzdWIiOiJhbGljZSIsImNsaWVudF9pZCI6ImNsaWVudC0xIiwiaWF0IjoxN\
    zY3MjI1NjAwLCJleHAiOjIwMDAwMDAwMDAsImp0aSI6Imp0aS0xIn0.dwg_FH14UixbWy5D-jsqg7LZ1t-plGPmZolac_x9KLjLa\
    VLI3SO4rVaqCEGXK6vBJQ1GQKln_PfOmaXSQDxKlmfFl6mecmludnhyuBf_hQTuakSos1a8yimuQbEs-94O0-mYRn__bcsaYFh-P\
    2oOCvbDhgOexZZgASRp5GpZ_O6tFiJjwF4NrnM1uJvwLrEG1S2cq8GZLHPVV9Sy7Zv3VE4TNPq9LSgNW7Pqq1vUY9uCO0U5saa-1\
    pJZaIgIbsokhOttOERPq92tFHJrUE_1M58RM1n22dcAXinK0dOJ0qLDg1PNtLWmODaMIWCyCEpJ2KvUA6K1lH9K1HD3GY2sBw";

const SECRET: [u8; 32] = [b's'; 32];
/// PKCS #8 (RFC 8410 §7) up to the private key, and the private key of RFC 8037 appendix A.1.
const ED25519_PKCS8: [u8; 48] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20, 0x9d,
    0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
    0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];

/// The issuer, whose keys are still to be told.
pub(super) fn issuer() -> TrustedIssuer {
    TrustedIssuer::new(ISSUER)
}

/// A server that trusts this issuer, and its clock.
pub(super) fn server(issuer: TrustedIssuer) -> (ResourceServerBuilder, ManualClock) {
    let clock = ManualClock::at(NOW);
    (ResourceServer::builder(issuer).audience(AUDIENCE).with_clock(clock.clone()), clock)
}

pub(super) fn hmac_key() -> HmacKey {
    HmacKey::new(HmacAlgorithm::Hs256, &SECRET).unwrap()
}

/// The Ed25519 key.
pub(super) fn jwk_set() -> JwkSet {
    let key = serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "kid": KEY_ID, "x": ED25519_X });
    JwkSet::from_json(&serde_json::json!({ "keys": [key] }).to_string()).unwrap()
}

/// The signature of this input, in base64url.
pub(super) fn sign(algorithm: Algorithm, input: &str) -> String {
    static HMAC: LazyLock<EncodingKey> = LazyLock::new(|| EncodingKey::from_secret(&SECRET));
    static ED25519: LazyLock<EncodingKey> = LazyLock::new(|| EncodingKey::from_ed_der(&ED25519_PKCS8));
    let key = if algorithm == Algorithm::HS256 { &HMAC } else { &ED25519 };
    crypto::sign(input.as_bytes(), key, algorithm).unwrap()
}

/// A right token by the secret.
pub(super) fn hmac_token() -> &'static str {
    static TOKEN: LazyLock<String> =
        LazyLock::new(|| signed(Algorithm::HS256, br#"{"alg":"HS256","typ":"at+jwt"}"#, CLAIMS.as_bytes()));
    &TOKEN
}

/// A token of this header and payload, whatever they are, signed as it stands.
pub(super) fn signed(algorithm: Algorithm, header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    format!("{input}.{}", sign(algorithm, &input))
}
