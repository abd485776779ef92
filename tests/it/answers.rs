//! How refusals look: problem details, closures, gRPC.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use portcullis::testing::{Flaw, Issuer};
use portcullis::{
    CustomClaims, Presented, Rejection, RejectionKind, ResourceServer, TokenValidator, Unavailable,
    ValidatedToken, Validation, anyone, authenticated, scope,
};
use serde_json::{Value, json};
use tower::{Service, ServiceExt as _, service_fn};

use crate::support::{AUDIENCE, Api};

/// Cannot say anything for 90 s.
#[derive(Debug)]
struct Down;

impl TokenValidator for Down {
    fn validate(&self, _: Presented<'_>) -> Validation {
        Validation::Ready(Err(Unavailable::new("down", Duration::from_secs(90)).into()))
    }
}

fn server() -> (Issuer, ResourceServer) {
    let (issuer, server, _) = Api::parts();
    let server = server.error_uri("https://api.example.com/errors");
    (issuer, server.build().unwrap())
}

fn with(token: &str) -> Request<()> {
    Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap()
}

async fn send<S, B>(service: S, request: Request<()>) -> Response<B>
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    service.oneshot(request).await.unwrap()
}

/// Never reached by a refused request.
async fn unreachable<B>(_: Request<()>) -> Result<Response<B>, Infallible> {
    panic!("the inner service was called")
}

fn problem(response: Response<Bytes>) -> (u16, HeaderMap, Value) {
    let (parts, body) = response.into_parts();
    assert_eq!(parts.headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store");
    (parts.status.as_u16(), parts.headers, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_problem_says_what_status_and_challenge_say() {
    // covers: CHL-021, CHL-023, CHL-001, CHL-006
    let (issuer, auth) = server();
    let auth = auth.problem_json();
    let service = auth.require(scope("a").and(scope("b"))).layer(service_fn(unreachable::<Bytes>));
    let token = issuer.token(AUDIENCE);
    let expired = token.clone().flaw(Flaw::Expired).sign();
    for (request, expected, code) in [
        (
            Request::get("/").body(()).unwrap(),
            json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "Send a bearer token"}),
            "missing_credential",
        ),
        (
            with("a,b"),
            json!({"type": "about:blank", "title": "Bad Request", "status": 400, "error": "invalid_request",
                "detail": "The request is malformed: send one bearer token, once"}),
            "malformed_credential",
        ),
        (
            with(&expired),
            json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "error": "invalid_token",
                "detail": "The access token is expired, malformed or not valid here"}),
            "expired",
        ),
        (
            with(&token.scope("b").sign()),
            json!({"type": "about:blank", "title": "Forbidden", "status": 403, "error": "insufficient_scope",
                "detail": "The access token does not grant what this request needs", "scope": "a b"}),
            "denied",
        ),
    ] {
        let response = send(service.clone(), request).await;
        assert_eq!(response.extensions().get::<Rejection>().unwrap().code(), code);
        let (status, headers, problem) = problem(response);
        assert_eq!(problem, expected);
        assert_eq!(u64::from(status), problem["status"].as_u64().unwrap());
        let challenge = headers[header::WWW_AUTHENTICATE].to_str().unwrap();
        let error = problem["error"].as_str().map(|error| format!("error=\"{error}\""));
        assert_eq!(challenge.contains("error="), error.is_some());
        assert!(error.is_none_or(|error| challenge.contains(&error)), "{challenge}");
        assert_eq!(
            challenge.contains("error_uri=\"https://api.example.com/errors\""),
            problem["error"].is_string()
        );
    }
    let down = ResourceServer::from_validator(Down).problem_json();
    let service = down.require(authenticated()).layer(service_fn(unreachable::<Bytes>));
    let (status, headers, problem) = problem(send(service, with("t")).await);
    assert_eq!(
        (status, &problem["status"], &headers[header::RETRY_AFTER]),
        (503, &json!(503), &"90".parse().unwrap())
    );
    assert_eq!(problem["title"], "Service Unavailable");
    assert!(problem.get("error").is_none() && !headers.contains_key(header::WWW_AUTHENTICATE));
}

#[tokio::test]
async fn two_problems_of_one_kind_have_the_same_type_and_title() {
    // covers: CHL-022
    let (issuer, auth) = server();
    let service = auth.problem_json().require(authenticated()).layer(service_fn(unreachable::<Bytes>));
    let body = async |subject: &str| {
        let token = issuer.token(AUDIENCE).subject(subject).flaw(Flaw::Expired).sign();
        send(service.clone(), with(&token)).await.into_body()
    };
    assert_eq!(body("alice").await, body("bob").await);
}

