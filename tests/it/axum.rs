//! The layer and the extractors in Axum: routes, routers, nesting, and handlers that fail closed.

use axum::body::Body;
use axum::handler::Handler as _;
use axum::routing::{any, get, post};
use axum::{Router, middleware};
use http::{Request, header};
use portcullis::testing::{Flaw, Issuer, TokenBuilder};
use portcullis::{
    CustomClaims, Rejection, RejectionKind, ResourceServer, ValidatedToken, authenticated, role, scope,
};
use tower::ServiceExt as _;

use crate::support::{AUDIENCE, Api, capture_logs};

fn parts() -> (Issuer, ResourceServer) {
    let (issuer, server, _) = Api::parts();
    (issuer, server.build().unwrap())
}

struct Answer {
    status: u16,
    challenge: String,
    code: Option<&'static str>,
    body: String,
}

async fn send(app: &Router, method: &str, path: &str, token: Option<String>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    Answer {
        status: response.status().as_u16(),
        challenge: challenge.map_or(String::new(), |value| value.to_str().unwrap().to_owned()),
        code: response.extensions().get::<Rejection>().map(Rejection::code),
        body: String::from_utf8(axum::body::to_bytes(response.into_body(), 1024).await.unwrap().to_vec())
            .unwrap(),
    }
}

async fn whoami(token: ValidatedToken) -> String {
    token.subject().unwrap().to_owned()
}

#[tokio::test]
async fn the_paved_path_protects_each_route_by_its_own_requirement() {
    // covers: CHL-005, EXT-001, EXT-006
    let (issuer, auth) = parts();
    let app = Router::new()
        .route("/orders", get(whoami).route_layer(auth.require(scope("orders:read"))))
        .route("/orders", post(whoami).route_layer(auth.require(scope("orders:write").and(role("clerk")))))
        .route("/me", get(whoami));
    let app = app.layer(auth.require(authenticated()));

    let reader = issuer.token(AUDIENCE).scope("orders:read");
    let clerk = issuer.token(AUDIENCE).scope("orders:write").roles(["clerk"]).subject("bob");
    for (method, path, token, status, body) in [
        ("GET", "/orders", Some(reader.clone()), 200, "alice"),
        ("HEAD", "/orders", Some(reader.clone()), 200, ""),
        ("POST", "/orders", Some(reader.clone()), 403, ""),
        ("POST", "/orders", Some(clerk.clone()), 200, "bob"),
        ("GET", "/orders", Some(clerk.clone()), 403, ""),
        ("GET", "/me", Some(clerk.clone()), 200, "bob"),
        ("DELETE", "/orders", Some(clerk.clone()), 405, ""),
        ("GET", "/orders", None, 401, ""),
        ("GET", "/me", None, 401, ""),
        ("DELETE", "/orders", None, 401, ""),
        ("GET", "/nowhere", None, 401, ""),
        ("GET", "/nowhere", Some(clerk), 404, ""),
    ] {
        let answer = send(&app, method, path, token.map(TokenBuilder::sign)).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{method} {path}");
    }
}

#[tokio::test]
async fn the_outer_layer_covers_nested_and_merged_routers_and_fallbacks() {
    // covers: POL-034
    let (issuer, auth) = parts();
    let app = Router::new()
        .nest("/api", Router::new().route("/orders/{id}", get(whoami).route_layer(auth.require(scope("a")))))
        .nest_service("/files", any(async || "files"))
        .merge(Router::new().route("/merged", get(whoami)))
        .fallback(async || "fallback")
        .layer(auth.require(authenticated()));
    let token = issuer.token(AUDIENCE).scope("a");
    for (path, body) in [
        ("/api/orders/7", "alice"),
        ("/api/none", "fallback"),
        ("/files/x", "files"),
        ("/merged", "alice"),
        ("/none", "fallback"),
    ] {
        let refused = send(&app, "GET", path, None).await;
        assert_eq!((refused.status, refused.code), (401, Some("missing_credential")), "{path}");
        let admitted = send(&app, "GET", path, Some(token.clone().sign())).await;
        assert_eq!((admitted.status, admitted.body.as_str()), (200, body), "{path}");
    }
    let denied = send(&app, "GET", "/api/orders/7", Some(token.scope("b").sign())).await;
    assert_eq!((denied.status, denied.code), (403, Some("denied")));
    assert!(denied.challenge.ends_with("scope=\"a\""), "{}", denied.challenge);
}

