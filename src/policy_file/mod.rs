//! Policies from a file: issuers, roles, scopes and rules, which may change while the program runs.

mod client;
mod document;
mod events;
mod file;
mod file_policy;
mod introspection;
mod issuer;
mod members;
mod nearest;
mod node;
mod requirement;
mod syntax;
mod values;

pub use file::{PolicyFile, PolicyFileBuilder};
pub use file_policy::FilePolicy;