#[tokio::test]
async fn a_closure_makes_any_response_and_the_reason_stays_with_it() {
    let (issuer, auth) = server();
    let auth = auth.respond_with(|rejection: &Rejection, head: Response<()>| match rejection.kind() {
        RejectionKind::Denied => {
            let mut hidden = Response::new(Arc::from("no such order"));
            *hidden.status_mut() = http::StatusCode::NOT_FOUND;
            hidden
        }
        _ => head.map(|()| Arc::from(rejection.code())),
    });
    // Neither `Default` nor `From<Bytes>` would give this body.
    let service = auth.require(scope("a")).layer(service_fn(unreachable::<Arc<str>>));
    let refused = send(service.clone(), Request::get("/").body(()).unwrap()).await;
    assert_eq!((refused.status().as_u16(), &**refused.body()), (401, "missing_credential"));
    assert_eq!(refused.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"api\"");
    assert_eq!(refused.headers()[header::CACHE_CONTROL], "no-store");
    let hidden = send(service, with(&issuer.token(AUDIENCE).sign())).await;
    assert_eq!((hidden.status().as_u16(), &**hidden.body()), (404, "no such order"));
    assert_eq!(hidden.extensions().get::<Rejection>().unwrap().code(), "denied");
}

#[tokio::test]
async fn a_denial_can_be_hidden_behind_a_404_without_a_challenge() {
    // covers: CHL-019
    let (issuer, auth) = server();
    let auth = auth.respond_with(|rejection: &Rejection, head: Response<()>| {
        let mut head = head.map(|()| String::new());
        if rejection.kind() == RejectionKind::Denied {
            *head.status_mut() = http::StatusCode::NOT_FOUND;
            head.headers_mut().remove(header::WWW_AUTHENTICATE);
        }
        head
    });
    let service = auth.require(scope("a")).layer(service_fn(unreachable::<String>));
    let hidden = send(service.clone(), with(&issuer.token(AUDIENCE).sign())).await;
    assert_eq!(hidden.status(), 404);
    assert!(!hidden.headers().contains_key(header::WWW_AUTHENTICATE));
    let refused = send(service, Request::get("/").body(()).unwrap()).await;
    assert_eq!(
        (refused.status().as_u16(), refused.headers().contains_key(header::WWW_AUTHENTICATE)),
        (401, true)
    );
}

fn grpc(token: Option<&str>, content_type: &str) -> Request<()> {
    let request = Request::post("/orders.v1.Orders/List").header("content-type", content_type);
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    request.body(()).unwrap()
}

#[track_caller]
fn assert_trailers_only<B: PartialEq + Default + std::fmt::Debug>(
    response: &Response<B>,
    grpc_status: &str,
    code: &str,
) {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/grpc");
    assert_eq!(response.headers()["grpc-status"], grpc_status);
    let message = response.headers()["grpc-message"].to_str().unwrap();
    assert!(!message.is_empty() && !message.contains('%'));
    assert_eq!(response.body(), &B::default());
    assert_eq!(response.extensions().get::<Rejection>().unwrap().code(), code);
}

#[tokio::test]
async fn a_grpc_request_is_refused_with_a_trailers_only_response() {
    // covers: CHL-028
    let (issuer, auth) = server();
    let service = auth.require(scope("a")).layer(service_fn(unreachable::<String>));
    let token = issuer.token(AUDIENCE);
    let (denied, expired) = (token.clone().sign(), token.flaw(Flaw::Expired).sign());
    for content_type in
        ["application/grpc", "application/grpc+proto", "Application/gRPC; charset=x", "application/grpc ;x"]
    {
        let send = async |token: Option<&str>| send(service.clone(), grpc(token, content_type)).await;
        assert_trailers_only(&send(None).await, "16", "missing_credential");
        assert_trailers_only(&send(Some("a,b")).await, "16", "malformed_credential");
        assert_trailers_only(&send(Some(&expired)).await, "16", "expired");
        let answer = send(Some(&denied)).await;
        assert_trailers_only(&answer, "7", "denied");
        let challenge = answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert!(challenge.ends_with("scope=\"a\""), "{challenge}");
    }
    let down = ResourceServer::from_validator(Down);
    let service_down = down.require(authenticated()).layer(service_fn(unreachable::<String>));
    let answer = send(service_down, grpc(Some("t"), "application/grpc")).await;
    assert_trailers_only(&answer, "14", "unavailable");
    assert_eq!(answer.headers()[header::RETRY_AFTER], "90");
    // Other protocols, whatever their names begin with.
    for content_type in
        ["application/grpc-web", "application/grpc-web+proto", "application/grpcx", "application/json", ""]
    {
        let answer = send(service.clone(), grpc(None, content_type)).await;
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("grpc-status")), (401, false));
    }
}