/// What a stranger gets of each path, and what a caller with a token.
async fn assert_covered(app: Router, token: &str, paths: &[(&str, u16, u16)]) {
    for (path, without, with) in paths {
        let stranger = send(&app, "GET", path, None).await;
        let code = (*without == 401).then_some("missing_credential");
        assert_eq!((stranger.status, stranger.code), (*without, code), "{path}");
        assert_eq!(send(&app, "GET", path, Some(token.to_owned())).await.status, *with, "{path}");
    }
}

#[tokio::test]
async fn a_layer_on_a_part_of_the_router_covers_that_part_only() {
    let (issuer, auth) = parts();
    let layer = || auth.require(authenticated());
    let token = issuer.token(AUDIENCE).sign();
    let part = || Router::new().route("/orders", get(whoami));
    let nested = Router::new()
        .nest("/api", part().layer(layer()))
        .nest("/closed", part().fallback(async || "own").layer(layer()))
        .nest_service("/files", layer().layer(any(async || "files")))
        .route("/open", get(async || "open"));
    let paths = [
        ("/api/orders", 401, 200),
        ("/files/x", 401, 200),
        ("/open", 200, 200),
        ("/none", 404, 404),
        // Where nothing is, the fallback answers: the nested router's own, or the outer one, which has no layer.
        ("/closed/none", 401, 200),
        ("/api/none", 404, 404),
    ];
    assert_covered(nested, &token, &paths).await;
    // A merged router brings its fallback along, and the layer on it; `route_layer` leaves that out.
    let merged = Router::new().route("/open", get(async || "open")).merge(part().layer(layer()));
    assert_covered(merged, &token, &[("/orders", 401, 200), ("/open", 200, 200), ("/none", 401, 404)]).await;
    let merged = Router::new().route("/open", get(async || "open")).merge(part().route_layer(layer()));
    assert_covered(merged, &token, &[("/orders", 401, 200), ("/open", 200, 200), ("/none", 404, 404)]).await;
    // A fallback that is added after the layer is outside, as a route is.
    let late = part().layer(layer()).fallback(async || "late");
    assert_covered(late, &token, &[("/orders", 401, 200), ("/none", 200, 200)]).await;
}

#[tokio::test]
async fn where_the_layer_stands_decides_what_a_stranger_learns_of_methods_and_paths() {
    // covers: CHL-005
    let (issuer, auth) = parts();
    let layer = || auth.require(authenticated());
    let token = issuer.token(AUDIENCE).sign();
    // Without and with a token: GET, HEAD, and DELETE of a route that has GET; GET of a path that is no route.
    let statuses = async |app: Router| {
        let mut statuses = Vec::new();
        for token in [None, Some(token.clone())] {
            for (method, path) in [("GET", "/"), ("HEAD", "/"), ("DELETE", "/"), ("GET", "/none")] {
                let answer = send(&app, method, path, token.clone()).await;
                assert_eq!(answer.challenge.is_empty(), answer.status != 401, "{method} {path}");
                statuses.push(answer.status);
            }
        }
        statuses
    };
    let handler = async || "hello";
    let on_method = Router::new().route("/", get(handler).route_layer(layer()));
    assert_eq!(statuses(on_method).await, [401, 401, 405, 404, 200, 200, 405, 404]);
    let on_handler = Router::new().route("/", get(handler.layer(layer())));
    assert_eq!(statuses(on_handler).await, [401, 401, 405, 404, 200, 200, 405, 404]);
    let on_route = Router::new().route("/", get(handler).layer(layer()));
    assert_eq!(statuses(on_route).await, [401, 401, 401, 404, 200, 200, 405, 404]);
    let on_routes = Router::new().route("/", get(handler)).route_layer(layer());
    assert_eq!(statuses(on_routes).await, [401, 401, 401, 404, 200, 200, 405, 404]);
    let on_router = Router::new().route("/", get(handler)).layer(layer());
    assert_eq!(statuses(on_router).await, [401, 401, 401, 401, 200, 200, 405, 404]);
}

#[tokio::test]
async fn a_token_that_is_changed_between_two_layers_is_judged_by_the_inner_one() {
    // covers: EXT-021
    let (issuer, auth) = parts();
    let inner = issuer.token(AUDIENCE).subject("bob").scope("a");
    let answer = async |exchanged: String| {
        let exchange = middleware::map_request(move |mut request: axum::extract::Request| {
            let value = format!("Bearer {exchanged}").parse().unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, value);
            async { request }
        });
        let app = Router::new()
            .route("/", get(whoami))
            .layer(auth.require(scope("a")))
            .layer(exchange)
            .layer(auth.require(authenticated()));
        send(&app, "GET", "/", Some(issuer.token(AUDIENCE).sign())).await
    };
    let exchanged = answer(inner.clone().sign()).await;
    assert_eq!((exchanged.status, exchanged.body.as_str()), (200, "bob"));
    let expired = answer(inner.clone().flaw(Flaw::Expired).sign()).await;
    assert_eq!((expired.status, expired.code), (401, Some("expired")));
    let denied = answer(inner.scope("b").sign()).await;
    assert_eq!((denied.status, denied.code), (403, Some("denied")));
}

