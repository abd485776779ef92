//! No token, key or claim value is printed, whatever happens.

use std::convert::Infallible;

use bytes::Bytes;
use http::Request;
use portcullis::testing::{Flaw, Issuer};
use portcullis::{
    Claims, ClientAuthentication, HmacAlgorithm, HmacKey, PrivateKey, ResourceServer, Secret,
    SignatureAlgorithm, TrustedIssuer, ValidatedToken, role, scope,
};

use crate::support::{AUDIENCE, Api, ISSUER, capture_logs};

#[tokio::test]
async fn no_refusal_says_anything_from_the_token_in_logs_debug_or_response() {
    // covers: EXT-023, CHL-010, CHL-013, CHL-023, JWS-032
    let (issuer, api) = Api::requiring(scope("needed").and(role("needed-role")));
    let private = "private-\r\nSet-Cookie: x\u{e9}\"\\";
    let token = |flaw: Option<Flaw>| {
        let token = issuer.token(AUDIENCE).subject(private).claim("email", private).scope("private-scope");
        let token = token.roles(["private-role"]).header("x", private);
        flaw.map_or(token.clone(), |flaw| token.flaw(flaw)).sign()
    };
    let mut values: Vec<String> = Flaw::ALL.into_iter().map(Some).chain([None]).map(token).collect();
    values.push(issuer.token(AUDIENCE).claim("exp", private).sign());
    values.push(issuer.token(AUDIENCE).header("kid", private).sign());
    values.push(issuer.token(AUDIENCE).header("typ", private).sign());
    values.push(issuer.token(AUDIENCE).header("alg", private).sign());
    values.push("private-junk".to_owned());
    for value in &values {
        let (answer, log) = capture_logs(api.token(value)).await;
        assert_ne!(answer.status, 200);
        assert!(log.contains(answer.code()), "operators see why: {log}");
        let printed = format!("{log}{answer:?}{:?}", answer.rejection.as_ref().map(ToString::to_string));
        for secret in value.split('.').chain(["private-", "Set-Cookie", "alice"]) {
            assert!(secret.is_empty() || !printed.contains(secret), "{secret} / {printed}");
        }
    }
    for value in ["Bearer private-a,b", "Bearer private-\u{e9}", "Bearer"] {
        let (answer, log) = capture_logs(api.authorization(value)).await;
        assert!(!format!("{log}{answer:?}").contains("private-"));
    }
}

#[tokio::test]
async fn an_admitted_request_is_logged_without_its_token() {
    let (issuer, api) = Api::requiring(scope("greet"));
    let token = issuer.token(AUDIENCE).subject("private-subject").scope("greet").sign();
    let (answer, log) = capture_logs(api.token(&token)).await;
    answer.assert_admitted();
    assert!(!token.split('.').any(|part| log.contains(part)) && !log.contains("private-subject"));
}

