//! The layer around gRPC services of tonic, and what tonic's own client makes of the answers.

#[path = "../../examples/tonic/shop.rs"]
pub(crate) mod shop;

use std::convert::Infallible;
use std::time::Duration;

use portcullis::testing::{Flaw, Issuer};
use portcullis::{Policy, ResourceServer, TrustedIssuer, ValidatedToken, anyone, authenticated, scope};
use tonic::service::interceptor::InterceptedService;
use tonic::service::{Interceptor, LayerExt as _, Routes};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Status, body::Body};
use tower::ServiceExt as _;
use tower::util::{BoxCloneService, MapResponse};

use self::shop::v1::desk_client::DeskClient;
use self::shop::v1::orders_client::OrdersClient;
use self::shop::v1::orders_server::OrdersServer;
use self::shop::v1::{CancelRequest, CountReply, CountRequest, WatchRequest};
use crate::support::{AUDIENCE, Example, Printed, Toy};

fn parts() -> (Issuer, ResourceServer) {
    let issuer = Issuer::offline(crate::support::ISSUER);
    let server = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set()))
        .audience(AUDIENCE);
    (issuer, server.build().unwrap())
}

/// A request with the token where HTTP has it too.
fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

#[track_caller]
fn metadata<'a>(status: &'a Status, name: &str) -> &'a str {
    status.metadata().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Does what `grpcurl` does, and hangs up after the first message of a stream.
async fn grpcurl(printed: &Printed) -> Result<(), Status> {
    let (command, method) = printed.command.rsplit_once(' ').unwrap();
    let address = command.rsplit_once(' ').unwrap().1;
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    fn request<T>(printed: &Printed, message: T) -> Request<T> {
        printed.token().map_or_else(|| Request::new(()), |token| with(token, ())).map(|()| message)
    }
    match method {
        "orders.v1.Orders/Count" => {
            let reply = OrdersClient::new(channel).count(request(printed, CountRequest {})).await?;
            assert_eq!(reply.into_inner(), CountReply { subject: "alice".to_owned(), count: 3 });
        }
        "orders.v1.Orders/Watch" => {
            let reply = OrdersClient::new(channel).watch(request(printed, WatchRequest {})).await?;
            assert_eq!(reply.into_inner().message().await?.unwrap().id, 1);
        }
        "orders.v1.Desk/Cancel" => {
            DeskClient::new(channel).cancel(request(printed, CancelRequest { id: 1 })).await?;
        }
        other => panic!("{other}"),
    }
    Ok(())
}

#[tokio::test]
async fn the_tonic_example_answers_its_own_commands_as_it_says() {
    // covers: CHL-028
    let example = Example::start("tonic");
    let mut tried = Vec::new();
    for printed in example.commands() {
        let code = grpcurl(printed).await.map_or_else(|status| status.code(), |()| Code::Ok);
        let promised = match printed.promise.as_str() {
            "OK" => Code::Ok,
            "UNAUTHENTICATED" => Code::Unauthenticated,
            "PERMISSION_DENIED" => Code::PermissionDenied,
            other => panic!("{other}"),
        };
        assert_eq!(code, promised, "{}", printed.command);
        tried.push(code);
    }
    let refused = tried.iter().filter(|code| **code != Code::Ok).count();
    assert_eq!((tried.len(), refused), (6, 4));
}

/// Serves the shop behind the layer on a free port, and connects to it.
async fn connect(auth: &ResourceServer) -> Channel {
    connect_behind(auth, authenticated()).await
}