#[tokio::test]
async fn below_nest_a_query_token_is_still_a_second_method() {
    // covers: EXT-012
    let (issuer, auth) = parts();
    let app = Router::new()
        .nest("/api", Router::new().route("/me", get(whoami)).layer(auth.require(authenticated())));
    let token = issuer.token(AUDIENCE).sign();
    assert_eq!(send(&app, "GET", "/api/me", Some(token.clone())).await.status, 200);
    let answer = send(&app, "GET", "/api/me?access_token=x", Some(token)).await;
    assert_eq!((answer.status, answer.code), (400, Some("several_methods")));
}

#[derive(serde::Deserialize)]
struct Tenant {
    tenant: String,
}

async fn tenant(CustomClaims(claims): CustomClaims<Tenant>) -> String {
    claims.tenant
}

#[tokio::test]
async fn custom_claims_are_typed_and_claims_that_do_not_fit_are_403() {
    let (issuer, auth) = parts();
    let app = Router::new().route("/", get(tenant)).layer(auth.require(authenticated()));
    let token = issuer.token(AUDIENCE);
    let answer = send(&app, "GET", "/", Some(token.clone().claim("tenant", "t1").sign())).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "t1"));
    for misfit in [token.clone(), token.clone().claim("tenant", 5), token.claim("tenant", vec!["t1"])] {
        let answer = send(&app, "GET", "/", Some(misfit.sign())).await;
        assert_eq!((answer.status, answer.code, answer.body.as_str()), (403, Some("claims_mismatch"), ""));
        assert!(
            answer.challenge.contains("error=\"insufficient_scope\"")
                && !answer.challenge.contains("scope=\"")
        );
    }
}

#[tokio::test]
async fn a_misfit_is_logged_with_the_missing_field_and_without_values() {
    let (issuer, auth) = parts();
    let app = Router::new().route("/", get(tenant)).layer(auth.require(authenticated()));
    let token = issuer.token(AUDIENCE).subject("somebody-private");
    let (_, log) = capture_logs(send(&app, "GET", "/", Some(token.clone().sign()))).await;
    assert!(log.contains("missing field `tenant`"), "{log}");
    let misfit = token.claim("tenant", serde_json::json!({ "secret": "value" })).sign();
    let (_, log) = capture_logs(send(&app, "GET", "/", Some(misfit))).await;
    assert!(log.contains("a member has another type") && !log.contains("value"), "{log}");
}

#[tokio::test]
async fn an_extractor_without_its_layer_is_a_500_that_says_what_to_add() {
    let (issuer, _) = parts();
    let app = Router::new().route("/me", get(whoami)).route("/tenant", get(tenant));
    for path in ["/me", "/tenant"] {
        for token in [None, Some(issuer.token(AUDIENCE).claim("tenant", "t1").sign())] {
            let (answer, log) = capture_logs(send(&app, "GET", path, token)).await;
            assert_eq!((answer.status, answer.code, answer.body.as_str()), (500, Some("layer_missing"), ""));
            assert_eq!(answer.challenge, "");
            assert!(log.contains("ERROR") && log.contains(".layer(auth.require(authenticated()))"), "{log}");
        }
    }
}

#[tokio::test]
async fn a_route_added_below_the_layer_is_outside_and_its_extractor_stays_closed() {
    let (issuer, auth) = parts();
    let app = Router::new().layer(auth.require(authenticated())).route("/late", get(whoami));
    assert_eq!(send(&app, "GET", "/late", Some(issuer.token(AUDIENCE).sign())).await.status, 500);
}

#[tokio::test]
async fn an_outer_layer_sees_the_typed_reason_and_may_reshape_the_answer() {
    let (issuer, auth) = parts();
    let reshape = middleware::map_response(async |mut response: axum::response::Response| {
        let kind = response.extensions().get::<Rejection>().map(Rejection::kind);
        if kind == Some(RejectionKind::InvalidToken) {
            *response.body_mut() = Body::from("please sign in again");
        }
        response
    });
    let app = Router::new().route("/", get(whoami)).layer(auth.require(authenticated())).layer(reshape);
    let expired = send(&app, "GET", "/", Some(issuer.token(AUDIENCE).flaw(Flaw::Expired).sign())).await;
    assert_eq!((expired.status, expired.body.as_str()), (401, "please sign in again"));
    assert_eq!(send(&app, "GET", "/", None).await.body, "");
}
