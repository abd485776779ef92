//! What the page of introspection promises that no other test tries.

use bytes::Bytes;
use http::{Method, Request, Response};
use portcullis::testing::Issuer;
use portcullis::{
    BoxFuture, ClientAuthentication, FetchError, FetchLimits, HttpClient, Introspection, ResourceServer,
    Secret, TrustedIssuer, authenticated,
};

use crate::support::{AUDIENCE, Api, ISSUER, capture_logs};

const METADATA: &str = "https://inside.example.com/metadata";

/// Has the metadata at one place, which is no usual one, and the endpoint where that says.
#[derive(Debug)]
struct Inside(Issuer);

impl HttpClient for Inside {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        if request.method() == Method::POST {
            return self.0.send(request, limits);
        }
        let metadata = (request.uri() == METADATA).then(|| self.0.metadata_json().to_string());
        let answer = Response::builder().status(if metadata.is_some() { 200 } else { 404 });
        let answer = answer.header("content-type", "application/json");
        let answer = answer.body(Bytes::from(metadata.unwrap_or_default())).unwrap();
        Box::pin(async { Ok(answer) })
    }
}

fn introspection(secret: &str) -> Introspection {
    Introspection::new(ClientAuthentication::basic("api", Secret::new(secret)))
}

fn api(trusted: TrustedIssuer, issuer: &Issuer) -> Api {
    let server = ResourceServer::builder(trusted).audience(AUDIENCE).with_http_client(Inside(issuer.clone()));
    Api::new(server.build().unwrap().require(authenticated()))
}

#[tokio::test]
async fn the_endpoint_is_found_where_the_metadata_is_said_to_be() {
    let issuer = Issuer::offline(ISSUER);
    let trusted = TrustedIssuer::new(ISSUER).introspection(introspection("secret"));
    let token = issuer.token(AUDIENCE).opaque();
    api(trusted.clone(), &issuer).token(&token).await.assert_unavailable(1);
    api(trusted.metadata_url(METADATA), &issuer).token(&token).await.assert_admitted();

    let every = TrustedIssuer::new(ISSUER).introspection(introspection("secret").every_token());
    api(every.clone().metadata_url(METADATA), &issuer).token(&token).await.assert_admitted();
    let refused = ResourceServer::builder(every.metadata_url("http://inside.example.com/metadata"));
    let refused = refused.audience(AUDIENCE).build().unwrap_err();
    assert_eq!(refused.problems()[0].code(), "insecure_metadata_url");
}

#[tokio::test]
async fn what_went_wrong_is_a_field_of_its_event() {
    let issuer = Issuer::offline(ISSUER);
    let trusted = TrustedIssuer::new(ISSUER).introspection(introspection("wrong")).metadata_url(METADATA);
    let (api, token) = (api(trusted, &issuer), issuer.token(AUDIENCE).opaque());
    let (answer, log) = capture_logs(async { api.token(&token).await }).await;
    answer.assert_unavailable(1);
    let told = log.lines().find(|line| line.contains("portcullis::introspection")).unwrap();
    assert!(told.contains("ERROR") && told.contains("code=\"credentials_refused\""), "{told}");
    assert!(told.contains("error=\"") && told.contains("401"), "{told}");
}
