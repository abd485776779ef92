use super::shape::Shape;
use crate::json::Value;

/// The largest whole number below which every one has an `f64` of its own (2^53 - 1): a larger one may stand for its neighbour.
const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;

/// A value that Cedar has, too. There is none for an entity: whatever a claim looks like, it stays data.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Attribute {
    Text(String),
    Long(i64),
    Flag(bool),
    Set(Vec<Self>),
    Record(Vec<(String, Self)>),
}

impl Attribute {
    /// `None` where Cedar has no such value: `null`, a number with a fraction or one that is not exact, and an array with
    /// something like that in it, which would be another array without it.
    pub(super) fn of(value: Value<'_>, shape: &Shape) -> Option<Self> {
        if let Some(text) = value.as_str() {
            return Some(Self::Text(text.to_owned()));
        }
        if let Some(number) = value.as_number() {
            return whole(number).map(Self::Long);
        }
        if value.is_true() || value.is_false() {
            return Some(Self::Flag(value.is_true()));
        }
        if let Some(entries) = value.as_array() {
            let entries = entries.map(|entry| Self::of(entry, shape.of_entries()));
            return entries.collect::<Option<_>>().map(Self::Set);
        }
        record(value.as_object()?.members(), shape).map(Self::Record)
    }
}

/// The members that Cedar has values for, of those that the shape has. `None` where a schema declares one that Cedar has no value
/// for: without it a `forbid` that looks whether it is there would be passed over. (`null` counts as absent.)
pub(super) fn record<'d>(
    members: impl Iterator<Item = (&'d str, Value<'d>)>,
    shape: &Shape,
) -> Option<Vec<(String, Attribute)>> {
    let mut record = Vec::new();
    for (name, value) in members {
        let Some(of_member) = shape.of_member(name) else { continue };
        match Attribute::of(value, of_member) {
            Some(attribute) => record.push((name.to_owned(), attribute)),
            None if matches!(shape, Shape::Record(_)) && !value.is_null() => return None,
            None => {}
        }
    }
    Some(record)
}

fn whole(number: f64) -> Option<i64> {
    // The range excludes NaN and the infinities, and everything in it fits.
    let is_exact = number.abs() <= LARGEST_EXACT && number.fract() == 0.0;
    is_exact.then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn of(json: &str) -> Option<Attribute> {
        Attribute::of(Document::parse(json).unwrap().root(), &Shape::Whole)
    }

    #[test]
    fn whole_numbers_become_longs_only_where_they_are_exact() {
        for (json, long) in [
            ("0", 0),
            ("-0", 0),
            ("-7", -7),
            ("1.0", 1),
            ("1e3", 1_000),
            ("9007199254740991", 9_007_199_254_740_991),
            ("-9007199254740991", -9_007_199_254_740_991),
        ] {
            assert_eq!(of(json), Some(Attribute::Long(long)), "{json}");
        }
        for json in ["0.5", "1e-3", "9007199254740992", "9007199254740993", "-9007199254740992", "1e300"] {
            assert_eq!(of(json), None, "{json}");
        }
    }

    #[test]
    fn what_cedar_has_no_value_for_is_left_out_and_takes_its_array_along() {
        let text = |text: &str| Attribute::Text(text.to_owned());
        assert_eq!(of("null"), None);
        assert_eq!(of(r#"["a","b"]"#), Some(Attribute::Set(vec![text("a"), text("b")])));
        assert_eq!(of(r#"["a",null]"#), None);
        assert_eq!(of(r#"["a",[1.5]]"#), None);
        let record = of(r#"{"a":true,"b":null,"c":1.5,"d":["x",0.1],"e":{"f":false}}"#).unwrap();
        let inner = Attribute::Record(vec![("f".to_owned(), Attribute::Flag(false))]);
        let members = vec![("a".to_owned(), Attribute::Flag(true)), ("e".to_owned(), inner)];
        assert_eq!(record, Attribute::Record(members));
    }

    #[test]
    fn what_a_schema_declares_and_cedar_has_no_value_for_takes_the_whole_along() {
        let shape = Shape::Record([("a".into(), Shape::Whole)].into());
        let told = |json: &str| Attribute::of(Document::parse(json).unwrap().root(), &shape);
        assert_eq!(told(r#"{"a":1.5}"#), None);
        assert_eq!(told(r#"{"a":["x",null]}"#), None);
        for json in ["{}", r#"{"a":null}"#, r#"{"b":1.5}"#] {
            assert_eq!(told(json), Some(Attribute::Record(Vec::new())), "{json}");
        }
    }
}