#[tokio::test]
async fn a_grpc_request_gets_no_problem_document() {
    // covers: CHL-028
    let (_, auth) = server();
    let service =
        auth.clone().problem_json().require(authenticated()).layer(service_fn(unreachable::<Bytes>));
    assert_trailers_only(&send(service, grpc(None, "application/grpc")).await, "16", "missing_credential");
    let auth = auth.respond_with(|_: &Rejection, head: Response<()>| head.map(|()| Bytes::new()));
    let service = auth.require(authenticated()).layer(service_fn(unreachable::<Bytes>));
    assert_trailers_only(&send(service, grpc(None, "application/grpc")).await, "16", "missing_credential");
}

#[tokio::test]
async fn an_admitted_grpc_call_reaches_its_service() {
    // covers: CHL-028
    let (issuer, auth) = server();
    let service = auth
        .require(authenticated())
        .layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new("reached".to_owned()))));
    let token = issuer.token(AUDIENCE).sign();
    assert_eq!(send(service, grpc(Some(&token), "application/grpc")).await.body(), "reached");
}

#[tokio::test]
async fn handles_of_one_server_share_validated_tokens_however_they_answer() {
    // covers: POL-034
    let (issuer, auth) = server();
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new())));
    let inside = auth.clone().problem_json().require(scope("a")).layer(inner);
    let service = auth.require(authenticated()).layer(inside);
    let token = issuer.token(AUDIENCE);
    assert_eq!(send(service.clone(), with(&token.clone().scope("a").sign())).await.status(), 200);
    let (status, _, _) = problem(send(service, with(&token.sign())).await);
    assert_eq!(status, 403);
}

#[tokio::test]
async fn extractors_answer_in_the_way_of_the_server() {
    // covers: CHL-021, EXT-020
    #[derive(serde::Deserialize)]
    struct Tenant {
        #[serde(rename = "tenant")]
        _tenant: u64,
    }
    async fn tenant(_: CustomClaims<Tenant>) {}
    async fn whoami(_: ValidatedToken) {}

    let (issuer, server, _) = Api::parts();
    let auth = server.realm("orders").error_uri("https://api.example.com/errors").build().unwrap();
    let token = issuer.token(AUDIENCE).claim("tenant", "t1").sign();
    let get = |path: &str, token: Option<&str>| {
        let request = Request::get(path);
        let request = token
            .into_iter()
            .fold(request, |request, token| request.header("authorization", format!("Bearer {token}")));
        request.body(axum::body::Body::empty()).unwrap()
    };
    let routes = || {
        axum::Router::new()
            .route("/tenant", axum::routing::get(tenant))
            .route("/whoami", axum::routing::get(whoami))
    };
    let send = async |app: axum::Router, request: Request<axum::body::Body>| {
        let (parts, body) = app.oneshot(request).await.unwrap().into_parts();
        Response::from_parts(parts, axum::body::to_bytes(body, 1000).await.unwrap())
    };
    let app = routes().layer(auth.clone().problem_json().require(anyone()));
    let answer = send(app.clone(), get("/tenant", Some(&token))).await;
    let challenge = answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    assert!(challenge.starts_with("Bearer realm=\"orders\", error=\"insufficient_scope\""), "{challenge}");
    assert!(challenge.ends_with("error_uri=\"https://api.example.com/errors\""), "{challenge}");
    let (status, _, problem) = problem(answer);
    assert_eq!((status, &problem["error"]), (403, &json!("insufficient_scope")));
    for path in ["/tenant", "/whoami"] {
        let answer = send(app.clone(), get(path, None)).await;
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"orders\"");
        assert_eq!(self::problem(answer).0, 401);
    }
    // A closure does not know Axum's body.
    let closure = |_: &Rejection, head: Response<()>| head.map(|()| axum::body::Body::from("closure"));
    let app = routes().layer(auth.respond_with(closure).require(anyone()));
    let answer = send(app.clone(), get("/tenant", Some(&token))).await;
    assert_eq!((answer.status().as_u16(), answer.body().len()), (403, 0));
    assert_eq!(send(app, get("/tenant", Some("a,b"))).await.body(), "closure");
    // Without a layer nothing is open.
    let answer = send(routes(), get("/whoami", Some(&token))).await;
    assert_eq!(
        (answer.status().as_u16(), answer.extensions().get::<Rejection>().unwrap().code()),
        (500, "layer_missing")
    );
}
