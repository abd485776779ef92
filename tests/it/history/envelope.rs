//! Algorithms, keys and envelopes that were confused.

use portcullis::testing::Issuer;
use portcullis::{Profile, ResourceServer, SignatureAlgorithm, TrustedIssuer, authenticated};
use serde_json::{Value, json};

use crate::jose::published::{RFC_6979_P384, RFC_7515_A2, RFC_7515_A3, RFC_7515_A4, RFC_8037_A4};
use crate::jose::{CLAIMS, encode};
use crate::support::{AUDIENCE, Api, ISSUER, Random, Reply, ScriptedClient};

const OPENID: &str = "https://id.example.com/.well-known/openid-configuration";
const JWKS: &str = "https://id.example.com/jwks";

/// An issuer with a key for every algorithm, and servers that get its keys in each way there is.
fn every_way() -> (Issuer, Vec<Api>) {
    let (issuer, _, clock) = Api::parts();
    for algorithm in [SignatureAlgorithm::Rs256, SignatureAlgorithm::EdDsa] {
        assert!(!issuer.key_id(algorithm).is_empty());
    }
    let mut nameless = issuer.jwks_json();
    for key in nameless["keys"].as_array_mut().unwrap() {
        let key = key.as_object_mut().unwrap();
        key.retain(|name, _| !["kid", "alg", "use"].contains(&name.as_str()));
    }
    let fetched = |document: &Value| {
        let client = ScriptedClient::default()
            .on(OPENID, [Reply::Json(issuer.metadata_json().to_string())])
            .on(JWKS, [Reply::Json(document.to_string())]);
        TrustedIssuer::new(ISSUER).with_http_client(client)
    };
    let set = |document: &Value| portcullis::JwkSet::from_json(&document.to_string()).unwrap();
    let mut apis = Vec::new();
    for profile in [Profile::Rfc9068, Profile::PlainJwt] {
        for document in [&issuer.jwks_json(), &nameless] {
            for trusted in [
                TrustedIssuer::new(ISSUER).jwk_set(set(document)),
                fetched(document),
                fetched(document).jwks_uri(JWKS),
            ] {
                let server = ResourceServer::builder(trusted.profile(profile));
                let server = server.audience(AUDIENCE).with_clock(clock.clone());
                apis.push(Api::new(server.build().unwrap().require(authenticated())));
            }
        }
    }
    (issuer, apis)
}

#[tokio::test]
async fn without_a_signature_nothing_is_vouched_for_in_any_configuration() {
    // covers: JWS-009, JWS-010, JWS-030
    let (issuer, apis) = every_way();
    let mut names: Vec<_> = SignatureAlgorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
    names.extend(["none", "None", "HS256", "HS384", "HS512", "ES256K", "RSA1_5", "dir", ""]);
    for api in &apis {
        // The keys are there: the same claims, signed, are admitted.
        for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Rs256, SignatureAlgorithm::EdDsa] {
            let token = issuer.token(AUDIENCE).algorithm(algorithm).without_header("kid");
            api.token(token.sign()).await.assert_admitted();
        }
        for name in &names {
            for kid in [None, Some(issuer.key_id(SignatureAlgorithm::Es256)), Some(String::new())] {
                let mut header = json!({ "alg": name, "typ": "at+jwt" });
                if let Some(kid) = kid {
                    header["kid"] = json!(kid);
                }
                let input = format!("{}.{}", encode(header.to_string()), encode(CLAIMS));
                for signature in ["", "AA", &"A".repeat(86), &"A".repeat(342)] {
                    let answer = api.token(format!("{input}.{signature}")).await;
                    let expected = ["bad_signature", "unknown_key", "algorithm_not_allowed"];
                    assert!(expected.contains(&answer.code()), "{name} {}", answer.code());
                    answer.assert_invalid(answer.code());
                }
            }
        }
    }
}

#[tokio::test]
async fn what_metadata_says_about_algorithms_opens_no_way_for_a_symmetric_one() {
    // covers: JWS-012, DSC-013
    let (issuer, _, clock) = Api::parts();
    let mut metadata = issuer.metadata_json();
    for name in ["id_token_signing_alg_values_supported", "token_endpoint_auth_signing_alg_values_supported"]
    {
        metadata[name] = json!(["none", "HS256", "HS384", "HS512"]);
    }
    let mut jwks = issuer.jwks_json();
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";
    for alg in ["HS256", "HS384", "none", "ES256"] {
        let key = json!({ "kty": "oct", "k": secret, "kid": "shared", "alg": alg });
        jwks["keys"].as_array_mut().unwrap().push(key);
    }
    let client = ScriptedClient::default()
        .on(OPENID, [Reply::Json(metadata.to_string())])
        .on(JWKS, [Reply::Json(jwks.to_string())]);
    let server = ResourceServer::builder(ISSUER).audience(AUDIENCE).with_clock(clock);
    let api = Api::new(server.with_http_client(client.clone()).build().unwrap().require(authenticated()));
    let octets = crate::jose::decode(secret);
    let forge = |alg: &str, kid: &str, secret: &[u8]| {
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": kid }).to_string();
        let input = format!("{}.{}", encode(header), encode(CLAIMS));
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key, alg.parse().unwrap()).unwrap();
        format!("{input}.{signature}")
    };
    let public = issuer.jwks_json()["keys"][0].to_string();
    for secret in [&octets[..], b"", public.as_bytes(), issuer.jwks_json().to_string().as_bytes()] {
        for alg in ["HS256", "HS384", "HS512"] {
            for kid in ["shared", &issuer.key_id(SignatureAlgorithm::Es256), "x"] {
                api.token(forge(alg, kid, secret)).await.assert_invalid("algorithm_not_allowed");
            }
        }
    }
    assert_eq!(client.count(), 0, "and nobody was asked for keys");
    api.token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
}

