//! One binary: what the crate promises, tried through its public face.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails where it stands"
)]

mod support;

mod axum;
mod claims;
mod differential;
mod extraction;
mod history;
mod hostile;
mod jose;
mod key_sets;
mod keys;
mod layer;
mod policy;
mod quickstart;
mod secrets;
mod tidy;
