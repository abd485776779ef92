//! The gate: a Tower layer that authenticates, decides, and only then calls the inner service.

mod answer;
#[cfg(feature = "axum")]
mod axum;
mod challenges;
mod core;
mod evidence;
mod future;
mod gate;
mod grpc;
mod mark;
#[cfg(feature = "testing")]
mod pretend;
mod problem;
mod rejection;
mod respond;
mod server;
mod service;
mod style;

#[cfg(feature = "axum")]
pub use self::axum::{CustomClaims, Refused};
pub(crate) use self::core::Core;
pub(crate) use challenges::Challenges;
pub use future::ResponseFuture;
pub use rejection::{Rejection, RejectionKind};
pub use respond::{EmptyBody, ProblemJson, Respond, RespondWith};
pub use server::ResourceServer;
pub use service::{Require, RequireLayer};
