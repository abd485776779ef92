//! Tables among other layers: each that a request passes has its say, and none takes another's back.

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use http::{Request, header};
use portcullis::testing::{Issuer, TokenBuilder};
use portcullis::{
    PolicyTable, Rejection, Requirement, ResourceServer, TrustedIssuer, anyone, authenticated, not, role,
    scope,
};
use tower::ServiceExt as _;
use tower_http::cors::CorsLayer;

use crate::support::{AUDIENCE, Api, ISSUER};

const PAGE: &str = "https://app.example.com";

fn parts() -> (Issuer, ResourceServer) {
    let (issuer, server, _) = Api::parts();
    (issuer, server.build().unwrap())
}

fn table(rules: &[(&str, Requirement)]) -> PolicyTable {
    let add = |table: portcullis::PolicyTableBuilder, (rule, requirement): &(&str, Requirement)| {
        table.rule(*rule, requirement.clone())
    };
    rules.iter().fold(PolicyTable::builder(), add).build().unwrap()
}

/// Status and code, and the rule that refused; of what was admitted, `200 admitted`.
async fn send(app: &Router, request: http::request::Builder) -> String {
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let Some(rejection) = response.extensions().get::<Rejection>() else {
        return format!("{status} admitted");
    };
    let rule = rejection.denial().and_then(|denial| denial.rule()).unwrap_or_default();
    format!("{status} {} {rule}", rejection.code()).trim_end().to_owned()
}

fn bearing(method: &str, path: &str, token: Option<TokenBuilder>) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    match token {
        Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {}", token.sign())),
        None => request,
    }
}

#[tokio::test]
async fn a_table_inside_another_policy_tightens_it_and_never_loosens_it() {
    // covers: POL-034
    let (issuer, auth) = parts();
    // Outer and inner say of each path: nobody knows it, anyone, a scope, and the other one's scope.
    let says = |who: &str| {
        let own = scope(&format!("{who}:scope"));
        let paths = ["open", "own", "none"];
        let mut rules = Vec::new();
        for outer in paths {
            for inner in paths {
                let said = if who == "outer" { outer } else { inner };
                let path = format!("GET /{outer}/{inner}");
                match said {
                    "open" => rules.push((path, anyone())),
                    "own" => rules.push((path, own.clone())),
                    _ => {}
                }
            }
        }
        let rules: Vec<_> = rules.iter().map(|(rule, requirement)| (&**rule, requirement.clone())).collect();
        table(&rules)
    };
    let app = |first: &PolicyTable, second: &PolicyTable| {
        let handlers = Router::new().route("/{outer}/{inner}", any(async || "hello"));
        handlers.layer(auth.require(second.clone())).layer(auth.require(first.clone()))
    };
    let (outer, inner) = (says("outer"), says("inner"));
    for app in [app(&outer, &inner), app(&inner, &outer)] {
        for scopes in
            [None, Some(""), Some("outer:scope"), Some("inner:scope"), Some("outer:scope inner:scope")]
        {
            for of_outer in ["open", "own", "none"] {
                for of_inner in ["open", "own", "none"] {
                    let lets = |said: &str, own: &str| match said {
                        "open" => true,
                        "own" => scopes.is_some_and(|scopes| scopes.contains(own)),
                        _ => false,
                    };
                    let expected = match lets(of_outer, "outer:") && lets(of_inner, "inner:") {
                        true => "200",
                        false if scopes.is_none() => "401",
                        false => "403",
                    };
                    let token = scopes.map(|scopes| issuer.token(AUDIENCE).scope(scopes));
                    let path = format!("/{of_outer}/{of_inner}");
                    let answer = send(&app, bearing("GET", &path, token)).await;
                    assert!(answer.starts_with(expected), "{path} {scopes:?}: {answer}");
                }
            }
        }
    }
}

