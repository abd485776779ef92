//! Checks in handlers: claims, a requirement, and the resource.

mod denials;
mod frameworks;
mod grpc;
mod owners;
mod questions;
mod truth;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{
    Access, BoxError, Identity, Policy, Rejection, RequireLayer, ResourceRequirement, ValidatedToken, asks,
    authenticated, owner,
};
use tower::{ServiceExt as _, service_fn};

use crate::support::{Answer, Api, ISSUER, get};

#[derive(Clone)]
struct Order {
    issuer: String,
    owner: String,
    tenant: String,
    archived: bool,
}

/// An order of alice's.
fn order() -> Order {
    Order { issuer: ISSUER.into(), owner: "alice".into(), tenant: "acme".into(), archived: false }
}

fn owned() -> ResourceRequirement<Order> {
    owner(|order: &Order| Identity::new(&order.issuer, &order.owner))
}

/// A service behind a layer that checks for itself before it does anything.
struct Shop {
    layer: RequireLayer,
    requirement: Arc<ResourceRequirement<Order>>,
    order: Order,
    served: Arc<AtomicUsize>,
}

impl Shop {
    fn behind(layer: RequireLayer, requirement: impl Into<ResourceRequirement<Order>>) -> Self {
        let requirement = Arc::new(requirement.into());
        Self { layer, requirement, order: order(), served: Arc::default() }
    }

    /// Behind a layer that takes every valid token.
    fn checking(requirement: impl Into<ResourceRequirement<Order>>) -> (Issuer, Self, ManualClock) {
        Self::admitting(authenticated(), requirement)
    }

    fn admitting(
        outer: impl Policy,
        requirement: impl Into<ResourceRequirement<Order>>,
    ) -> (Issuer, Self, ManualClock) {
        let (issuer, server, clock) = Api::parts();
        (issuer, Self::behind(server.build().unwrap().require(outer), requirement), clock)
    }

    fn with(self, order: Order) -> Self {
        Self { order, ..self }
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    async fn send(&self, request: Request<()>) -> Answer {
        let before = self.served();
        let (requirement, order, served) = (&self.requirement, &self.order, &self.served);
        let inner = service_fn(move |request: Request<()>| {
            let (requirement, order, served) = (Arc::clone(requirement), order.clone(), Arc::clone(served));
            async move {
                let access = Access::of(&request).expect("a layer ran");
                if let Err(refused) = access.check(&requirement, &order).await {
                    return Ok::<_, Infallible>(refused.into_http().map(text));
                }
                served.fetch_add(1, Ordering::SeqCst);
                let subject = access.token().map_or("anonymous", |token| token.subject().unwrap_or("nobody"));
                Ok(Response::new(subject.to_owned()))
            }
        });
        let response = self.layer.layer(inner).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
            rejection: parts.extensions.get::<Rejection>().cloned(),
            inner_calls: self.served() - before,
        }
    }

    async fn token(&self, token: impl AsRef<str>) -> Answer {
        self.send(get(token.as_ref())).await
    }
}

fn text(bytes: impl Into<Vec<u8>>) -> String {
    String::from_utf8(bytes.into()).unwrap()
}

/// Somebody who is asked, counts how often, and answers alike.
#[derive(Clone, Default)]
struct Oracle {
    asked: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    Yes,
    No,
    Fails,
    Hangs,
    Panics,
    PanicsAtOnce,
}

impl Oracle {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn says(&self, says: Says) -> ResourceRequirement<Order> {
        let asked = Arc::clone(&self.asked);
        asks("is a member", move |_: &Order, token: &ValidatedToken| {
            asked.fetch_add(1, Ordering::SeqCst);
            assert!(says != Says::PanicsAtOnce, "a question with a bug");
            Box::pin(async move {
                tokio::task::yield_now().await;
                match says {
                    Says::Yes => Ok(token.subject().is_some()),
                    Says::No => Ok(false),
                    Says::Fails => Err(BoxError::from("the database is asleep")),
                    Says::Hangs => std::future::pending().await,
                    Says::Panics | Says::PanicsAtOnce => panic!("a question with a bug"),
                }
            })
        })
    }
}
