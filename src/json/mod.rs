//! Strict JSON for every document that comes from outside: headers, claims, keys, metadata.
//!
//! Beyond RFC 8259: duplicate member names are refused at every depth (RFC 7519 §4, RFC 7515 §4), and nesting is
//! bounded. The result is one flat list of nodes over the text itself: one allocation where no string has an escape,
//! no recursion when it is dropped, one view for every reader. The tests hold the parser against `serde_json`, over
//! every short text.

mod document;
mod parse;

pub(crate) use document::{Document, Object, Value};
pub(crate) use parse::JsonError;
