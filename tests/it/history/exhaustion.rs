//! Small requests that cost a lot, and input that stays.

use std::convert::Infallible;

use allocation_counter::AllocationInfo;
use futures_util::FutureExt as _;
use http::{Request, Response};
use portcullis::SignatureAlgorithm::Es256;
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{Claims, JwkSet, Rejection, RequireLayer, ResourceServer, TrustedIssuer, authenticated};
use serde_json::{Value, json};
use tower::{ServiceExt as _, service_fn};

use crate::jose::{CLAIMS, encode};
use crate::support::{AUDIENCE, Api, ISSUER, NOW, Random, Reply, ScriptedClient, subscribe};

/// What one request costs the allocator, from its making to its end, and the code of the answer. Nothing here waits.
fn cost(layer: &RequireLayer, value: &str) -> (AllocationInfo, &'static str) {
    let mut code = "";
    let info = allocation_counter::measure(|| {
        let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())));
        let request = Request::get("/").header("authorization", value).body(()).unwrap();
        let response = layer.layer(inner).oneshot(request).now_or_never().unwrap().unwrap();
        code = response.extensions().get().map_or("admitted", Rejection::code);
    });
    (info, code)
}

fn fixed() -> (Issuer, RequireLayer) {
    let (issuer, server, _) = Api::parts();
    (issuer, server.build().unwrap().require(authenticated()))
}

#[test]
fn neither_dots_nor_length_cost_more_than_their_octets() {
    // covers: EXT-019, JWS-001, HT-009
    // Else another test may do so in between, and the log would be a part of the cost.
    subscribe();
    let (_, layer) = fixed();
    cost(&layer, "Bearer warm.up.now");
    let (small, _) = cost(&layer, "Bearer ..");
    for (value, code) in [
        (format!("Bearer {}", ".".repeat(16_000)), "malformed_token"),
        (format!("Bearer a{}", ".a".repeat(8_000)), "malformed_token"),
        (format!("Bearer {}", "a".repeat(16_000)), "malformed_token"),
        (format!("Bearer {}.{}", "a".repeat(8_000), ".".repeat(8_000)), "malformed_token"),
        (format!("Bearer {}", ".".repeat(1_000_000)), "oversized_credential"),
        (format!("Bearer {}", "a".repeat(10_000_000)), "oversized_credential"),
        (format!("Bearer{}a", " ".repeat(1_000_000)), "oversized_credential"),
        ("=".repeat(16_000), "malformed_credential"),
        (format!("Bearer {}", "=".repeat(16_000)), "malformed_credential"),
    ] {
        let (info, own) = cost(&layer, &value);
        assert_eq!(own, code);
        // No part of the input is copied: the request itself, and the answer, are what was allocated.
        let own = u64::try_from(value.len()).unwrap();
        assert!(info.count_total <= small.count_total + 2, "{code}: {info:?}, {small:?}");
        assert!(info.bytes_total <= small.bytes_total + own + 512, "{code}: {info:?}, {small:?}");
    }
    // What is decoded costs a small multiple of its length, whatever it says.
    for header in [
        "[".repeat(11_000),
        " ".repeat(11_000),
        format!("\"{}\"", "\\u0061".repeat(1_800)),
        "{\"a\":".repeat(2_000),
    ] {
        let value = format!("Bearer {}.e30.AA", encode(&header));
        let (info, code) = cost(&layer, &value);
        assert_eq!(code, "malformed_token");
        let most = 6 * u64::try_from(value.len()).unwrap() + 4_096;
        assert!(info.bytes_max < most && info.count_total < 100, "{info:?}");
    }
}

