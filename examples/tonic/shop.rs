//! The services, and what each of their methods needs.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use portcullis::{
    Clock as _, Decision, Denial, NumericDate, Policy, PolicyInput, Requirement, ResourceServer, SystemClock,
    ValidatedToken, role, scope,
};
use tonic::service::{LayerExt as _, Routes};
use tonic::{Request, Response, Status};
use v1::desk_server::{Desk, DeskServer};
use v1::orders_server::{Orders, OrdersServer};

#[expect(unreachable_pub, clippy::allow_attributes_without_reason, reason = "generated")]
pub(crate) mod v1 {
    include!("orders.v1.rs");
}

/// Both services, each behind what it needs. `named_layer` keeps a service's name, by which tonic finds it.
pub(crate) fn routes(auth: &ResourceServer) -> Routes {
    // One requirement for each method of a service ...
    let methods = ByMethod(vec![
        ("/orders.v1.Orders/Count", scope("orders:read")),
        ("/orders.v1.Orders/Watch", scope("orders:read").and(scope("orders:watch"))),
    ]);
    let orders = auth.require(methods).named_layer(OrdersServer::new(Shop));
    // ... or one for all of them.
    let desk = auth.require(scope("orders:write").and(role("clerk"))).named_layer(DeskServer::new(Shop));
    Routes::new(orders).add_service(desk)
}

/// What each method needs. A method that is not listed is denied, so a new one is closed until it is.
#[derive(Debug)]
struct ByMethod(Vec<(&'static str, Requirement)>);

impl Policy for ByMethod {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        // tonic finds a method by the same comparison of the whole path, so no spelling of it gets past this one.
        match self.0.iter().find(|(path, _)| *path == input.path()) {
            Some((_, requirement)) => requirement.decide(input),
            None => Decision::Deny(Denial::because("no requirement is known for this method")),
        }
    }
}

pub(crate) struct Shop;

#[tonic::async_trait]
impl Orders for Shop {
    async fn count(&self, request: Request<v1::CountRequest>) -> Result<Response<v1::CountReply>, Status> {
        let subject = caller(&request)?.subject().unwrap_or("a client").to_owned();
        Ok(Response::new(v1::CountReply { subject, count: 3 }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::Order, Status>> + Send>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let orders = stream::unfold(1, async |id: u32| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(v1::Order { id }), id.saturating_add(1)))
        });
        // The layer looked at the token when the call began. That the stream ends with it is up to us.
        let expired = tokio::time::sleep(time_left(caller(&request)?));
        let goodbye = stream::once(async { Err(Status::unauthenticated("The access token has expired")) });
        Ok(Response::new(Box::pin(orders.take_until(expired).chain(goodbye))))
    }
}

#[tonic::async_trait]
impl Desk for Shop {
    async fn cancel(&self, _: Request<v1::CancelRequest>) -> Result<Response<v1::CancelReply>, Status> {
        Ok(Response::new(v1::CancelReply {}))
    }
}

/// The token that the layer put there. Without a layer this fails closed.
fn caller<T>(request: &Request<T>) -> Result<&ValidatedToken, Status> {
    ValidatedToken::of(request.extensions()).ok_or_else(|| Status::internal("no layer stands here"))
}

/// For how long a token is still good. The validator has seen to it that it expires at all.
fn time_left(token: &ValidatedToken) -> Duration {
    let expiry = token.expires_at().map_or(Duration::ZERO, NumericDate::since_epoch);
    expiry.saturating_sub(SystemClock::new().unix_time())
}
