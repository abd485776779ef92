//! What cannot be an issuer of a server, and that trying changes nothing.

use std::time::Duration;

use portcullis::{ConfigError, ConfigProblem, HmacAlgorithm, HmacKey, JwkSet, ResourceServer, TrustedIssuer};

use super::{A, B, World, api, fixed, namesake, token};
use crate::support::Toy;

fn codes(error: &ConfigError) -> Vec<&'static str> {
    error.problems().iter().map(ConfigProblem::code).collect()
}

#[tokio::test]
async fn one_identifier_is_one_issuer() {
    // covers: JWT-005, JWT-010
    let world = World::new();
    let twice = world.server(A).issuer(B).issuer(fixed(&world.a)).issuer(B).build().unwrap_err();
    assert_eq!(codes(&twice), ["duplicate_issuer", "duplicate_issuer"]);
    for (problem, issuer) in twice.problems().iter().zip([A, B]) {
        assert!(problem.to_string().contains(&format!("`{issuer}`")), "{problem}");
    }
    // What differs in one character is another issuer.
    let server = world.server(A).issuer(format!("{A}/")).issuer("https://A.example.com").build().unwrap();
    api(&server).token(token(&world.a)).await.assert_admitted();
}

#[test]
fn every_problem_of_every_issuer_is_listed_with_its_name_and_no_secret() {
    // covers: JWT-010
    let world = World::new();
    let secret = HmacKey::new(HmacAlgorithm::Hs256, b"private-secret-of-more-than-32-octets").unwrap();
    let first = TrustedIssuer::new("https://user:private@a.example.com")
        .jwks_uri("http://user:private@a.example.com/jwks?private")
        .hmac_key(secret.clone());
    let second = TrustedIssuer::new(B).algorithms([]).max_token_lifetime(Duration::ZERO).hmac_key(secret);
    let third = TrustedIssuer::new("http://c.example.com?private#private").audience("").roles_at("a.b");
    let server = world.server(first).issuer(second).issuer("https://right.example.com").issuer(third);
    let printed = format!("{server:?}");
    let error = server.realm("\n").build().unwrap_err();
    let found: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| {
            let message = problem.to_string();
            let issuer = message.strip_prefix("of issuer `").and_then(|rest| rest.split('`').next());
            (issuer.map(str::to_owned), problem.code())
        })
        .collect();
    let named: Vec<_> = found.iter().map(|(issuer, code)| (issuer.as_deref().unwrap_or(""), *code)).collect();
    assert_eq!(
        named,
        [
            ("https://..", "insecure_issuer"),
            ("https://..", "insecure_jwks_uri"),
            ("https://..", "two_key_sources"),
            (B, "two_algorithm_sources"),
            (B, "zero_token_lifetime"),
            ("http://c.example.com", "insecure_issuer"),
            ("http://c.example.com", "empty_audience"),
            ("http://c.example.com", "ambiguous_claim_path"),
            // Of the server.
            ("", "invalid_realm"),
        ]
    );
    assert!(!format!("{printed} {error} {error:?}").contains("private"), "{printed} {error}");
    // Where there is one issuer, it need not be named.
    let alone = world.server(TrustedIssuer::new(B).algorithms([])).build().unwrap_err();
    assert!(!alone.to_string().contains("of issuer"), "{alone}");
}

#[tokio::test]
async fn an_issuer_that_cannot_be_taken_changes_nothing() {
    // covers: JWT-005, JWT-010
    let world = World::new();
    let server = world.server(fixed(&world.a)).build().unwrap();
    let api = api(&server);
    let trusted = || TrustedIssuer::new(A);
    let empty = JwkSet::from_json(r#"{"keys":[]}"#).unwrap();
    for (issuer, expected) in [
        (trusted().algorithms([]), &["no_algorithm"][..]),
        (trusted().jwk_set(empty).roles_at(""), &["invalid_claim_path", "no_usable_key"]),
        (trusted().audience(""), &["empty_audience"]),
        (fixed(&world.a).jwks_uri("https://a.example.com/jwks"), &["two_key_sources"]),
        (TrustedIssuer::new("http://b.example.com"), &["insecure_issuer"]),
        (TrustedIssuer::new("https://user:private@b.example.com"), &["insecure_issuer"]),
        (TrustedIssuer::new("https://b.example.com?x=1"), &["invalid_issuer"]),
        (TrustedIssuer::new(B).jwks_uri("http://b.example.com/jwks"), &["insecure_jwks_uri"]),
    ] {
        println!("{issuer:?}");
        let error = server.issuers().insert(issuer).unwrap_err();
        assert_eq!(codes(&error), expected);
        assert!(!error.to_string().contains("private"), "{error}");
        // The one that was there still is, as it was; and nobody else.
        api.token(token(&world.a)).await.assert_admitted();
        api.token(token(&world.b)).await.assert_invalid("wrong_issuer");
    }
    assert_eq!(world.client.count(), 0);
}

#[tokio::test]
async fn a_server_has_room_for_65_536_issuers() {
    // covers: JWT-010
    let world = World::new();
    let secret = HmacKey::new(HmacAlgorithm::Hs256, &[7; 32]).unwrap();
    let numbered =
        |number: usize| TrustedIssuer::new(format!("https://{number}.example.com")).hmac_key(secret.clone());
    let server = || (1..65_536).fold(world.server(fixed(&world.a)), |server, n| server.issuer(numbered(n)));
    let error = server().issuer(numbered(65_536)).build().unwrap_err();
    assert_eq!(codes(&error), ["too_many_issuers"]);
    let server = server().build().unwrap();
    let api = api(&server);
    let error = server.issuers().insert(fixed(&world.b)).unwrap_err();
    assert_eq!(codes(&error), ["too_many_issuers"]);
    api.token(token(&world.a)).await.assert_admitted();
    api.token(token(&world.b)).await.assert_invalid("wrong_issuer");
    // One may still take the place of another of its name, and who goes makes room.
    let successor = namesake(&world);
    server.issuers().insert(fixed(&successor)).unwrap();
    api.token(token(&successor)).await.assert_admitted();
    assert!(server.issuers().remove("https://65535.example.com"));
    server.issuers().insert(fixed(&world.b)).unwrap();
    api.token(token(&world.b)).await.assert_admitted();
}

#[tokio::test]
async fn a_validator_of_ones_own_knows_its_issuers() {
    // covers: JWT-010
    let world = World::new();
    let toy = Toy::default();
    let server = ResourceServer::from_validator(toy.clone());
    let error = server.issuers().insert(fixed(&world.a)).unwrap_err();
    assert_eq!(codes(&error), ["no_jwt_validator"]);
    assert!(!server.issuers().remove(A));
    api(&server).token(token(&world.a)).await.assert_invalid("refused");
    api(&server).token("good").await.assert_admitted();
    assert_eq!(toy.validations(), 2);
}
