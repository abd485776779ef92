//! The tokens of the cases, and what the backend alone needs to verify them.

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, PqdsaVerificationAlgorithm, RsaParameters,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::testing::{Issuer, TokenBuilder};
use portcullis::{JwkSet, ResourceServer, ResourceServerBuilder, SignatureAlgorithm, TrustedIssuer};

use super::case::Case;

const AUDIENCE: &str = "https://api.example.com/orders";

/// An issuer whose keys are already there: they are made at first need.
pub(crate) fn issuer(algorithm: SignatureAlgorithm) -> Issuer {
    let issuer = Issuer::offline("https://id.example.com/realms/main");
    assert!(!issuer.key_id(algorithm).is_empty());
    issuer
}

/// A server that takes the tokens of this issuer under these keys.
pub(crate) fn server(issuer: &Issuer, keys: JwkSet) -> ResourceServerBuilder {
    server_of(trusted(issuer, keys))
}

/// An issuer with these keys.
pub(crate) fn trusted(issuer: &Issuer, keys: JwkSet) -> TrustedIssuer {
    TrustedIssuer::new(issuer.url()).jwk_set(keys)
}

/// A server that takes the tokens of an issuer.
pub(crate) fn server_of(issuer: TrustedIssuer) -> ResourceServerBuilder {
    ResourceServer::builder(issuer).audience(AUDIENCE)
}

/// A token with no more claims than RFC 9068 asks for.
pub(crate) fn small(issuer: &Issuer, algorithm: SignatureAlgorithm) -> TokenBuilder {
    issuer.token(AUDIENCE).algorithm(algorithm)
}

/// A token of the size that real issuers send: 12 claims, 6 scopes, 3 roles.
pub(crate) fn usual(issuer: &Issuer, algorithm: SignatureAlgorithm) -> TokenBuilder {
    small(issuer, algorithm)
        .subject("248289761001-9b1deb4d-3b7d-4bad")
        .scope("openid profile orders:read orders:write invoices:read customers:read")
        .roles(["clerk", "accountant", "support"])
        .claim("client_id", "s6BhdRkqt3-backoffice-web")
        .claim("jti", "dbe39bf3a3ba4238a513f51d6e1691c4")
        .claim("tenant", "t-0815")
        .claim("auth_time", 1_767_225_000)
        .claim("acr", "urn:example:loa:2")
}

/// What an introspection endpoint answers about such a token (RFC 7662 §2.2).
pub(crate) fn answer_about(token: TokenBuilder) -> String {
    claims_of(token.claim("active", true).claim("token_type", "Bearer"))
}

/// The claims of a token, as they stand in it.
pub(crate) fn claims_of(token: TokenBuilder) -> String {
    let jwt = token.sign();
    let payload = jwt.split('.').nth(1).unwrap();
    String::from_utf8(decode(payload)).unwrap()
}

/// The unit `V`: one raw signature verification of this token, with a key that was parsed once.
pub(crate) fn raw_verification(issuer: &Issuer, algorithm: SignatureAlgorithm, token: &str) -> Case {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (input, signature) = (input.as_bytes().to_vec(), decode(signature));
    let key = raw_key(issuer, algorithm);
    Case::new("V: raw verify, key parsed once", move || key.verify_sig(&input, &signature).is_ok())
}

fn raw_key(issuer: &Issuer, algorithm: SignatureAlgorithm) -> ParsedPublicKey {
    let set = issuer.jwks_json();
    let keys = set["keys"].as_array().unwrap();
    let jwk = keys.iter().find(|jwk| jwk["alg"] == algorithm.name()).unwrap();
    let member = |name: &str| decode(jwk[name].as_str().unwrap());
    match jwk["kty"].as_str().unwrap() {
        "RSA" => RsaPublicKeyComponents { n: member("n"), e: member("e") }
            .to_parsed_public_key(rsa(algorithm))
            .unwrap(),
        "EC" => ParsedPublicKey::new(ecdsa(algorithm), [vec![4], member("x"), member("y")].concat()).unwrap(),
        "OKP" => ParsedPublicKey::new(&signature::ED25519, member("x")).unwrap(),
        "AKP" => ParsedPublicKey::new(ml_dsa(algorithm), member("pub")).unwrap(),
        other => panic!("a key of type {other}: say here how the backend alone verifies with it"),
    }
}

fn rsa(algorithm: SignatureAlgorithm) -> &'static RsaParameters {
    match algorithm.name() {
        "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
        "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
        "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
        other => panic!("{other} is no algorithm of RSA"),
    }
}

fn ecdsa(algorithm: SignatureAlgorithm) -> &'static EcdsaVerificationAlgorithm {
    match algorithm.name() {
        "ES256" => &signature::ECDSA_P256_SHA256_FIXED,
        "ES384" => &signature::ECDSA_P384_SHA384_FIXED,
        "ES512" => &signature::ECDSA_P521_SHA512_FIXED,
        other => panic!("{other} is no algorithm of ECDSA"),
    }
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn ml_dsa(algorithm: SignatureAlgorithm) -> &'static PqdsaVerificationAlgorithm {
    match algorithm.name() {
        "ML-DSA-44" => &signature::ML_DSA_44,
        "ML-DSA-65" => &signature::ML_DSA_65,
        "ML-DSA-87" => &signature::ML_DSA_87,
        other => panic!("{other} is no algorithm of ML-DSA"),
    }
}