/// The same, with another requirement around all services.
async fn connect_behind(auth: &ResourceServer, outer: impl Policy) -> Channel {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Server::builder().layer(auth.require(outer)).add_routes(shop::routes(auth));
    tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn a_refusal_is_a_status_with_a_message_and_its_challenge_is_metadata() {
    // covers: CHL-028
    let (issuer, auth) = parts();
    let mut orders = OrdersClient::new(connect(&auth).await);
    let token = issuer.token(AUDIENCE);
    let reader = token.clone().scope("orders:read");

    let reply = orders.count(with(&reader.clone().sign(), CountRequest {})).await.unwrap();
    assert!(reply.metadata().get("www-authenticate").is_none());
    assert_eq!(reply.into_inner().subject, "alice");

    let refused = orders.count(CountRequest {}).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "Send a bearer token"));
    assert_eq!(metadata(&refused, "www-authenticate"), "Bearer realm=\"api\"");

    let refused = orders.count(with(&reader.clone().flaw(Flaw::Expired).sign(), CountRequest {})).await;
    let refused = refused.unwrap_err();
    let message = "The access token is expired, malformed or not valid here";
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, message));
    let challenge = metadata(&refused, "www-authenticate");
    assert!(challenge.starts_with("Bearer realm=\"api\", error=\"invalid_token\", "), "{challenge}");

    let mut twice = with(&reader.clone().sign(), CountRequest {});
    twice.metadata_mut().append("authorization", "Bearer x".parse().unwrap());
    let refused = orders.count(twice).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let challenge = metadata(&refused, "www-authenticate");
    assert!(challenge.starts_with("Bearer realm=\"api\", error=\"invalid_request\", "), "{challenge}");

    // A method that streams is refused before there is a stream.
    let refused = orders.watch(with(&reader.sign(), WatchRequest {})).await.unwrap_err();
    let message = "The access token does not grant what this request needs";
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, message));
    let challenge = metadata(&refused, "www-authenticate");
    assert!(challenge.starts_with("Bearer realm=\"api\", error=\"insufficient_scope\", "), "{challenge}");
    assert!(challenge.ends_with("scope=\"orders:read orders:watch\""), "{challenge}");
}