#[test]
fn debug_of_everything_that_holds_a_token_or_claims_is_empty() {
    let claims = Claims::from_json(r#"{"sub":"private","scope":"private"}"#).unwrap();
    let printed = format!("{claims:?} {:?} {:?}", claims.scopes(), claims.deserialize::<Unfit>());
    assert!(!printed.contains("private"), "{printed}");
    let token = ValidatedToken::assertion(claims);
    assert!(!format!("{token:?}").contains("private"));
    let error = Claims::from_json(r#"{"sub":["private"]}"#).unwrap_err();
    assert_eq!(error.to_string(), "claim `sub` is not a string");
}

#[derive(Debug, serde::Deserialize)]
struct Unfit {
    #[serde(rename = "sub")]
    _subject: u64,
}

#[tokio::test]
async fn a_validator_sees_a_token_that_cannot_be_printed() {
    #[derive(Debug)]
    struct Printer;

    impl portcullis::TokenValidator for Printer {
        fn validate(&self, presented: portcullis::Presented<'_>) -> portcullis::Validation {
            assert_eq!(format!("{:?}", presented.token), "BearerToken(..)");
            assert!(!format!("{presented:?}").contains("private"), "{presented:?}");
            let refused = portcullis::InvalidToken::refused("printed");
            portcullis::Validation::Ready(Err(refused.into()))
        }
    }

    let api = Api::new(ResourceServer::from_validator(Printer).require(scope("x")));
    api.token("private").await.assert_invalid("refused");
    let request =
        Request::get("/?token=private").header("cookie", "private").header("authorization", "Bearer x");
    api.send(request.body(()).unwrap()).await.assert_invalid("refused");
    let request = Request::get("/").body(()).unwrap();
    api.send(request).await.assert_unauthenticated();
    assert!(!format!("{:?}", Issuer::offline(ISSUER)).contains("-----BEGIN"));
}

/// Every way to send a token, in turn.
fn carried(token: &str) -> [Request<()>; 4] {
    let get = |uri: &str| Request::get(uri).header("x-private", "private-field");
    [
        get("/").header("authorization", format!("Bearer {token}")),
        get(&format!("/?t={token}&private-query")),
        get("/").header("cookie", format!("private-other=1; c={token}")),
        Request::post("/")
            .header("cookie", format!("c={token}"))
            .header("origin", "https://private-origin.example"),
    ]
    .map(|request| request.body(()).unwrap())
}

#[tokio::test]
async fn no_failure_by_any_carrier_in_any_body_says_anything_from_the_request() {
    // covers: EXT-023, CHL-023
    let (issuer, server, clock) = Api::parts();
    let auth = server.dangerous_token_in_query("t").token_in_cookie("c").build().unwrap();
    let down = ResourceServer::builder(ISSUER)
        .audience(AUDIENCE)
        .with_clock(clock)
        .dangerous_token_in_query("t")
        .token_in_cookie("c")
        .with_http_client(Issuer::offline("https://private-elsewhere.example"))
        .build()
        .unwrap();
    let mut tokens: Vec<_> = Flaw::ALL
        .into_iter()
        .map(|flaw| issuer.token(AUDIENCE).subject("private-subject").flaw(flaw).sign())
        .collect();
    tokens.push(issuer.token(AUDIENCE).subject("private-subject").scope("private-scope").sign());
    tokens.push("private-junk".to_owned());
    tokens.push("private,malformed".to_owned());
    let inner = tower::service_fn(async |_: Request<()>| -> Result<http::Response<Bytes>, Infallible> {
        panic!("the inner service was called")
    });
    let mut seen = std::collections::BTreeSet::new();
    for server in [auth, down] {
        let closure = |rejection: &portcullis::Rejection, head: http::Response<()>| {
            let printed = format!("{rejection} {rejection:?} {head:?}");
            head.map(|()| Bytes::from(printed))
        };
        let services = [
            tower::util::BoxCloneService::new(server.require(scope("needed")).layer(inner)),
            tower::util::BoxCloneService::new(
                server.clone().problem_json().require(scope("needed")).layer(inner),
            ),
            tower::util::BoxCloneService::new(
                server.respond_with(closure).require(scope("needed")).layer(inner),
            ),
        ];
        for token in &tokens {
            for (service, request) in
                services.iter().flat_map(|service| carried(token).map(|request| (service, request)))
            {
                let (response, log) =
                    capture_logs(tower::ServiceExt::oneshot(service.clone(), request)).await;
                let response = response.unwrap();
                assert!(response.status().is_client_error() || response.status() == 503);
                let rejection = response.extensions().get::<portcullis::Rejection>().unwrap();
                assert!(log.contains(rejection.code()), "operators see why: {log}");
                seen.insert(rejection.code());
                let printed = format!("{log}{response:?}{rejection:?}{rejection}");
                for secret in token.split('.').filter(|part| !part.is_empty()).chain(["private"]) {
                    assert!(!printed.contains(secret), "{secret} / {printed}");
                }
            }
        }
    }
    for code in ["expired", "denied", "cross_site", "unavailable", "malformed_credential", "bad_signature"] {
        assert!(seen.contains(code), "{code} / {seen:?}");
    }
}

#[test]
fn secrets_of_the_configuration_are_not_printed() {
    let secret = b"private-secret-of-more-than-32-octets";
    let key = HmacKey::new(HmacAlgorithm::Hs256, secret).unwrap();
    let trusted = TrustedIssuer::new("https://user:private@id.example.com/?private")
        .jwks_uri("https://user:private@id.example.com/jwks?private#private")
        .hmac_key(key.clone());
    let printed = format!("{key:?} {trusted:?}");
    let builder = ResourceServer::builder(trusted).audience(AUDIENCE);
    let printed = format!("{printed} {builder:?}");
    let error = builder.build().unwrap_err();
    assert!(!format!("{printed} {error} {error:?}").contains("private"), "{printed} {error}");
    let short = HmacKey::new(HmacAlgorithm::Hs512, secret).unwrap_err();
    assert!(!format!("{short} {short:?}").contains("private"));
    let server =
        ResourceServer::builder(TrustedIssuer::new(ISSUER).hmac_key(key)).audience(AUDIENCE).build().unwrap();
    let layer = server.require(scope("a"));
    assert!(!format!("{server:?} {layer:?} {:?}", layer.layer(())).contains("private"));
    let claims = Claims::from_json(r#"{"sub":"private"}"#).unwrap();
    assert!(!format!("{:?}", server.dangerous_authenticate_as(claims)).contains("private"));
}

#[test]
fn secrets_of_this_service_are_not_printed() {
    let secret = || Secret::new("private");
    let key = PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nprivate", SignatureAlgorithm::Es256);
    let mut printed = format!("{:?} {key:?} {:?}", secret(), "private".parse::<Secret>());
    for method in [
        ClientAuthentication::basic("orders-api", secret()),
        ClientAuthentication::basic_unencoded("orders-api", secret()),
        ClientAuthentication::post("orders-api", secret()),
        ClientAuthentication::private_key_jwt("orders-api", key),
        ClientAuthentication::bearer(secret()),
    ] {
        printed += &format!("{method:?}");
    }
    assert!(!printed.contains("private"), "{printed}");
    // Where it is from is no secret.
    let printed =
        format!("{:?}", ClientAuthentication::basic("orders-api", Secret::file("/run/secrets/orders")));
    assert!(printed.contains("orders-api") && printed.contains("file:/run/secrets/orders"), "{printed}");
}
