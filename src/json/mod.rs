//! Strict JSON for every document that comes from outside: headers, claims, keys, metadata.
//!
//! `serde_json` does the lexing. What this folder adds is what tokens need on top: duplicate member names are
//! refused at every depth (RFC 7519 §4, RFC 7515 §4), nesting is bounded, and the result is one flat list of
//! nodes over one string buffer: two allocations, no recursion when it is dropped, one view for every reader.

mod document;
mod parse;

pub(crate) use document::{Document, Object, Value};
pub(crate) use parse::JsonError;
