//! A table in front of tonic: a rule for each method, for a service, and none for the rest.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use http::{Request, Response, Version, header};
use http_body_util::Full;
use portcullis::testing::Issuer;
use portcullis::{PolicyTable, Rejection, ResourceServer, predicate, role, scope};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::util::BoxCloneService;
use tower::{Service as _, ServiceExt as _};

use super::site::{Route, some_path};
use crate::support::{AUDIENCE, Api, Random, Toy};
use crate::tonic::shop::v1;
use crate::tonic::shop::v1::desk_server::{Desk, DeskServer};
use crate::tonic::shop::v1::orders_server::{Orders, OrdersServer};

/// Notes which of its methods ran.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<&'static str>>>);

impl Recorder {
    fn note(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn routes(&self) -> Routes {
        Routes::new(OrdersServer::new(self.clone())).add_service(DeskServer::new(self.clone()))
    }
}

#[tonic::async_trait]
impl Orders for Recorder {
    async fn count(
        &self,
        _: tonic::Request<v1::CountRequest>,
    ) -> Result<tonic::Response<v1::CountReply>, Status> {
        self.note("/orders.v1.Orders/Count");
        Ok(tonic::Response::new(v1::CountReply::default()))
    }

    type WatchStream = BoxStream<'static, Result<v1::Order, Status>>;

    async fn watch(
        &self,
        _: tonic::Request<v1::WatchRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        self.note("/orders.v1.Orders/Watch");
        Ok(tonic::Response::new(Box::pin(stream::empty())))
    }
}

#[tonic::async_trait]
impl Desk for Recorder {
    async fn cancel(
        &self,
        _: tonic::Request<v1::CancelRequest>,
    ) -> Result<tonic::Response<v1::CancelReply>, Status> {
        self.note("/orders.v1.Desk/Cancel");
        Ok(tonic::Response::new(v1::CancelReply {}))
    }
}

type Grpc = BoxCloneService<Request<Body>, Response<Body>, Infallible>;

/// A call with a message that has no members; `None` if that is no target.
async fn call(service: &Grpc, method: &str, target: &str, token: Option<&str>) -> Option<Response<Body>> {
    let request = Request::builder().method(method).uri(target).version(Version::HTTP_2);
    let mut request = request.header(header::CONTENT_TYPE, "application/grpc").header(header::TE, "trailers");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::new(Full::new(Bytes::from_static(&[0; 5])))).ok()?;
    Some(service.clone().ready().await.unwrap().call(request).await.unwrap())
}

/// The status that a gRPC client sees, and the rule that refused.
fn outcome(response: &Response<Body>) -> (Code, Option<&str>) {
    assert_eq!(response.status().as_u16(), 200);
    let code =
        response.headers().get("grpc-status").map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()));
    let denial = response.extensions().get::<Rejection>().and_then(Rejection::denial);
    (code, denial.and_then(|denial| denial.rule()))
}

const COUNT: &str = "POST /orders.v1.Orders/Count";
const ANY_ORDERS: &str = "POST /orders.v1.Orders/{method}";
const CANCEL: &str = "POST /orders.v1.Desk/Cancel";

fn parts() -> (Issuer, Recorder, Grpc) {
    let (issuer, server, _) = Api::parts();
    let table = PolicyTable::builder()
        .rule(COUNT, scope("orders:read"))
        .rule(ANY_ORDERS, scope("orders:read").and(scope("orders:watch")))
        .rule(CANCEL, scope("orders:write").and(role("clerk")))
        .build()
        .unwrap();
    let recorder = Recorder::default();
    let service = server.build().unwrap().require(table).layer(recorder.routes()).boxed_clone();
    (issuer, recorder, service)
}

