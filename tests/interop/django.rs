//! APIs that ask `django-oauth-toolkit` about tokens: an answer of its says little, and a refusal nothing.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use portcullis::{ClientAuthentication, Introspection, Secret, TrustedIssuer};
use serde_json::json;

use crate::api::AUDIENCE;
use crate::dot::Dot;
use crate::local::LocalApi;
use crate::token::{SECRET, Token};
use crate::{READ, step};

/// Asks as `rs`, at the address that is written down here.
fn introspection(server: &Dot) -> Introspection {
    of(ClientAuthentication::basic("rs", Secret::new(SECRET))).endpoint(server.introspection_endpoint())
}

fn of(authentication: ClientAuthentication) -> Introspection {
    Introspection::new(authentication).cache_lifetime(Duration::ZERO)
}

/// A JWT that says what one of this issuer would, and that nobody signed.
fn jwt_of(issuer: &str) -> Token {
    let part = |json: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let header = part(json!({ "alg": "ES256", "typ": "at+jwt", "kid": "1" }));
    let claims = json!({
        "iss": issuer, "aud": AUDIENCE, "exp": 4_102_444_800_u64, "iat": 1_700_000_000,
        "sub": "root", "client_id": "svc", "jti": "1", "scope": READ,
    });
    let claims = part(claims);
    Token::made_up(&format!("{header}.{claims}.{}", "A".repeat(86)))
}

#[test]
fn an_answer_without_audience_is_enough_for_listed_clients_only() {
    // covers: INT-008, INT-017, INT-018, INT-019
    let server = Dot::start();
    let bare = server.token(READ, "");
    let api = |introspection| LocalApi::asking(server.issuer(), introspection);

    step("nothing in the answer says whom the token is for");
    api(introspection(&server)).orders(&bare).assert_invalid_because("missing_claim");

    step("unless its client is listed, or the operator waives it");
    let listed = api(introspection(&server).client_as_audience("web").client_as_audience("svc"));
    listed.orders(&bare).assert_admitted();
    listed.orders(&server.token("api:write", "")).assert_lacks(READ);
    api(introspection(&server).dangerous_without_audience()).orders(&bare).assert_admitted();
    api(introspection(&server).client_as_audience("web"))
        .orders(&bare)
        .assert_invalid_because("wrong_audience");

    step("a list of audiences counts, whoever the client is");
    let resources = |resources: &[&str]| {
        server.token(READ, &resources.iter().map(|name| format!("&resource={name}")).collect::<String>())
    };
    let (ours, foreign) = (resources(&["https://other.test", AUDIENCE]), resources(&["https://other.test"]));
    for api in [api(introspection(&server)), listed] {
        api.orders(&ours).assert_admitted();
        api.orders(&foreign).assert_invalid_because("wrong_audience");
    }
}

#[test]
fn what_a_server_without_keys_says_of_tokens_is_told_apart_from_what_it_says_of_us() {
    // covers: INT-002, INT-004, INT-009, INT-013, INT-028
    let server = Dot::start();
    let (token, revoked) = (server.token(READ, &format!("&resource={AUDIENCE}")), server.token(READ, ""));
    server.revoke(&revoked);
    let made_up = Token::made_up("never-given-out");
    let jwt = jwt_of(server.issuer());
    let secret = || Secret::new(SECRET);

    for (name, authentication) in [
        ("basic", ClientAuthentication::basic("rs", secret())),
        ("post", ClientAuthentication::post("rs", secret())),
    ] {
        step(&format!(
            "{name}: the address is found through the metadata of RFC 8414, and no keys are missed"
        ));
        let api = LocalApi::asking(server.issuer(), of(authentication).every_token());
        api.orders(&token).assert_admitted();
        for bad in [&revoked, &made_up, &jwt] {
            api.orders(bad).assert_invalid_because("inactive");
        }
        assert_eq!(api.status().counters.failed, 0);
    }

    step("at a written address; a JWT would be validated here, and nobody has keys for that");
    let api = LocalApi::asking(server.issuer(), introspection(&server));
    api.orders(&token).assert_admitted();
    api.orders(&made_up).assert_invalid_because("inactive");
    api.orders(&jwt).assert_unavailable();
    api.orders(&jwt_of("https://other.test")).assert_invalid_because("wrong_issuer");

    step("revoked: at the next request");
    server.revoke(&token);
    api.orders(&token).assert_invalid_because("inactive");

    step("a 403 that is empty is about this server: nothing is said about tokens");
    let token = server.token(READ, &format!("&resource={AUDIENCE}"));
    for authentication in [
        ClientAuthentication::basic("rs", Secret::new("of somebody else")),
        ClientAuthentication::post("rs", Secret::new("of somebody else")),
        ClientAuthentication::basic("nobody", secret()),
    ] {
        let api = LocalApi::asking(server.issuer(), of(authentication));
        for token in [&token, &revoked, &made_up] {
            api.assert_fails_with("credentials_refused", token);
        }
    }

    step("a server that answers in JSON whatever was accepted: where answers are signed, that is none");
    let keys = portcullis::testing::Issuer::offline(server.issuer()).jwk_set();
    let signed = TrustedIssuer::new(server.issuer())
        .jwk_set(keys)
        .introspection(introspection(&server).signed_answers());
    let api = LocalApi::trusting(signed);
    api.assert_fails_with("other_media_type", &token);
    api.assert_fails_with("other_media_type", &made_up);
}
