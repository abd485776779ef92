//! Requests without a token to everything that a document has, and tables held against documents.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::{any, get, post};
use http::{Method, Request, Response, StatusCode, header};
use portcullis::testing::{Probe, assert_no_route_is_open, assert_table_is_documented};
use portcullis::{PolicyTable, ResourceServer, anyone, authenticated, scope};
use serde_json::{Value, json};
use tower::service_fn;
use tower_http::cors::CorsLayer;

use crate::support::{AUDIENCE, ISSUER};

fn openapi(paths: &Value) -> Value {
    json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths})
}

fn server() -> ResourceServer {
    ResourceServer::builder(ISSUER).audience(AUDIENCE).build().unwrap()
}

fn shop() -> Value {
    openapi(&json!({
        "/health": {"get": {}},
        "/orders": {"get": {}, "post": {}, "head": {}, "options": {}},
        "/orders/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "schema": {"type": "integer"}}]}},
    }))
}

fn app() -> Router {
    Router::new()
        .route("/orders", get(async || "orders").post(async || "made").options(async || "options"))
        .route("/orders/{id}", get(async |Path(id): Path<u32>| id.to_string()))
        .route_layer(server().require(authenticated()))
        .route("/health", get(async || "well"))
}

fn text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or(panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap()
}

/// The lines of the list that a probe fails with; none if it does not.
async fn offenders(app: Router, probe: Probe) -> Vec<String> {
    match tokio::spawn(probe.assert_no_route_is_open::<Body, _>(app)).await {
        Ok(()) => Vec::new(),
        Err(error) => {
            let message = text(&*error.into_panic());
            message.lines().skip(1).map(|line| line.strip_prefix("- ").unwrap().to_owned()).collect()
        }
    }
}

fn failure(run: impl FnOnce()) -> String {
    text(&*std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_err())
}

/// What is sent to a service that refuses everything.
async fn sent(document: Value) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let service = service_fn(async |request: Request<()>| {
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
        seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
        let refusal = Response::builder().status(401).header("www-authenticate", "Bearer");
        Ok::<_, Infallible>(refusal.body(()).unwrap())
    });
    Probe::new(document).only_documented_methods().assert_no_route_is_open(service).await;
    seen.lock().unwrap().clone()
}

#[tokio::test]
async fn a_service_that_refuses_all_but_what_is_declared_passes() {
    let open = ["GET /health"];
    assert_no_route_is_open::<Body, _>(app(), shop(), &open).await;
    assert_no_route_is_open::<Body, _>(app(), shop().to_string(), &open).await;
    let typed: utoipa::openapi::OpenApi = serde_json::from_value(openapi(&json!({
        "/orders": {"get": {"responses": {}}},
    })))
    .unwrap();
    assert_no_route_is_open::<Body, _>(app(), &typed, &[]).await;
    // CORS outside the layer answers each OPTIONS, and so does the documented one.
    let without_options = openapi(&json!({"/orders": {"get": {}, "post": {}}}));
    assert_no_route_is_open::<Body, _>(app().layer(CorsLayer::permissive()), without_options, &[]).await;
}

#[tokio::test]
async fn every_open_operation_is_told() {
    let app = Router::new()
        .route("/orders", get(async || "orders").post(async || StatusCode::UNPROCESSABLE_ENTITY))
        .route("/orders/{id}", get(async || StatusCode::UNAUTHORIZED))
        .route("/health", get(async || "well"));
    let mut told = offenders(app, Probe::new(shop()).open(&["GET /health"])).await;
    // In the order of the document, which is another where some crate has `serde_json` keep it.
    told.sort();
    assert_eq!(
        told,
        [
            "GET /orders/{id} (sent to /orders/1): 401 without a challenge, and not 401 with a challenge",
            "GET /orders: 200, and not 401 with a challenge",
            "HEAD /orders: 200, and not 401 with a challenge",
            "OPTIONS /orders: 405, and not 401 with a challenge",
            "POST /orders: 422, and not 401 with a challenge",
        ]
    );
}

#[tokio::test]
async fn what_is_declared_open_must_be_an_operation_and_open() {
    let probe =
        Probe::new(shop()).open(&["GET /health", "GET /orders", "GET /nowhere", "DELETE /orders", "/health"]);
    assert_eq!(
        offenders(app(), probe).await,
        [
            "GET /nowhere: declared open, and no operation of the document",
            "DELETE /orders: declared open, and no operation of the document",
            "/health: declared open, and no operation of the document",
            "GET /orders: 401, and not open, as declared",
        ]
    );
    // And what is open must be declared.
    assert_eq!(
        offenders(app(), Probe::new(shop())).await,
        [
            "GET /health: 200, and not 401 with a challenge",
            "HEAD /health: 200, and not refused: the document does not have it"
        ]
    );
}