#[test]
fn strangers_leave_nothing_behind() {
    // covers: JWS-032
    // Else another test may do so in between, and lines of the log would be what is left.
    subscribe();
    let (issuer, layer) = fixed();
    let client = ScriptedClient::default()
        .on("https://id.example.com/jwks", [Reply::Json(issuer.jwks_json().to_string())]);
    let trusted = TrustedIssuer::new(ISSUER).jwks_uri("https://id.example.com/jwks");
    let remote = ResourceServer::builder(trusted).audience(AUDIENCE).with_clock(ManualClock::at(NOW));
    let remote = remote.with_http_client(client.clone()).build().unwrap().require(authenticated());
    let good = format!("Bearer {}", issuer.token(AUDIENCE).sign());
    let mut random = Random::new(61);
    for layer in [&layer, &remote] {
        // The keys are there, and everything that is made once is made.
        assert_eq!(cost(layer, &good).1, "admitted");
        let stranger = |random: &mut Random| {
            let text = random.text(b"abcdefghijklmnopqrstuvwxyz0123456789", 24);
            let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": text }).to_string();
            let claims = CLAIMS.replace("https://id.example.com", &format!("https://{text}.example"));
            match random.below(3) {
                0 => format!("Bearer {}.{}.AA", encode(header), encode(CLAIMS)),
                1 => format!("Bearer {}.{}.AA", encode(header.replace("ES256", &text)), encode(CLAIMS)),
                _ => format!("Bearer {}.{}.AA", encode(r#"{"alg":"ES256","typ":"at+jwt"}"#), encode(claims)),
            }
        };
        for _ in 0..20 {
            cost(layer, &stranger(&mut random));
        }
        let (mut left, mut codes) = (0, std::collections::BTreeSet::new());
        for _ in 0..2_000 {
            let (info, code) = cost(layer, &stranger(&mut random));
            left += info.bytes_current;
            codes.insert(code);
        }
        assert_eq!(left, 0, "octets that outlive their request");
        assert_eq!(
            codes.into_iter().collect::<Vec<_>>(),
            ["algorithm_not_allowed", "unknown_key", "wrong_issuer"]
        );
    }
    assert_eq!(client.count(), 1);
}

/// JSON that may be right, nearly right, or noise.
fn json_text(random: &mut Random, seed: &str) -> String {
    let mut text = seed.as_bytes().to_vec();
    for _ in 0..random.below(5) {
        let at = random.below(text.len().max(1));
        match random.below(5) {
            _ if text.is_empty() => text.push(b'{'),
            0 => drop(text.remove(at)),
            1 => text.insert(at, *random.pick(b"{}[]\",:\\0e-.u \n\x00\x7F")),
            2 => text[at] = random.bytes(1)[0],
            3 => text.truncate(at.max(1)),
            _ => {
                let piece = text[at..].to_vec();
                text.extend(piece);
            }
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn no_document_makes_a_parser_panic_or_say_more_than_a_plain_one() {
    // covers: JWS-006, JWT-001, JWK-001
    let issuer = Issuer::offline(ISSUER);
    let (set, mut random) = (issuer.jwks_json().to_string(), Random::new(62));
    let (mut claims_taken, mut sets_taken) = (0, 0);
    for _ in 0..4_000 {
        let text = json_text(&mut random, CLAIMS);
        if let Ok(claims) = Claims::from_json(&*text) {
            let plain: Value = serde_json::from_str(&text).expect("what we take is JSON");
            assert!(plain.is_object());
            assert_eq!(claims.subject(), plain["sub"].as_str());
            assert_eq!(claims.issuer(), plain["iss"].as_str());
            assert!(claims.expires_at().is_some() == plain["exp"].is_number());
            claims_taken += 1;
        }
        let text = json_text(&mut random, &set);
        if let Ok(taken) = JwkSet::from_json(&text) {
            let plain: Value = serde_json::from_str(&text).expect("what we take is JSON");
            assert!(taken.len() <= plain["keys"].as_array().unwrap().len());
            sets_taken += usize::from(taken.len() == 1);
        }
    }
    assert!(claims_taken > 400 && sets_taken > 400, "{claims_taken}, {sets_taken}");
}

#[tokio::test]
async fn whatever_a_token_says_the_reason_is_one_of_a_closed_list() {
    // covers: JWS-032
    const CODES: [&str; 17] = [
        "admitted",
        "algorithm_not_allowed",
        "bad_signature",
        "binding_not_verified",
        "encrypted",
        "expired",
        "issued_in_the_future",
        "lives_too_long",
        "malformed_credential",
        "malformed_token",
        "missing_claim",
        "not_yet_valid",
        "refused_header",
        "unknown_key",
        "wrong_audience",
        "wrong_issuer",
        "wrong_type",
    ];
    let (issuer, api) = Api::requiring(authenticated());
    let mut random = Random::new(63);
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": issuer.key_id(Es256) }).to_string();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..600 {
        let token =
            issuer.sign(Es256, &json_text(&mut random, &header), json_text(&mut random, CLAIMS).as_bytes());
        let code = api.token(token).await.code();
        assert!(CODES.contains(&code), "{code}");
        seen.insert(code);
    }
    assert!(seen.len() > 4, "{seen:?}");
}
