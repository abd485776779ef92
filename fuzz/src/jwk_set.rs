//! A JWK Set: [`JwkSet::from_json`], and a server with that set.

use http::{Request, header};
use portcullis::{JwkSet, authenticated};

use super::json::Json;
use super::known::{ED25519_X, EDDSA_TOKEN, ES256_TOKEN, KEY_ID, P256, RS256_TOKEN, RSA_N, issuer, server};
use super::service::send;

/// The whole input is the text.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let naive: Option<Json> = serde_json::from_str(text).ok();
    let keys = naive.as_ref().and_then(|set| set.get("keys")?.elements());
    let set = match JwkSet::from_json(text) {
        Ok(set) => set,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    // What `serde_json` alone cannot take (nesting, numbers out of range) is within one key, and spoils only that.
    if naive.is_some() {
        let keys = keys.unwrap();
        assert!(set.len() <= keys.len() && keys.len() <= 1000);
    }

    let server = match server(issuer().jwk_set(set.clone())).0.build() {
        Ok(server) => server.problem_json().require(authenticated()),
        Err(error) => {
            let codes: Vec<_> = error.problems().iter().map(portcullis::ConfigProblem::code).collect();
            // A key without `kid` behind four others would never be tried.
            let nameless = |key: &Json| key.claim("kid").is_none();
            let untried = set.len() > 4 && keys.is_none_or(|keys| keys.iter().any(nameless));
            let expected = if untried { "too_many_keys_without_id" } else { "no_usable_key" };
            assert_eq!((codes, untried || set.is_empty()), (vec![expected], true));
            return;
        }
    };
    assert!(!set.is_empty());
    for (token, algorithm, is_key) in TOKENS {
        let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let answer = send(&server, request.body(()).unwrap());
        assert!(["admitted", "unknown_key", "bad_signature"].contains(&answer.code()), "{}", answer.code());
        if answer.is_admitted()
            && let Some(keys) = keys
        {
            let verifies = |key: &Json| is_key(key) && serves(key, algorithm);
            assert!(keys.iter().any(verifies), "no key of the set signed this {algorithm} token");
        }
    }
}

type IsKey = fn(&Json) -> bool;

/// A token, its algorithm, and how to see that a key is its signer's.
const TOKENS: [(&str, &str, IsKey); 3] = [
    (EDDSA_TOKEN, "EdDSA", is_ed25519_key),
    (ES256_TOKEN, "ES256", |key| {
        has(key, &[("kty", "EC"), ("crv", "P-256"), ("x", P256[0]), ("y", P256[1])])
    }),
    (RS256_TOKEN, "RS256", |key| has(key, &[("kty", "RSA"), ("n", RSA_N), ("e", "AQAB")])),
];

fn is_ed25519_key(key: &Json) -> bool {
    has(key, &[("kty", "OKP"), ("crv", "Ed25519"), ("x", ED25519_X)])
}

fn has(key: &Json, members: &[(&str, &str)]) -> bool {
    members.iter().all(|(name, value)| key.get(name).and_then(Json::text) == Some(value))
}

/// RFC 7517 §4: the key is the token's by its `kid`, and nothing in it speaks against this algorithm.
fn serves(key: &Json, algorithm: &str) -> bool {
    let allows = |name, value| key.get(name).is_none_or(|own| own.text() == Some(value));
    let operations =
        |all: &Json| all.elements().is_some_and(|all| all.iter().any(|one| one.text() == Some("verify")));
    key.get("kid").and_then(Json::text) == Some(KEY_ID)
        && allows("use", "sig")
        && allows("alg", algorithm)
        && key.get("key_ops").is_none_or(operations)
}

/// Whether a set has the key of [`EDDSA_TOKEN`], fit to verify it.
pub(super) fn has_signer(set: &Json) -> bool {
    let keys = set.get("keys").and_then(Json::elements).unwrap_or_default();
    keys.iter().any(|key| is_ed25519_key(key) && serves(key, "EdDSA"))
}
