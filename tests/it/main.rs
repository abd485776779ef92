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

mod answers;
mod axum;
mod carriers;
mod cedar;
mod claims;
mod codes;
mod composition;
mod conformance;
mod differential;
mod documents;
mod extraction;
mod fetch_files;
mod history;
mod hostile;
mod hyper;
mod introspection;
mod introspection_page;
mod inventory;
mod issuers;
mod jose;
mod key_files;
mod key_life;
mod key_sets;
mod keys;
mod layer;
mod opaque_tokens_example;
mod optional;
mod policy;
mod policy_file;
mod policy_table_example;
mod providers;
mod quickstart;
mod resource_checks;
mod secrets;
mod shadow;
mod table;
mod test_kit;
mod tidy;
mod tonic;