#[tokio::test]
async fn tables_and_requirements_on_the_whole_a_part_and_a_route_all_have_their_say() {
    // covers: POL-034
    let (issuer, auth) = parts();
    let whole = table(&[("* /api/{*rest}", not(role("suspended"))), ("GET /health", anyone())]);
    let part = table(&[
        ("GET /api/orders/{id}", scope("orders:read")),
        ("DELETE /api/orders/{id}", scope("orders:write")),
    ]);
    let orders = Router::new()
        .route(
            "/orders/{id}",
            get(async || "order").delete(async || "gone").layer(auth.require(role("clerk"))),
        )
        .route("/other", get(async || "other"))
        .fallback(async || "own fallback")
        .layer(auth.require(part));
    let app = Router::new()
        .nest("/api", orders)
        .route("/health", get(async || "well"))
        .route("/late", get(async || "late"))
        .fallback(async || "fallback")
        .layer(auth.require(whole));
    let token = || issuer.token(AUDIENCE);
    let clerk = || token().roles(["clerk"]).scope("orders:read");
    for (method, path, token, expected) in [
        ("GET", "/health", None, "200 admitted"),
        ("GET", "/api/orders/7", None, "401 missing_credential"),
        ("GET", "/api/orders/7", Some(clerk()), "200 admitted"),
        ("HEAD", "/api/orders/7", Some(clerk()), "200 admitted"),
        ("GET", "/api/orders/7", Some(clerk().roles(["clerk", "suspended"])), "403 denied * /api/{*rest}"),
        ("GET", "/api/orders/7", Some(token().roles(["clerk"])), "403 denied GET /api/orders/{id}"),
        ("GET", "/api/orders/7", Some(token().scope("orders:read")), "403 denied"),
        ("DELETE", "/api/orders/7", Some(clerk()), "403 denied DELETE /api/orders/{id}"),
        // The part's table does not know them, so its fallback and a route without a rule are closed, whoever asks.
        ("GET", "/api/other", Some(clerk()), "403 denied"),
        ("GET", "/api/nothing", Some(clerk()), "403 denied"),
        ("POST", "/api/orders/7", Some(clerk()), "403 denied"),
        // As are those of the whole that have none.
        ("GET", "/late", Some(clerk()), "403 denied"),
        ("GET", "/nothing", Some(clerk()), "403 denied"),
        ("GET", "/late", None, "401 missing_credential"),
    ] {
        assert_eq!(send(&app, bearing(method, path, token)).await, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_table_of_another_server_takes_no_word_of_the_outer_one_for_it() {
    // covers: POL-034
    let (issuer, server, clock) = Api::parts();
    let other = ResourceServer::builder(TrustedIssuer::new(ISSUER).jwk_set(issuer.jwk_set()));
    let (auth, other) =
        (server.build().unwrap(), other.audience(AUDIENCE).with_clock(clock).build().unwrap());
    let rules = || table(&[("GET /", scope("a"))]);
    let app = Router::new().route("/", get(async || "hello"));
    for app in [
        app.clone().layer(other.require(rules())).layer(auth.require(anyone())),
        app.clone().layer(auth.require(rules())).layer(other.require(anyone())),
    ] {
        assert_eq!(send(&app, bearing("GET", "/", None)).await, "401 missing_credential");
        let token = issuer.token(AUDIENCE);
        assert_eq!(send(&app, bearing("GET", "/", Some(token.clone().scope("a")))).await, "200 admitted");
        assert_eq!(send(&app, bearing("GET", "/", Some(token))).await, "403 denied GET /");
    }
}

#[tokio::test]
async fn cors_outside_a_table_answers_preflights_and_inside_they_need_a_rule() {
    // covers: CHL-026
    let (issuer, auth) = parts();
    let cors = || {
        let page: http::HeaderValue = PAGE.parse().unwrap();
        CorsLayer::new()
            .allow_origin(page)
            .allow_methods([http::Method::GET])
            .allow_headers([header::AUTHORIZATION])
    };
    let routes = || Router::new().route("/orders", get(async || "orders"));
    let rules = [("GET /orders", scope("orders:read"))];
    let with_options = [rules[0].clone(), ("OPTIONS /orders", anyone())];
    let preflight = |body: &str| {
        let request = Request::options("/orders").header(header::ORIGIN, PAGE);
        let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET");
        match body {
            "" => request,
            body => request.header(header::CONTENT_LENGTH, body.len()),
        }
    };
    let outside = routes().layer(auth.require(table(&rules))).layer(cors());
    let inside = routes().layer(cors()).layer(auth.require(table(&rules)));
    let ruled = routes().layer(cors()).layer(auth.require(table(&with_options)));
    for (app, expected) in
        [(&outside, "200 admitted"), (&inside, "401 missing_credential"), (&ruled, "200 admitted")]
    {
        for body in ["", "GET /orders"] {
            assert_eq!(send(app, preflight(body)).await, expected);
        }
        // None of them lets the request itself in.
        let real = |token| bearing("GET", "/orders", token).header(header::ORIGIN, PAGE);
        assert_eq!(send(app, real(None)).await, "401 missing_credential");
        assert_eq!(send(app, real(Some(issuer.token(AUDIENCE)))).await, "403 denied GET /orders");
        let reader = issuer.token(AUDIENCE).scope("orders:read");
        assert_eq!(send(app, real(Some(reader))).await, "200 admitted");
    }
    // Nor does a method that only looks like it.
    for method in ["options", "OPTIONSX"] {
        let answer = send(&inside, bearing(method, "/orders", Some(issuer.token(AUDIENCE)))).await;
        assert_eq!(answer, "403 denied", "{method}");
    }
}

#[tokio::test]
async fn a_table_covers_fallbacks_and_every_part_of_a_router() {
    // covers: POL-001
    let (issuer, auth) = parts();
    let (seen, hello) = (|| any(async || "hello"), || async { "hello" });
    let rules = table(&[("GET /known", authenticated())]);
    let app = Router::new()
        .route("/known", get(hello))
        .route("/unknown", get(hello))
        .nest("/nested", Router::new().route("/x", get(hello)).fallback(hello))
        .nest_service("/service", seen())
        .route_service("/routed", seen())
        .merge(Router::new().route("/merged", get(hello)))
        .fallback(hello)
        .method_not_allowed_fallback(hello)
        .layer(auth.require(rules));
    let token = || Some(issuer.token(AUDIENCE));
    for path in [
        "/unknown",
        "/nested",
        "/nested/",
        "/nested/x",
        "/nested/none",
        "/service",
        "/service/",
        "/service/x",
        "/routed",
        "/merged",
        "/none",
        "/",
        "/known/",
        "/Known",
    ] {
        assert_eq!(send(&app, bearing("GET", path, token())).await, "403 denied", "{path}");
        assert_eq!(send(&app, bearing("GET", path, None)).await, "401 missing_credential", "{path}");
    }
    assert_eq!(send(&app, bearing("POST", "/known", token())).await, "403 denied");
    assert_eq!(send(&app, bearing("GET", "/known", token())).await, "200 admitted");
    assert_eq!(send(&app, bearing("GET", "/known", None)).await, "401 missing_credential");
}
