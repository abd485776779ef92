//! Values for the parameters of a path.

use serde_json::Value;

/// For a text of which nothing more is known.
const ANY: &str = "x";
/// References and schemas in each other are followed so far.
const DEEPEST: usize = 16;

/// The path with a value for each of its names. `None` if it is no path.
pub(super) fn filled(document: &Value, path: &str, parameters: &[&Value]) -> Option<String> {
    if !path.starts_with('/') || path.contains(['?', '#']) {
        return None;
    }
    let (mut filled, mut rest) = (String::new(), path);
    while let Some((literal, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled.push_str(literal);
        let value = value_of(document, name.trim_start_matches('*'), parameters);
        filled.push_str(&value.unwrap_or_else(|| ANY.to_owned()));
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// What a `$ref` leads to, or the value itself.
pub(super) fn target<'d>(document: &'d Value, mut value: &'d Value) -> Option<&'d Value> {
    for _ in 0..DEEPEST {
        let Some(reference) = value.get("$ref") else { return Some(value) };
        value = document.pointer(reference.as_str()?.strip_prefix('#')?)?;
    }
    None
}

/// The first parameter of this name decides: those of the operation stand before those of its path.
fn value_of(document: &Value, name: &str, parameters: &[&Value]) -> Option<String> {
    let mut parameters = parameters.iter().filter_map(|parameter| target(document, parameter));
    let parameter = parameters.find(|parameter| parameter["in"] == "path" && parameter["name"] == name)?;
    let named = parameter["examples"].as_object().and_then(|examples| examples.values().next());
    let example = [Some(&parameter["example"]), named.map(|example| &example["value"])];
    let example = example.into_iter().flatten().find_map(segment);
    example.or_else(|| by_schema(document, &parameter["schema"], DEEPEST))
}

fn by_schema(document: &Value, schema: &Value, deepest: usize) -> Option<String> {
    let (schema, deepest) = (target(document, schema)?, deepest.checked_sub(1)?);
    let said = ["/example", "/examples/0", "/default", "/const", "/enum/0"];
    if let Some(said) = said.into_iter().find_map(|place| segment(schema.pointer(place)?)) {
        return Some(said);
    }
    let parts = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|word| schema[word].as_array()).flatten();
    if let Some(part) = parts.into_iter().find_map(|part| by_schema(document, part, deepest)) {
        return Some(part);
    }
    let is = |name: &str| match &schema["type"] {
        Value::Array(all) => all.iter().any(|own| own == name),
        one => one == name,
    };
    let value = match schema["format"].as_str() {
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("date") => "2000-01-01",
        Some("date-time") => "2000-01-01T00:00:00Z",
        _ if is("integer") || is("number") => return Some(number(schema)),
        _ if is("boolean") => "true",
        _ => return Some(ANY.repeat(length(schema))).filter(|_| is("string")),
    };
    segment(&Value::from(value))
}

fn number(schema: &Value) -> String {
    let least = schema["minimum"].as_i64().or_else(|| schema["exclusiveMinimum"].as_i64()?.checked_add(1));
    let most = schema["maximum"].as_i64().or_else(|| schema["exclusiveMaximum"].as_i64()?.checked_sub(1));
    least.unwrap_or(1).max(1).min(most.unwrap_or(i64::MAX)).to_string()
}

/// As long as a text must be, within reason.
fn length(schema: &Value) -> usize {
    let least = schema["minLength"].as_u64().and_then(|length| usize::try_from(length).ok());
    least.unwrap_or(1).clamp(1, 256)
}

/// The value as one segment (RFC 3986 §3.3); `None` if it cannot be one.
fn segment(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    let encoded = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    Some(encoded.collect()).filter(|text: &String| !["", ".", ".."].contains(&text.as_str()))
}
