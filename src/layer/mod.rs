//! The gate: a Tower layer that authenticates, decides, and only then calls the inner service.

mod answer;
#[cfg(feature = "axum")]
mod axum;
mod builder;
mod future;
mod gate;
mod rejection;
mod server;
mod service;

#[cfg(feature = "axum")]
pub use self::axum::{CustomClaims, Refused};
pub use builder::ResourceServerBuilder;
pub use future::ResponseFuture;
pub use rejection::{Rejection, RejectionKind};
pub use server::ResourceServer;
pub use service::{Require, RequireLayer};
