//! Policies in the Cedar language: what is put to them, and what becomes of their answers.
//!
//! `facts` says what Cedar is told about a request, in types of ours; only `engine` and `compile` know Cedar's.

mod attribute;
mod builder;
mod compile;
mod engine;
mod facts;
mod findings;
mod policy;
mod shape;

pub use builder::CedarPolicyBuilder;
pub use policy::CedarPolicy;