#[tokio::test]
async fn each_method_of_a_grpc_service_has_its_rule_and_what_has_none_is_denied() {
    // covers: CHL-028, POL-001
    let (issuer, recorder, service) = parts();
    let token = issuer.token(AUDIENCE);
    let reader = token.clone().scope("orders:read").sign();
    let watcher = token.clone().scope("orders:read orders:watch").sign();
    let clerk = token.scope("orders:write").roles(["clerk"]).sign();
    let (count, watch, other) =
        ("/orders.v1.Orders/Count", "/orders.v1.Orders/Watch", "/orders.v1.Orders/Other");
    let denied = |rule| (Code::PermissionDenied, Some(rule));
    for (path, token, expected) in [
        (count, Some(&reader), (Code::Ok, None)),
        (count, Some(&watcher), (Code::Ok, None)),
        (count, Some(&clerk), denied(COUNT)),
        (count, None, (Code::Unauthenticated, None)),
        (watch, Some(&watcher), (Code::Ok, None)),
        (watch, Some(&reader), denied(ANY_ORDERS)),
        // The rule for the service is for methods that it does not have, too.
        (other, Some(&reader), denied(ANY_ORDERS)),
        (other, Some(&watcher), (Code::Unimplemented, None)),
        ("/orders.v1.Desk/Cancel", Some(&clerk), (Code::Ok, None)),
        ("/orders.v1.Desk/Cancel", Some(&watcher), denied(CANCEL)),
    ] {
        let answer = call(&service, "POST", path, token.map(String::as_str)).await.unwrap();
        assert_eq!(outcome(&answer), expected, "{path}");
        let ran = if expected.0 == Code::Ok { vec![path] } else { vec![] };
        assert_eq!(recorder.take(), ran, "{path}");
    }
    for path in [
        "/orders.v1.Desk/Other",
        "/orders.v1.Desk",
        "/orders.v1.Desk/",
        "/orders.v1.Nothing/Count",
        "/orders.v1.orders/Count",
        "/Orders/Count",
        "/orders.v1.Orders",
        "/orders.v1.Orders/",
        "/orders.v1.Orders/Count/",
        "/orders.v1.Orders/Count/x",
        "/orders.v1.Orders//Count",
        "/orders.v1.Orders/%43ount",
        "/orders.v1.Desk/../orders.v1.Orders/Count",
        "/",
    ] {
        for token in [&reader, &watcher, &clerk] {
            let answer = call(&service, "POST", path, Some(token)).await.unwrap();
            assert_eq!(outcome(&answer), (Code::PermissionDenied, None), "{path}");
        }
        let answer = call(&service, "POST", path, None).await.unwrap();
        assert_eq!(outcome(&answer), (Code::Unauthenticated, None), "{path}");
    }
    assert_eq!(recorder.take(), <[&str; 0]>::default());
    // tonic does not look at the method, and the rules do.
    for method in ["GET", "PUT", "post", "OPTIONS"] {
        let answer = call(&service, method, count, Some(&reader)).await.unwrap();
        assert_eq!((answer.status().as_u16(), recorder.take().len()), (403, 0), "{method}");
    }
}

#[tokio::test]
async fn whichever_method_of_tonic_runs_the_rule_that_was_asked_is_its_own() {
    // covers: POL-007
    let paths = [
        "/orders.v1.Orders/Count",
        "/orders.v1.Orders/Watch",
        "/orders.v1.Desk/Cancel",
        "/{service}/{method}",
        "/{*rest}",
    ];
    let asked = Recorder::default();
    let requirement = |path: &'static str| {
        let asked = asked.clone();
        predicate("noted", move |_| {
            asked.note(path);
            true
        })
    };
    let table = paths
        .iter()
        .fold(PolicyTable::builder(), |table, path| table.rule(format!("* {path}"), requirement(path)));
    let recorder = Recorder::default();
    let auth = ResourceServer::from_validator(Toy::default());
    let service = auth.require(table.build().unwrap()).layer(recorder.routes()).boxed_clone();
    let bare: Grpc = recorder.routes().boxed_clone();
    let routes: Vec<_> = paths[..3].iter().map(|path| Route::any(0, path)).collect();
    let (mut random, mut counts) = (Random::new(131), [0; 3]);
    for _ in 0..3_000 {
        let target = some_path(&mut random, &routes);
        let method = *random.pick(&["POST", "POST", "POST", "GET", "PRI"]);
        if call(&bare, method, &target, None).await.is_none() {
            continue;
        }
        let expected = recorder.take();
        let answer = call(&service, method, &target, Some("good")).await.unwrap();
        let (asked, ran) = (asked.take(), recorder.take());
        if answer.extensions().get::<Rejection>().is_some() {
            assert_eq!((&asked[..], &ran[..], &expected[..]), (&[][..], &[][..], &[][..]), "{target}");
            counts[0] += 1;
        } else {
            assert_eq!((asked.len(), &ran), (1, &expected), "{target}");
            assert!(ran.is_empty() || ran == asked, "{asked:?} {ran:?} {target}");
            counts[1 + ran.len()] += 1;
        }
    }
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
}
