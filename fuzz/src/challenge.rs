//! The challenge writer: realm, `error_uri` and scopes in refusals of every kind.

use axum::extract::FromRequestParts as _;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version, header};
use portcullis::{
    BoxFuture, CustomClaims, FetchError, FetchLimits, HttpClient, ProblemJson, RequireLayer, Requirement,
    ResourceServer, ResourceServerBuilder, all_scopes, anyone, authenticated,
};
use tower::{ServiceExt as _, service_fn};

use super::known::{EDDSA_TOKEN, hmac_key, hmac_token, issuer, server as new};
use super::service::{Answer, ready, send};

/// The first line is the realm, the second the `error_uri` (none if empty), the third a list of scopes.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n').chain([""].into_iter().cycle());
    let mut line = || lines.next().unwrap_or("");
    let (realm, error_uri, scopes) = (line(), line(), line());

    let configure = |server: ResourceServerBuilder| {
        let server = server.realm(realm);
        if error_uri.is_empty() { server } else { server.error_uri(error_uri) }
    };
    let built = configure(new(issuer().hmac_key(hmac_key())).0.token_in_cookie("c")).build();
    let printable = realm.chars().all(|letter| matches!(letter, ' '..='~'));
    let server = match built {
        Ok(server) => server.problem_json(),
        Err(error) => {
            let codes: Vec<_> = error.problems().iter().map(portcullis::ConfigProblem::code).collect();
            assert_eq!(codes.contains(&"invalid_realm"), !printable);
            assert!(
                codes.iter().all(|code| ["invalid_realm", "invalid_error_uri"].contains(code)),
                "{codes:?}"
            );
            return;
        }
    };
    assert!(printable);
    let said = Said { realm, error_uri };

    let any = server.require(authenticated());
    let get = |token: &str| {
        let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {token}"));
        request.body(()).unwrap()
    };
    said.holds_for(&any, || Request::new(()), "missing_credential", "16");
    said.holds_for(&any, || get(""), "malformed_credential", "16");
    said.holds_for(&any, || get("a.b.c"), "malformed_token", "16");
    let cross_site = || {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(header::COOKIE, "c=a.b.c".parse().unwrap());
        request
    };
    said.holds_for(&any, cross_site, "cross_site", "7");
    assert!(send(&any, get(hmac_token())).is_admitted());
    assert!(send(&any, as_grpc(get(hmac_token()))).is_admitted());

    let silent = configure(new(issuer()).0.with_http_client(Silent)).build().unwrap().problem_json();
    let answer = send(&silent.require(authenticated()), get(EDDSA_TOKEN));
    assert_eq!((answer.code(), answer.challenge()), ("unavailable", None));

    let mut needed: Vec<&str> = Vec::new();
    for scope in scopes.split(' ') {
        let is_scope =
            !scope.is_empty() && scope.chars().all(|letter| matches!(letter, '!' | '#'..='[' | ']'..='~'));
        assert_eq!(Requirement::try_scope(scope).is_ok(), is_scope, "{scope:?}");
        if is_scope {
            needed.push(scope);
        }
    }
    if !needed.is_empty() {
        let layer = server.require(all_scopes(needed.iter().copied()));
        let answer = said.holds_for(&layer, || get(hmac_token()), "denied", "7");
        assert_eq!(answer.challenge().unwrap().scopes(), needed);
        let denial = answer.rejection.as_ref().and_then(|rejection| rejection.denial()).unwrap();
        assert_eq!(denial.needed_scopes().collect::<Vec<_>>(), needed);
    }
    said.holds_for_extractors(&server);
}

/// The request as a gRPC client makes it.
fn as_grpc(mut request: Request<()>) -> Request<()> {
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().insert(header::CONTENT_TYPE, "Application/gRPC+proto".parse().unwrap());
    request
}

/// What every challenge of a server says.
struct Said<'a> {
    realm: &'a str,
    error_uri: &'a str,
}

impl Said<'_> {
    /// Refused with this code, as HTTP and as gRPC; the answer is the one of HTTP.
    fn holds_for(
        &self,
        layer: &RequireLayer<ProblemJson>,
        request: impl Fn() -> Request<()>,
        code: &str,
        grpc_status: &str,
    ) -> Answer {
        let answer = send(layer, request());
        assert_eq!(answer.code(), code);
        self.is_said_by(&answer);
        let trailers = send(layer, as_grpc(request()));
        assert_eq!((trailers.code(), trailers.challenge()), (code, answer.challenge()));
        assert_eq!(trailers.headers["grpc-status"], grpc_status);
        answer
    }

    fn is_said_by(&self, answer: &Answer) {
        let challenge = answer.challenge().unwrap();
        assert_eq!(challenge.scheme(), "Bearer");
        assert_eq!(challenge.parameter("realm"), Some(self.realm));
        let expected = (!self.error_uri.is_empty() && challenge.error().is_some()).then_some(self.error_uri);
        assert_eq!(challenge.parameter("error_uri"), expected);
    }

    /// What extractors refuse by themselves: claims of another type, and a handler without a layer.
    fn holds_for_extractors(&self, server: &ResourceServer<ProblemJson>) {
        #[derive(serde::Deserialize)]
        struct Tenant {
            #[serde(rename = "tenant")]
            _tenant: String,
        }
        let extract = service_fn(async |request: Request<()>| {
            let mut parts = request.into_parts().0;
            let refused = CustomClaims::<Tenant>::from_request_parts(&mut parts, &()).await.err().unwrap();
            let (parts, body) = refused.into_response().into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            Ok::<_, std::convert::Infallible>(Response::from_parts(parts, body))
        });
        let request = || {
            let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {}", hmac_token()));
            request.body(()).unwrap()
        };
        let Ok(mismatch) = ready(server.require(anyone()).layer(extract).oneshot(request()));
        let mismatch = Answer::of(mismatch);
        assert_eq!(mismatch.code(), "claims_mismatch");
        mismatch.check_refusal(StatusCode::FORBIDDEN);
        self.is_said_by(&mismatch);
        let Ok(missing) = ready(extract.oneshot(request()));
        assert_eq!(Answer::of(missing).code(), "layer_missing");
    }
}

/// An issuer that cannot be reached.
#[derive(Debug)]
struct Silent;

impl HttpClient for Silent {
    fn send(
        &self,
        _: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        Box::pin(std::future::ready(Err(FetchError::TimedOut)))
    }
}