#[tokio::test]
async fn methods_that_the_document_does_not_have_are_tried() {
    let document = openapi(&json!({"/orders": {"get": {}}, "/upload": {"post": {}}}));
    let closed =
        Router::new().route("/orders", get(async || "orders")).route_layer(server().require(authenticated()));
    let app = closed.route("/upload", post(async || "done").layer(server().require(authenticated())));
    assert_eq!(offenders(app.clone(), Probe::new(&document)).await, [""; 0]);
    let open = app
        .route("/orders", axum::routing::delete(async || "gone"))
        .route("/upload", axum::routing::patch(async || StatusCode::BAD_REQUEST));
    assert_eq!(
        offenders(open.clone(), Probe::new(&document)).await,
        [
            "DELETE /orders: 200, and not refused: the document does not have it",
            "PATCH /upload: 400, and not refused: the document does not have it",
        ]
    );
    assert_eq!(offenders(open, Probe::new(&document).only_documented_methods()).await, [""; 0]);
    let whatever = Router::new().route("/orders", any(async || "yes"));
    let document = openapi(&json!({"/orders": {"get": {}}}));
    assert_eq!(offenders(whatever, Probe::new(&document).open(&["GET /orders"])).await.len(), 4);
}

#[tokio::test]
async fn a_route_that_is_missing_or_elsewhere_is_told() {
    let document = openapi(&json!({"/orders": {"get": {}}, "/invoices": {"get": {}}}));
    assert_eq!(
        offenders(app(), Probe::new(&document)).await,
        ["GET /invoices: 404, and not 401 with a challenge"]
    );
    let below = Router::new().nest("/v1", app());
    let document = openapi(&json!({"/orders": {"get": {}, "post": {}}}));
    assert_eq!(offenders(below.clone(), Probe::new(&document)).await.len(), 2);
    assert_eq!(offenders(below, Probe::new(&document).below("/v1/")).await, [""; 0]);
}

#[tokio::test]
async fn a_service_that_fails_is_no_service_that_refuses() {
    let service = service_fn(async |_: Request<()>| Err::<Response<()>, _>("broken"));
    let probe = Probe::new(openapi(&json!({"/a": {"get": {}}}))).only_documented_methods();
    let error = tokio::spawn(probe.assert_no_route_is_open(service)).await.unwrap_err();
    assert!(text(&*error.into_panic()).ends_with("- GET /a: the service failed: \"broken\""));
}

#[tokio::test]
async fn names_in_a_path_get_a_value_that_fits() {
    for (parameter, expected) in [
        (json!({"schema": {"type": "integer"}}), "1"),
        (json!({"schema": {"type": ["integer", "null"], "minimum": 10}}), "10"),
        (json!({"schema": {"type": "integer", "maximum": 0}}), "0"),
        (json!({"schema": {"type": "number"}}), "1"),
        (json!({"schema": {"type": "boolean"}}), "true"),
        (json!({"schema": {"type": "string"}}), "x"),
        (json!({"schema": {"type": "string", "minLength": 3}}), "xxx"),
        (json!({"schema": {"type": "string", "format": "uuid"}}), "00000000-0000-4000-8000-000000000000"),
        (json!({"schema": {"type": "string", "format": "date"}}), "2000-01-01"),
        (json!({"schema": {"enum": ["red", "blue"]}}), "red"),
        (json!({"schema": {"const": 5}}), "5"),
        (json!({"schema": {"default": "d", "type": "string"}}), "d"),
        (json!({"schema": {"examples": ["e"], "type": "string"}}), "e"),
        (json!({"schema": {"allOf": [{}, {"type": "integer"}]}}), "1"),
        (json!({"schema": {"$ref": "#/components/schemas/Id"}}), "7"),
        (json!({"schema": {"$ref": "#/components/schemas/Circle"}}), "x"),
        (json!({"schema": {"$ref": "elsewhere.json"}}), "x"),
        (json!({"example": "a b/é", "schema": {"type": "integer"}}), "a%20b%2F%C3%A9"),
        (json!({"examples": {"one": {"value": "v"}}}), "v"),
        (json!({"example": "..", "schema": {"type": "integer"}}), "1"),
        (json!({"example": "", "schema": {"example": {}}}), "x"),
        (json!({}), "x"),
    ] {
        let mut parameter = parameter;
        parameter["name"] = json!("id");
        parameter["in"] = json!("path");
        let mut document = openapi(&json!({"/a/{id}": {"get": {"parameters": [parameter]}}}));
        document["components"]["schemas"] = json!({"Id": {"minimum": 7, "type": "integer"}, "Circle": {"$ref": "#/components/schemas/Circle"}});
        assert_eq!(sent(document).await, [format!("GET /a/{expected}")], "{parameter}");
    }
}

