use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::node::{Member, Node, Reading, Value};

/// Reads a text as TOML 1.1. What is no TOML is noted, and then there is nothing else to be said.
pub(super) fn parsed(text: &str, reading: &mut Reading) -> Option<Node> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        let problems = reading.at(at);
        // Not the error itself, which quotes the line.
        problems.add("invalid_toml", error.message());
    }
    errors.is_empty().then(|| Node { at: table.span().start, value: of_table(table.get_ref()) })
}

fn of_table(table: &DeTable<'_>) -> Value {
    let member = |(name, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| Member {
        at: name.span().start,
        name: name.get_ref().to_string(),
        node: node(value),
    };
    let mut members: Vec<_> = table.iter().map(member).collect();
    members.sort_by(|one, other| one.name.cmp(&other.name));
    Value::Table(members)
}

/// The parser bounds how deep this goes.
fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let of_value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number of more than 64 bits"), Value::Number),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Array(values) => Value::List(values.iter().map(node).collect()),
        DeValue::Table(table) => of_table(table),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date or time"),
    };
    Node { at: value.span().start, value: of_value }
}
