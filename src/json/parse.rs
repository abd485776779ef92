use std::fmt;
use std::sync::OnceLock;

use serde::Deserializer as _;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::document::{Document, Node, Object};

/// How deep arrays and objects may nest. An access token nests two or three levels.
const MAX_DEPTH: u8 = 16;

/// The name under which `serde_json` hides a number when some crate of the build turned its feature
/// `arbitrary_precision` on. Then, and only then, it is read as the number it stands for, so that somebody else's
/// feature cannot refuse every token.
const NUMBER_IN_DISGUISE: &str = "$serde_json::private::Number";

/// Why a text is not a document we read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("not valid JSON")]
    Syntax,
    #[error("a member name occurs twice in one object")]
    DuplicateName,
    #[error("arrays and objects nest deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self, JsonError> {
        let mut builder = Builder {
            document: Self {
                strings: String::with_capacity(text.len()),
                // One node for about eight bytes of text: one allocation for a usual token, and never more
                // than a small multiple of the text, whose size every caller has capped.
                nodes: Vec::with_capacity((text.len() / 8).saturating_add(8)),
            },
            failure: JsonError::Syntax,
        };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let parsed = Slot { builder: &mut builder, depth: 0 }.deserialize(&mut deserializer);
        match parsed.and_then(|()| deserializer.end()) {
            Ok(()) => Ok(builder.document),
            // The lexer's own error text may quote the input, so it stops here.
            Err(_) => Err(builder.failure),
        }
    }
}

struct Builder {
    document: Document,
    /// Why the parse failed, if it did: set before the lexer is told to stop.
    failure: JsonError,
}

impl Builder {
    fn push<E: de::Error>(&mut self, node: Node) -> Result<(), E> {
        self.document.nodes.push(node);
        Ok(())
    }

    fn push_string<E: de::Error>(&mut self, text: &str) -> Result<(), E> {
        let start = self.document.strings.len();
        self.document.strings.push_str(text);
        let end = self.document.strings.len();
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => self.push(Node::String { start, end }),
            _ => Err(self.fail(JsonError::Syntax)),
        }
    }

    fn fail<E: de::Error>(&mut self, failure: JsonError) -> E {
        self.failure = failure;
        E::custom("refused")
    }

    /// Reserves the node of a container, whose end is not known yet.
    fn open<E: de::Error>(&mut self, depth: u8) -> Result<usize, E> {
        if depth >= MAX_DEPTH {
            return Err(self.fail(JsonError::TooDeep));
        }
        let at = self.document.nodes.len();
        self.document.nodes.push(Node::Null);
        Ok(at)
    }

    fn close(&mut self, at: usize, node: Node) {
        if let Some(open) = self.document.nodes.get_mut(at) {
            *open = node;
        }
    }
}

/// The place where the next value goes.
struct Slot<'b> {
    builder: &'b mut Builder,
    depth: u8,
}

impl Slot<'_> {
    fn below(&mut self) -> Slot<'_> {
        Slot { builder: self.builder, depth: self.depth.saturating_add(1) }
    }
}

