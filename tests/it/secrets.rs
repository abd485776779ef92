//! No token, key or claim value is printed, whatever happens.

use http::Request;
use portcullis::testing::{Flaw, Issuer};
use portcullis::{Claims, ResourceServer, ValidatedToken, role, scope};

use crate::support::{AUDIENCE, Api, ISSUER, capture_logs};

const FLAWS: [Flaw; 9] = [
    Flaw::AlgNone,
    Flaw::BadSignature,
    Flaw::BoundToKey,
    Flaw::Expired,
    Flaw::NotYetValid,
    Flaw::OtherType,
    Flaw::UnknownKey,
    Flaw::WrongAudience,
    Flaw::WrongIssuer,
];

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
    let mut values: Vec<String> = FLAWS.into_iter().map(Some).chain([None]).map(token).collect();
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