#[tokio::test]
async fn an_outage_is_unavailable_and_says_when_to_come_back() {
    // covers: CHL-028, CHL-017
    let auth = ResourceServer::from_validator(Toy::default());
    let mut orders = OrdersClient::new(connect(&auth).await);
    for token in ["down", "slow-down"] {
        let refused = orders.count(with(token, CountRequest {})).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        assert!(!refused.message().is_empty());
        assert_eq!(metadata(&refused, "www-authenticate"), "");
        assert!(["1", "2"].contains(&metadata(&refused, "retry-after")));
    }
    // The toy knows this one, and it has the scope `x`.
    let denied = orders.count(with("good", CountRequest {})).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn each_method_and_each_service_has_a_requirement_of_its_own() {
    // covers: POL-034
    let (issuer, auth) = parts();
    let channel = connect(&auth).await;
    let (mut orders, mut desk) = (OrdersClient::new(channel.clone()), DeskClient::new(channel.clone()));
    let token = issuer.token(AUDIENCE);
    let reader = token.clone().scope("orders:read").sign();
    let watcher = token.clone().scope("orders:read orders:watch").sign();
    let writer = token.clone().scope("orders:write").sign();
    let clerk = token.scope("orders:write").roles(["clerk"]).sign();
    let code = |result: Result<(), Status>| result.map_or_else(|status| status.code(), |()| Code::Ok);
    for (token, count, watch, cancel) in [
        (&reader, Code::Ok, Code::PermissionDenied, Code::PermissionDenied),
        (&watcher, Code::Ok, Code::Ok, Code::PermissionDenied),
        (&writer, Code::PermissionDenied, Code::PermissionDenied, Code::PermissionDenied),
        (&clerk, Code::PermissionDenied, Code::PermissionDenied, Code::Ok),
    ] {
        assert_eq!(code(orders.count(with(token, CountRequest {})).await.map(drop)), count);
        assert_eq!(code(orders.watch(with(token, WatchRequest {})).await.map(drop)), watch);
        assert_eq!(code(desk.cancel(with(token, CancelRequest { id: 1 })).await.map(drop)), cancel);
    }
    // What no requirement names is closed, whatever a token grants.
    for path in ["/orders.v1.Orders/Other", "/orders.v1.Orders/Count/", "/orders.v1.Orders/%43ount"] {
        assert_eq!(call(&channel, path, Some(&reader)).await, Code::PermissionDenied, "{path}");
    }
}

/// Calls any method, with a message that has no members.
async fn call(channel: &Channel, path: &'static str, token: Option<&str>) -> Code {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let request = token.map_or_else(|| Request::new(CountRequest {}), |token| with(token, CountRequest {}));
    let codec = tonic_prost::ProstCodec::<CountRequest, CountReply>::default();
    let path = http::uri::PathAndQuery::from_static(path);
    client.unary(request, path, codec).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn what_stands_around_all_services_decides_who_learns_that_one_does_not_exist() {
    // covers: CHL-028
    let (issuer, auth) = parts();
    let token = issuer.token(AUDIENCE).scope("orders:read").sign();
    let (count, nothing) = ("/orders.v1.Orders/Count", "/orders.v1.Nothing/Count");
    let closed = connect(&auth).await;
    assert_eq!(call(&closed, nothing, None).await, Code::Unauthenticated);
    assert_eq!(call(&closed, nothing, Some(&token)).await, Code::Unimplemented);
    // Open around, closed at each service.
    let open = connect_behind(&auth, anyone()).await;
    assert_eq!(call(&open, nothing, None).await, Code::Unimplemented);
    assert_eq!(call(&open, nothing, Some("junk")).await, Code::Unauthenticated);
    assert_eq!(call(&open, count, None).await, Code::Unauthenticated);
    assert_eq!(call(&open, count, Some(&token)).await, Code::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_token_does() {
    let (issuer, auth) = parts();
    // Called as a service, without a connection: nothing waits but the handler.
    let mut orders = OrdersClient::new(auth.require(authenticated()).layer(shop::routes(&auth)));
    let token = issuer.token(AUDIENCE).scope("orders:read orders:watch").expires_in(Duration::from_secs(300));
    let started = tokio::time::Instant::now();
    let mut stream = orders.watch(with(&token.sign(), WatchRequest {})).await.unwrap().into_inner();
    let mut received = 0;
    let end = loop {
        match stream.message().await {
            Ok(Some(order)) => received = order.id,
            Ok(None) => panic!("the stream ended as if nothing were wrong"),
            Err(status) => break status,
        }
    };
    assert_eq!((end.code(), end.message()), (Code::Unauthenticated, "The access token has expired"));
    // One order a second; the token was made in the course of a second that had begun.
    assert!((298..=300).contains(&received), "{received}");
    assert!(started.elapsed() <= Duration::from_secs(300));
}

/// Stops some requests, and says whose.
#[derive(Clone, Copy)]
struct Audit;

impl Interceptor for Audit {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        if request.metadata().contains_key("stop") {
            let subject = ValidatedToken::of(request.extensions()).and_then(ValidatedToken::subject);
            return Err(Status::aborted(subject.unwrap_or("nobody we know")));
        }
        Ok(request)
    }
}

type Service = BoxCloneService<http::Request<Body>, http::Response<Body>, Infallible>;

#[tokio::test]
async fn interceptors_stand_inside_the_layer_or_around_it() {
    let (issuer, auth) = parts();
    let layer = auth.require(scope("orders:read"));
    let orders = || OrdersServer::new(shop::Shop);
    let boxed = |response: http::Response<_>| response.map(Body::new);
    // Around the layer: what the interceptor stops never gets to it.
    let around = InterceptedService::new(layer.named_layer(orders()), Audit);
    let around = MapResponse::new(around, boxed);
    // Inside: the body of an `InterceptedService` has no default, and tonic's own has.
    let inside = layer.layer(MapResponse::new(InterceptedService::new(orders(), Audit), boxed));
    // Inside, where a router stands between, which makes every body tonic's own.
    let routed = layer.layer(Routes::new(OrdersServer::with_interceptor(shop::Shop, Audit)));

    let token = issuer.token(AUDIENCE);
    let (good, denied) = (token.clone().scope("orders:read").sign(), token.sign());
    let call = async |service: Service, token: Option<&str>, stop: bool| {
        let mut request =
            token.map_or_else(|| Request::new(CountRequest {}), |token| with(token, CountRequest {}));
        if stop {
            request.metadata_mut().insert("stop", "1".parse().unwrap());
        }
        let result = OrdersClient::new(service).count(request).await;
        result
            .map_or_else(|status| (status.code(), status.message().to_owned()), |_| (Code::Ok, String::new()))
    };
    // Whom the interceptor knows, and who gets as far as to it.
    for (service, known, stopped) in [
        (around.boxed_clone(), "nobody we know", Code::Aborted),
        (inside.boxed_clone(), "alice", Code::PermissionDenied),
        (routed.boxed_clone(), "alice", Code::PermissionDenied),
    ] {
        assert_eq!(call(service.clone(), Some(&good), false).await.0, Code::Ok);
        assert_eq!(call(service.clone(), Some(&good), true).await, (Code::Aborted, known.to_owned()));
        assert_eq!(call(service.clone(), None, false).await.0, Code::Unauthenticated);
        assert_eq!(call(service.clone(), Some(&denied), false).await.0, Code::PermissionDenied);
        assert_eq!(call(service, Some(&denied), true).await.0, stopped);
    }
}
