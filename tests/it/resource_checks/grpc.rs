//! The same check in a service of tonic.

use portcullis::{
    Access, Refused, ResourceRequirement, anyone, authenticated, predicate, resource_predicate, role, scope,
};
use tonic::{Code, Request, Response, Status};

use super::{Oracle, Order, Says, order, owned};
use crate::support::{AUDIENCE, Api};
use crate::tonic::shop::v1::desk_client::DeskClient;
use crate::tonic::shop::v1::desk_server::{Desk, DeskServer};
use crate::tonic::shop::v1::{CancelReply, CancelRequest};

struct Shop(ResourceRequirement<Order>);

#[tonic::async_trait]
impl Desk for Shop {
    async fn cancel(&self, request: Request<CancelRequest>) -> Result<Response<CancelReply>, Status> {
        let access = Access::of_grpc(request.extensions(), "/orders.v1.Desk/Cancel");
        let access = access.ok_or_else(|| Status::internal("no layer stands here"))?;
        access.check(&self.0, &order()).await.map_err(status)?;
        Ok(Response::new(CancelReply {}))
    }
}

/// A refusal of gRPC is a status, and nothing else.
fn status(refused: Refused) -> Status {
    let refusal = refused.into_http();
    Status::from_header_map(refusal.headers()).unwrap_or_else(|| Status::internal("refused"))
}

fn with(token: Option<&str>) -> Request<CancelRequest> {
    let mut request = Request::new(CancelRequest { id: 7 });
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    request
}

#[track_caller]
fn metadata<'a>(status: &'a Status, name: &str) -> &'a str {
    status.metadata().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_grpc_method_answers_as_the_layer_does() {
    // covers: CHL-028, POL-031, POL-009
    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap();
    let oracle = Oracle::default();
    let call = async |requirement: ResourceRequirement<Order>, token: Option<&str>| {
        let desk = auth.require(anyone()).layer(DeskServer::new(Shop(requirement)));
        DeskClient::new(desk).cancel(with(token)).await.map(drop)
    };
    let token = issuer.token(AUDIENCE);
    let (alice, bob) = (token.clone().sign(), token.clone().subject("bob").sign());
    let may_cancel = || owned().or(role("clerk").and(scope("orders:cancel"))).or(scope("orders:write"));
    assert!(call(may_cancel(), Some(&alice)).await.is_ok());

    let by_handler = call(may_cancel(), Some(&bob)).await.unwrap_err();
    assert_eq!(by_handler.code(), Code::PermissionDenied);
    assert!(metadata(&by_handler, "www-authenticate").ends_with("scope=\"orders:write\""));
    // The layer says exactly that, by header fields of its own.
    let closed = auth.require(scope("orders:write")).layer(DeskServer::new(Shop(owned())));
    let by_layer = DeskClient::new(closed).cancel(with(Some(&bob))).await.unwrap_err();
    assert_eq!((by_layer.code(), by_layer.message()), (by_handler.code(), by_handler.message()));
    for name in ["www-authenticate", "cache-control", "retry-after"] {
        assert_eq!(metadata(&by_layer, name), metadata(&by_handler, name), "{name}");
    }

    let anonymous = call(may_cancel(), None).await.unwrap_err();
    assert_eq!((anonymous.code(), anonymous.message()), (Code::Unauthenticated, "Send a bearer token"));
    let unavailable = call(oracle.says(Says::Fails), Some(&bob)).await.unwrap_err();
    assert_eq!((unavailable.code(), metadata(&unavailable, "retry-after")), (Code::Unavailable, "1"));
    assert_eq!(metadata(&unavailable, "www-authenticate"), "");
}

#[tokio::test]
async fn predicates_see_the_method_that_the_handler_names() {
    let (issuer, server, _) = Api::parts();
    let auth = server.build().unwrap();
    let facts = predicate("facts", |input| {
        (input.method().as_str(), input.path()) == ("POST", "/orders.v1.Desk/Cancel")
    });
    let in_use = resource_predicate("in use", |order: &Order, _| !order.archived);
    let desk = DeskServer::new(Shop(in_use.and(facts)));
    let mut client = DeskClient::new(auth.require(authenticated()).layer(desk));
    assert!(client.cancel(with(Some(&issuer.token(AUDIENCE).sign()))).await.is_ok());
}
