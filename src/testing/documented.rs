//! The operations of an OpenAPI document.

use http::Method;
use serde::Serialize;
use serde_json::Value;

use super::placeholder::{filled, target};

/// One operation.
#[derive(Debug)]
pub(super) struct Documented {
    pub(super) method: Method,
    /// As the document writes it.
    pub(super) path: String,
    /// With a value for each of its parameters.
    pub(super) sent: String,
}

/// What beside operations a path item may have (OpenAPI 3.2 §4.9).
const NO_OPERATIONS: [&str; 5] = ["$ref", "summary", "description", "servers", "parameters"];
const FIXED: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// All operations of a document, which is text or becomes it.
///
/// # Panics
///
/// If something in it cannot be read, or if there are none: what is not seen would not be tried.
#[track_caller]
#[expect(clippy::panic, reason = "a test kit fails where the mistake is")]
pub(super) fn operations(openapi: impl Serialize) -> Vec<Documented> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    match as_document(openapi) {
        Ok(document) => read(&document, &mut found, &mut problems),
        Err(problem) => problems.push(problem),
    }
    if found.is_empty() && problems.is_empty() {
        problems.push("it has no operations".to_owned());
    }
    if !problems.is_empty() {
        panic!("this is no OpenAPI document whose operations can be tried:\n- {}", problems.join("\n- "));
    }
    found
}

fn as_document(openapi: impl Serialize) -> Result<Value, String> {
    let document = serde_json::to_value(openapi).and_then(|value| match value {
        Value::String(text) => serde_json::from_str(&text),
        other => Ok(other),
    });
    let document = document.map_err(|error| format!("it is no JSON: {error}"))?;
    match document.get("openapi").and_then(Value::as_str) {
        Some(version) if version.starts_with("3.") => Ok(document),
        _ => Err("it does not say that it is OpenAPI 3".to_owned()),
    }
}

fn read(document: &Value, found: &mut Vec<Documented>, problems: &mut Vec<String>) {
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten().filter(|(path, _)| !path.starts_with("x-")) {
        let Some(resolved) = target(document, item) else {
            problems.push(format!("{path}: its `$ref` is not in the document"));
            continue;
        };
        // Beside a `$ref` there may be operations, too.
        let items = if std::ptr::eq(item, resolved) { vec![item] } else { vec![item, resolved] };
        let mut operations = Vec::new();
        for item in &items {
            match item.as_object() {
                Some(item) => item.iter().for_each(|(name, member)| match (name.as_str(), member) {
                    (fixed, operation) if FIXED.contains(&fixed) => {
                        operations.push((fixed.to_ascii_uppercase(), operation));
                    }
                    ("additionalOperations", Value::Object(more)) => {
                        operations.extend(more.iter().map(|(method, operation)| (method.clone(), operation)));
                    }
                    (other, _) if NO_OPERATIONS.contains(&other) || other.starts_with("x-") => {}
                    (other, _) => problems.push(format!("{path}: `{other}` is no operation")),
                }),
                None => problems.push(format!("{path}: it is no object")),
            }
        }
        for (method, operation) in operations {
            let parameters = std::iter::once(&operation).chain(&items).map(|holder| &holder["parameters"]);
            let parameters: Vec<_> = parameters.filter_map(Value::as_array).flatten().collect();
            match (Method::from_bytes(method.as_bytes()), filled(document, path, &parameters)) {
                (Ok(method), Some(sent)) => found.push(Documented { method, path: path.clone(), sent }),
                _ => problems.push(format!("{method} {path}: it is no method and path")),
            }
        }
    }
}
