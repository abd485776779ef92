//! The same check in Axum and in a plain service on a connection.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use portcullis::{
    Access, Decision, Refused, Rejection, ResourceRequirement, anyone, authenticated, predicate,
    resource_predicate, role, scope,
};
use tower::{ServiceExt as _, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use super::{Oracle, Order, Says, order, owned};
use crate::support::{AUDIENCE, Api, capture_logs};

fn may_read() -> ResourceRequirement<Order> {
    owned().or(role("admin")).or(scope("orders:read:all"))
}

fn load(id: u64) -> Result<Order, StatusCode> {
    if id == 7 { Ok(order()) } else { Err(StatusCode::NOT_FOUND) }
}

async fn read(access: Access, Path(id): Path<u64>) -> Result<Json<u64>, Refused> {
    let order = load(id).unwrap_or_else(|_| order());
    access.check(&may_read(), &order).await?;
    Ok(Json(id))
}

async fn hide(access: Access, Path(id): Path<u64>) -> Result<StatusCode, Refused> {
    let Ok(order) = load(id) else { return Ok(StatusCode::NOT_FOUND) };
    Ok(match access.decide(&may_read(), &order).await? {
        Decision::Allow => StatusCode::OK,
        Decision::Deny(_) => StatusCode::NOT_FOUND,
    })
}

struct Seen {
    status: u16,
    code: Option<&'static str>,
    challenge: String,
    body: String,
}

async fn send(app: &Router, method: &str, path: &str, token: Option<String>) -> Seen {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    Seen {
        status: response.status().as_u16(),
        challenge: challenge.map_or(String::new(), |value| value.to_str().unwrap().to_owned()),
        code: response.extensions().get::<Rejection>().map(Rejection::code),
        body: super::text(response.into_body().collect().await.unwrap().to_bytes()),
    }
}

#[tokio::test]
async fn an_axum_handler_checks_what_it_has_loaded() {
    // covers: POL-031, CHL-007
    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap();
    let app = Router::new()
        .route("/orders/{id}", get(read))
        .route("/hidden/{id}", get(hide))
        .layer(auth.require(authenticated()));
    let token = issuer.token(AUDIENCE);
    let (alice, bob) = (token.clone().sign(), token.clone().subject("bob").sign());
    let admin = token.clone().subject("bob").roles(["admin"]).sign();
    for (path, token, status, code) in [
        ("/orders/7", Some(&alice), 200, None),
        ("/orders/7", Some(&admin), 200, None),
        ("/orders/7", Some(&bob), 403, Some("denied")),
        ("/orders/7", None, 401, Some("missing_credential")),
        // Whether it is there is nobody else's business.
        ("/hidden/7", Some(&alice), 200, None),
        ("/hidden/7", Some(&bob), 404, None),
        ("/hidden/8", Some(&bob), 404, None),
    ] {
        let seen = send(&app, "GET", path, token.cloned()).await;
        assert_eq!((seen.status, seen.code), (status, code), "{path}");
        if status == 403 {
            assert!(seen.challenge.ends_with("scope=\"orders:read:all\""), "{}", seen.challenge);
        }
    }
}

#[tokio::test]
async fn without_its_layer_a_check_is_a_500_that_says_what_to_add() {
    let (issuer, _, _) = Api::parts();
    let app = Router::new().route("/orders/{id}", get(read));
    let token = issuer.token(AUDIENCE).sign();
    let (seen, log) = capture_logs(send(&app, "GET", "/orders/7", Some(token))).await;
    assert_eq!((seen.status, seen.code, seen.challenge.as_str()), (500, Some("layer_missing"), ""));
    assert!(log.contains("ERROR") && log.contains(".layer(auth.require(authenticated()))"), "{log}");
    assert!(Access::of(&Request::new(())).is_none());
    assert!(Access::of_grpc(&http::Extensions::new(), "/orders.v1.Orders/Get").is_none());
}

#[tokio::test]
async fn a_check_sees_method_path_and_extensions_as_the_layer_did() {
    #[derive(Clone)]
    struct Region(&'static str);
    // The path as the client sent it, below `nest` too.
    let facts = || {
        predicate("facts", |input| {
            let region = input.extensions().get::<Region>().map(|Region(name)| *name);
            (input.method().as_str(), input.path(), region) == ("POST", "/api/orders/7", Some("eu"))
        })
    };
    let check = move |access: Access| async move {
        access.check(&ResourceRequirement::from(facts()), &()).await.map(|()| "checked")
    };
    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap();
    let routes = Router::new().route("/orders/{id}", post(check).get(check));
    let app = Router::new()
        .nest("/api", routes.layer(auth.require(authenticated())))
        .layer(axum::Extension(Region("eu")));
    let token = || Some(issuer.token(AUDIENCE).sign());
    let seen = send(&app, "POST", "/api/orders/7?x=y", token()).await;
    assert_eq!((seen.status, seen.body.as_str()), (200, "checked"));
    assert_eq!(send(&app, "GET", "/api/orders/7", token()).await.status, 403);
    assert_eq!(send(&app, "POST", "/api/orders/8", token()).await.status, 403);
}

#[tokio::test]
async fn refusals_of_checks_look_like_those_of_the_server() {
    // covers: CHL-023
    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap().problem_json();
    let app = Router::new().route("/orders/{id}", get(read)).layer(auth.require(anyone()));
    let seen = send(&app, "GET", "/orders/7", Some(issuer.token(AUDIENCE).subject("bob").sign())).await;
    let problem: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!((&problem["status"], &problem["scope"]), (&403.into(), &"orders:read:all".into()));
    assert_eq!(send(&app, "GET", "/orders/7", None).await.code, Some("missing_credential"));

    let plain = service_fn(async |request: Request<()>| {
        let refused = Access::of(&request).unwrap().check(&may_read(), &order()).await.unwrap_err();
        Ok::<_, Infallible>(refused.into_http().map(Full::new))
    });
    let token = issuer.token(AUDIENCE).subject("bob").sign();
    let response = auth.require(anyone()).layer(plain).oneshot(crate::support::get(&token)).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(super::text(body), seen.body);
}

#[tokio::test]
async fn a_panic_in_a_check_is_a_500_where_somebody_catches_it() {
    // covers: POL-010, HP-002
    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap();
    let oracle = Oracle::default();
    let buggy = resource_predicate("buggy", |order: &Order, _| order.archived || panic!("a bug"));
    for requirement in [buggy, oracle.says(Says::Panics)] {
        let requirement = Arc::new(requirement);
        let check = move |access: Access| async move {
            access.check(&requirement, &order()).await.map(|()| "checked")
        };
        let app = Router::new()
            .route("/", get(check))
            .layer(auth.require(authenticated()))
            .layer(CatchPanicLayer::new());
        let seen = send(&app, "GET", "/", Some(issuer.token(AUDIENCE).sign())).await;
        assert_eq!((seen.status, seen.body.contains("checked")), (500, false));
    }
}

#[tokio::test]
async fn a_service_of_hyper_answers_as_the_layer_does() {
    // covers: POL-031
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::server::conn::auto;
    use hyper_util::service::TowerToHyperService;

    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap();
    let inner = service_fn(async |request: Request<hyper::body::Incoming>| {
        let Some(access) = Access::of(&request) else {
            return Ok(Response::builder().status(500).body(Full::default()).unwrap());
        };
        Ok::<_, Infallible>(match access.check(&may_read(), &order()).await {
            Ok(()) => Response::new(Full::new("an order".into())),
            Err(refused) => refused.into_http().map(Full::new),
        })
    });
    let service = auth.require(authenticated()).layer(inner);
    let (client, server) = tokio::io::duplex(4096);
    let service = TowerToHyperService::new(service);
    tokio::spawn(async move {
        auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(server), service)
            .await
            .unwrap();
    });
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(client)).await.unwrap();
    tokio::spawn(connection);
    let mut get = async |subject: &str| {
        let token = issuer.token(AUDIENCE).subject(subject).sign();
        let request = Request::get("/orders/7").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let response = sender.send_request(request.body(Full::default()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts, super::text(body.collect().await.unwrap().to_bytes()))
    };
    let (parts, body) = get("alice").await;
    assert_eq!((parts.status.as_u16(), body.as_str()), (200, "an order"));
    let (parts, body) = get("bob").await;
    assert_eq!((parts.status.as_u16(), body.as_str()), (403, ""));
    assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store");
    let challenge = parts.headers[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.contains("insufficient_scope") && challenge.ends_with("scope=\"orders:read:all\""));
}
