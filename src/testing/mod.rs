//! A test kit: an issuer with keys, tokens that are right or wrong in one respect, a clock moved by hand, assertions.
//! [Recipes for each framework](crate::docs::testing).
//!
//! ```
//! use portcullis::testing::{Flaw, Issuer, ManualClock};
//! use portcullis::{ResourceServer, TrustedIssuer, scope};
//! use tower::ServiceExt as _;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let issuer = Issuer::offline("https://id.example.com");
//! let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set()))
//!     .audience("https://api.example.com")
//!     .build()
//!     .unwrap();
//!
//! let app = axum::Router::new()
//!     .route("/", axum::routing::get(|| async { "hello" }))
//!     .layer(auth.require(scope("greet")));
//! let status = async |token: String| {
//!     let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
//!     app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap().status()
//! };
//!
//! let token = issuer.token("https://api.example.com").scope("greet");
//! assert_eq!(status(token.clone().sign()).await, 200);
//! assert_eq!(status(token.clone().flaw(Flaw::Expired).sign()).await, 401);
//! assert_eq!(status(token.scope("other").sign()).await, 403);
//! # });
//! ```
//!
//! Everything here is for tests: keys are made anew each time, and mistakes in using it panic.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    reason = "a test kit fails where the mistake is; none of it is reachable from a service"
)]

mod authenticate_as;
mod challenge;
mod clients;
mod clock;
mod contract;
mod documented;
mod documents;
mod endpoint;
mod fault;
mod flaw;
mod inputs;
mod introspecting;
mod introspection;
mod introspection_request;
mod issued;
mod issuer;
mod placeholder;
mod probe;
mod reply;
mod server;
mod signing;
mod table_documented;
mod token;
mod verified;

pub use authenticate_as::{AuthenticateAs, AuthenticatedAs};
pub use challenge::{
    Challenge, assert_cross_site, assert_insufficient_scope, assert_invalid_token, assert_malformed,
    assert_unauthenticated, assert_unavailable,
};
pub use clock::ManualClock;
pub use contract::assert_http_client_contract;
pub use documents::Requests;
pub use fault::Fault;
pub use flaw::Flaw;
pub use inputs::{presented, validate};
pub use introspection_request::IntrospectionRequest;
pub use issuer::Issuer;
pub use probe::{Probe, assert_no_route_is_open};
pub use table_documented::assert_table_is_documented;
pub use token::TokenBuilder;
