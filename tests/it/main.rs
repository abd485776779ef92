//! One binary: what the crate promises, tried through its public face.
#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test fails where it stands")]

mod support;

mod axum;
mod claims;
mod extraction;
mod jose;
mod key_sets;
mod keys;
mod layer;
mod policy;
mod secrets;
mod tidy;