#[tokio::test]
async fn every_place_where_a_document_has_operations_is_looked_at() {
    let integer = |name: &str| json!([{"name": name, "in": "path", "schema": {"type": "integer"}}]);
    let mut document = openapi(&json!({
        "/a/{x}": {
            "parameters": integer("x"),
            "get": {},
            "put": {"parameters": [{"$ref": "#/components/parameters/X"}]},
            "additionalOperations": {"COPY": {}},
            "query": {}, "trace": {}, "head": {}, "options": {}, "delete": {}, "patch": {}, "post": {},
            "summary": "s", "x-y": {},
        },
        "/b/{y}.json/{*rest}": {"get": {"parameters": [{"name": "y", "in": "query", "example": "no"}]}},
        "/c": {"$ref": "#/components/pathItems/C"},
        "x-own": {"get": {}},
    }));
    document["components"] = json!({
        "parameters": {"X": {"name": "x", "in": "path", "example": "of put"}},
        "pathItems": {"C": {"delete": {}}},
    });
    let mut seen = sent(document).await;
    seen.sort();
    assert_eq!(
        seen,
        [
            "COPY /a/1",
            "DELETE /a/1",
            "DELETE /c",
            "GET /a/1",
            "GET /b/x.json/x",
            "HEAD /a/1",
            "OPTIONS /a/1",
            "PATCH /a/1",
            "POST /a/1",
            "PUT /a/of%20put",
            "QUERY /a/1",
            "TRACE /a/1",
        ]
    );
}

#[test]
fn a_document_that_cannot_be_read_whole_is_no_document() {
    for (document, expected) in [
        (json!("{"), "it is no JSON"),
        (json!({}), "does not say that it is OpenAPI 3"),
        (json!({"swagger": "2.0", "paths": {"/a": {"get": {}}}}), "does not say that it is OpenAPI 3"),
        (openapi(&json!({})), "it has no operations"),
        (openapi(&json!({"/a": {"parameters": []}})), "it has no operations"),
        (json!({"openapi": "3.1.0"}), "it has no operations"),
        (openapi(&json!({"/a": {"get": {}}, "/b": {"GET": {}}})), "/b: `GET` is no operation"),
        (openapi(&json!({"/a": {"get": {}}, "/b": 1})), "/b: it is no object"),
        (
            openapi(&json!({"/a": {"get": {}}, "/b": {"$ref": "b.json"}})),
            "/b: its `$ref` is not in the document",
        ),
        (openapi(&json!({"/a": {"get": {}}, "b": {"get": {}}})), "GET b: it is no method and path"),
        (openapi(&json!({"/a": {"get": {}}, "/{b": {"get": {}}})), "GET /{b: it is no method and path"),
        (
            openapi(&json!({"/a": {"get": {}, "additionalOperations": {"A B": {}}}})),
            "A B /a: it is no method and path",
        ),
    ] {
        let table = PolicyTable::builder().build().unwrap();
        for message in [
            failure(|| drop(Probe::new(&document))),
            failure(|| assert_table_is_documented(&table, &document, &[])),
        ] {
            assert!(message.contains(expected), "{message}");
        }
    }
}

#[test]
fn table_and_document_are_held_against_each_other() {
    let table = PolicyTable::builder()
        .rule("GET /health", anyone())
        .rule("GET,POST,OPTIONS /orders", scope("orders"))
        .rule("GET /orders/{order}", scope("orders"))
        .build()
        .unwrap();
    assert_table_is_documented(&table, shop(), &[]);
    assert_table_is_documented(&table, shop().to_string(), &[]);
    let mut document = shop();
    document["paths"]["/orders"].as_object_mut().unwrap().remove("post");
    document["paths"]["/invoices"] = json!({"get": {}});
    assert_eq!(
        failure(|| assert_table_is_documented(&table, &document, &["OPTIONS /orders"])),
        "table and document differ:\n\
         - operation without a rule: GET /invoices\n\
         - rule without an operation: POST /orders\n\
         - declared undocumented, and no rule without an operation: OPTIONS /orders"
    );
    document["paths"].as_object_mut().unwrap().remove("/invoices");
    assert_table_is_documented(&table, &document, &["POST /orders"]);
}

#[tokio::test]
async fn a_table_around_a_service_answers_as_its_document_says() {
    let table = PolicyTable::builder()
        .rule("GET /health", anyone())
        .rule("GET,POST,OPTIONS /orders", scope("orders"))
        .rule("GET /orders/{id}", scope("orders"))
        .build()
        .unwrap();
    let routes = Router::new()
        .route("/orders", any(async |method: Method| method.to_string()))
        .route("/orders/{id}", any(async || "an order"))
        .route("/health", any(async || "well"));
    // What the document does not have, the table denies, although the routes take every method.
    assert_table_is_documented(&table, shop(), &[]);
    assert_no_route_is_open::<Body, _>(routes.layer(server().require(table)), shop(), &["GET /health"]).await;
}
