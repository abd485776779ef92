//! The gate: a Tower layer that authenticates, decides, and only then calls the inner service.

mod access;
mod answer;
mod asking;
#[cfg(feature = "axum")]
mod axum;
mod challenges;
mod core;
mod evidence;
mod future;
mod gate;
mod grpc;
#[cfg(feature = "testing")]
mod kit;
mod mark;
mod original_uri;
#[cfg(feature = "testing")]
mod pretend;
mod problem;
mod refused;
mod rejection;
mod respond;
mod server;
mod service;
mod style;

#[cfg(feature = "axum")]
pub use self::axum::CustomClaims;
pub(crate) use self::core::Core;
pub use access::Access;
pub(crate) use challenges::Challenges;
pub use future::ResponseFuture;
pub use refused::Refused;
pub use rejection::{Rejection, RejectionKind};
pub use respond::{EmptyBody, ProblemJson, Respond, RespondWith};
pub use server::ResourceServer;
pub use service::{Require, RequireLayer};