#[tokio::test]
async fn with_the_keys_out_of_reach_no_well_known_key_is_trusted() {
    // covers: CHL-017
    let (issuer, _, clock) = Api::parts();
    for replies in [
        [Reply::Unreachable],
        [Reply::Response(500, vec![], String::new())],
        [Reply::Response(200, vec![], String::new())],
        [Reply::Json("{}".to_owned())],
        [Reply::Panic],
    ] {
        let client = ScriptedClient::default().on(JWKS, replies);
        let trusted = TrustedIssuer::new(ISSUER).jwks_uri(JWKS);
        let server = ResourceServer::builder(trusted).audience(AUDIENCE).with_clock(clock.clone());
        let server = server.with_http_client(client).build().unwrap();
        let api = Api::new(server.require(authenticated()));
        api.token(issuer.token(AUDIENCE).sign()).await.assert_unavailable(1);
        // Private keys that everybody can read in RFCs.
        for (key, algorithms) in [
            (&RFC_7515_A2, &[SignatureAlgorithm::Rs256, SignatureAlgorithm::Ps256][..]),
            (&RFC_7515_A3, &[SignatureAlgorithm::Es256]),
            (&RFC_6979_P384, &[SignatureAlgorithm::Es384]),
            (&RFC_7515_A4, &[SignatureAlgorithm::Es512]),
            (&RFC_8037_A4, &[SignatureAlgorithm::EdDsa, SignatureAlgorithm::Ed25519]),
        ] {
            for algorithm in algorithms {
                api.token(key.right_token(*algorithm)).await.assert_unavailable(1);
            }
        }
        let unsecured = format!("{}.{}.", encode(r#"{"alg":"none","typ":"at+jwt"}"#), encode(CLAIMS));
        api.token(unsecured).await.assert_invalid("algorithm_not_allowed");
    }
}

#[tokio::test]
async fn an_encrypted_token_is_known_by_its_five_parts_before_its_header_is_believed() {
    // covers: JWS-002, JWT-024
    let (issuer, apis) = every_way();
    let mut random = Random::new(41);
    let unsecured = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(CLAIMS));
    let nested = issuer.token(AUDIENCE).sign();
    let headers = [
        r#"{"alg":"dir","enc":"A256GCM"}"#,
        r#"{"alg":"RSA-OAEP","enc":"A128CBC-HS256","zip":"DEF","cty":"JWT"}"#,
        r#"{"alg":"RSA1_5","enc":"A256GCM"}"#,
        r#"{"alg":"ECDH-ES","enc":"A256GCM","epk":{"kty":"EC"}}"#,
        r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AA"}"#,
        r#"{"alg":"ES256","typ":"at+jwt"}"#,
        r#"{"alg":"none"}"#,
        "",
        "{",
        "\u{0}",
    ];
    for header in headers {
        for payload in ["", CLAIMS, &unsecured, &nested] {
            let parts: Vec<String> = (0..3)
                .map(|_| {
                    let length = random.below(40);
                    encode(random.bytes(length))
                })
                .collect();
            let token =
                format!("{}.{}.{}.{}.{}", encode(header), parts[0], parts[1], encode(payload), parts[2]);
            for api in &apis {
                api.token(&token).await.assert_invalid("encrypted");
            }
        }
    }
    // The same parameters on three parts.
    for members in [
        r#""enc":"A256GCM""#,
        r#""zip":"DEF""#,
        r#""enc":null"#,
        r#""zip":[]"#,
        r#""cty":"JWT""#,
        r#""cty":"application/JwT""#,
    ] {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt",{members}}}"#);
        let token = issuer.sign(SignatureAlgorithm::Es256, &header, CLAIMS.as_bytes());
        for api in &apis {
            api.token(&token).await.assert_invalid("refused_header");
        }
    }
    // Costs that a token would set for us are not read at all.
    for members in
        [r#""p2c":2147483647,"p2s":"AA""#, r#""epk":{},"apu":"AA","apv":"AA""#, r#""iv":"AA","tag":"""#]
    {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt",{members}}}"#);
        let token = issuer.sign(SignatureAlgorithm::Es256, &header, CLAIMS.as_bytes());
        for api in &apis {
            api.token(&token).await.assert_admitted();
        }
    }
}