impl<'de> DeserializeSeed<'de> for Slot<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Slot<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.builder.push(Node::Null)
    }

    fn visit_bool<E: de::Error>(self, _value: bool) -> Result<(), E> {
        self.builder.push(Node::Bool)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.builder.push(Node::Unsigned(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.builder.push(Node::Signed(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.builder.push(Node::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.builder.push_string(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        let at = self.builder.open(self.depth)?;
        while elements.next_element_seed(self.below())?.is_some() {}
        let end = self.builder.document.nodes.len();
        self.builder.close(at, Node::Array { end });
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let at = self.builder.open(self.depth)?;
        while members.next_key_seed(Name { builder: self.builder })?.is_some() {
            members.next_value_seed(self.below())?;
        }
        let end = self.builder.document.nodes.len();
        self.builder.close(at, Node::Object { end });
        let Some(object) = self.builder.document.at(at).as_object() else { return Ok(()) };
        if object.has_duplicate_names() {
            return Err(self.builder.fail(JsonError::DuplicateName));
        }
        if numbers_are_disguised()
            && let Some(number) = number_in_disguise(object)
        {
            self.builder.document.nodes.truncate(at);
            self.builder.document.nodes.push(number);
        }
        Ok(())
    }
}

/// Whether this build of `serde_json` hides numbers; asked once.
fn numbers_are_disguised() -> bool {
    struct Probe;

    impl<'de> Visitor<'de> for Probe {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number")
        }

        fn visit_u64<E: de::Error>(self, _: u64) -> Result<bool, E> {
            Ok(false)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
            while members.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
            Ok(true)
        }
    }

    static DISGUISED: OnceLock<bool> = OnceLock::new();
    *DISGUISED.get_or_init(|| serde_json::Deserializer::from_str("1").deserialize_any(Probe).unwrap_or(false))
}

fn number_in_disguise(object: Object<'_>) -> Option<Node> {
    let mut members = object.members();
    let (NUMBER_IN_DISGUISE, value) = members.next()? else { return None };
    let text = value.as_str()?;
    if members.next().is_some() {
        return None;
    }
    let integer = text.parse().map(Node::Unsigned).or_else(|_| text.parse().map(Node::Signed));
    let float = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Node::Float);
    integer.ok().or_else(float)
}

/// A member's name; every name is a string.
struct Name<'b> {
    builder: &'b mut Builder,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.builder.push_string(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_is_read_back() {
        let document =
            Document::parse(r#"{"a":[1,-2,2.5,"s\u00e9",null,true],"b":{"c":"d"},"e":[]}"#).unwrap();
        let root = document.root().as_object().unwrap();
        let a: Vec<_> = root.get("a").unwrap().as_array().unwrap().collect();
        assert_eq!(a.len(), 6);
        assert_eq!(a[0].as_number(), Some(1.0));
        assert_eq!(a[1].as_number(), Some(-2.0));
        assert_eq!(a[2].as_number(), Some(2.5));
        assert_eq!(a[3].as_str(), Some("sé"));
        assert!(a[4].is_null());
        assert!(!a[5].is_null() && a[5].as_str().is_none() && a[5].as_number().is_none());
        assert_eq!(root.get("b").unwrap().as_object().unwrap().get("c").unwrap().as_str(), Some("d"));
        assert_eq!(root.get("e").unwrap().as_array().unwrap().count(), 0);
        assert_eq!(root.members().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "e"]);
        assert!(root.get("c").is_none(), "a nested member is not a member of the root");
    }

    #[test]
    fn duplicate_names_are_refused_at_every_depth() {
        // covers: JWS-007, JWT-002
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":{"a":1,"b":2,"a":3}}"#, r#"[[{"a":1,"\u0061":2}]]"#] {
            assert_eq!(Document::parse(text).unwrap_err(), JsonError::DuplicateName, "{text}");
        }
        assert!(Document::parse(r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#).is_ok());
    }

    #[test]
    fn sixteen_levels_are_read_and_seventeen_are_not() {
        // covers: JWS-037
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Document::parse(&nested(16)).is_ok());
        assert_eq!(Document::parse(&nested(17)).unwrap_err(), JsonError::TooDeep);
        assert_eq!(Document::parse(&nested(100_000)).unwrap_err(), JsonError::TooDeep);
    }

    #[test]
    fn what_is_not_one_json_value_is_refused() {
        // covers: JWS-006, JWS-031, JWT-001
        for text in [
            "",
            " ",
            "{",
            "{}}",
            "{} {}",
            "\u{feff}{}",
            r#"{"a":1,}"#,
            r#"{a:1}"#,
            "nul",
            r#""\ud800""#,
            "1e400",
            "01",
        ] {
            assert_eq!(Document::parse(text).unwrap_err(), JsonError::Syntax, "{text:?}");
        }
    }

    #[test]
    fn a_number_in_disguise_is_a_number_only_where_the_build_disguises_them() {
        // covers: JWT-015
        let document = Document::parse(r#"{"exp":{"$serde_json::private::Number":"12.5"},"n":1}"#).unwrap();
        let root = document.root().as_object().unwrap();
        assert_eq!(root.get("n").unwrap().as_number(), Some(1.0));
        let disguised = root.get("exp").unwrap();
        assert_eq!(disguised.as_number(), numbers_are_disguised().then_some(12.5));
        // What is read there is read exactly, and nothing infinite.
        let Document { strings, .. } = &document;
        assert!(strings.contains("12.5"));
        let number = |text: &str| {
            let document =
                Document::parse(&format!(r#"{{"$serde_json::private::Number":"{text}"}}"#)).unwrap();
            match number_in_disguise(document.root().as_object()?)? {
                Node::Unsigned(number) => Some(number as f64),
                Node::Signed(number) => Some(number as f64),
                Node::Float(number) => Some(number),
                _ => None,
            }
        };
        assert_eq!(
            [number("7"), number("-7"), number("0.5"), number("1e999")],
            [Some(7.0), Some(-7.0), Some(0.5), None]
        );
    }
}
