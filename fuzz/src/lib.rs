//! What is fuzzed, and what must hold for every input.
//!
//! One file per target. Its `run` is called by libFuzzer (`fuzz_targets/`) and, for each file of `corpus/`, by the tests
//! of the crate (`tests/corpora`). It goes through the public face of the crate and compares with a naive reading
//! of the rules, written without a look at speed.

mod base64url;
pub mod challenge;
pub mod claims;
pub mod config;
pub mod credential;
pub mod introspection;
mod json;
pub mod jwk_set;
mod known;
pub mod metadata;
pub mod pem;
pub mod policy_file;
mod service;
pub mod token;
