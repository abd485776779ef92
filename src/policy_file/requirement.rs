use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, Deserialize as _, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::nearest::unknown;
use super::node::{Member, Node, Reading, Value};
use crate::policy::Requirement;

/// The requirement that a value of the file is, in the form that requirements have as data.
pub(super) fn requirement(node: &Node, reading: &mut Reading) -> Option<Requirement> {
    match Requirement::deserialize(Part(node)) {
        Ok(requirement) => Some(requirement),
        Err(flaw) => {
            let problems = reading.at(flaw.at.unwrap_or(node.at));
            problems.add("invalid_requirement", flaw.message);
            None
        }
    }
}

#[derive(Clone, Copy)]
struct Part<'n>(&'n Node);

/// What is wrong with a requirement, and where.
#[derive(Debug)]
struct Flaw {
    at: Option<usize>,
    message: String,
}

impl Flaw {
    /// The innermost place counts, which is known first.
    fn or_at(self, at: usize) -> Self {
        Self { at: self.at.or(Some(at)), ..self }
    }
}

impl<'n> Part<'n> {
    fn members(members: &'n [Member]) -> MapDeserializer<'n, impl Iterator<Item = (&'n str, Self)>, Flaw> {
        MapDeserializer::new(members.iter().map(|member| (member.name.as_str(), Self(&member.node))))
    }
}

impl<'de> Deserializer<'de> for Part<'de> {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        let result = match &self.0.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Number(number) => visitor.visit_i64(*number),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::List(nodes) => visitor.visit_seq(SeqDeserializer::new(nodes.iter().map(Part))),
            Value::Table(members) => visitor.visit_map(Self::members(members)),
            Value::Other(what) => Err(de::Error::custom(format!("no requirement has {what}"))),
        };
        result.map_err(|flaw| flaw.or_at(self.0.at))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_some(self)
    }

    /// By its members only, and not by a list of their values.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        match &self.0.value {
            Value::Table(_) => self.deserialize_any(visitor),
            other => {
                let message = format!("a table is expected, and not {}", other.in_words());
                Err(Flaw { at: Some(self.0.at), message })
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        let result = match &self.0.value {
            Value::Text(name) => visitor.visit_enum(StrDeserializer::new(name)),
            Value::Table(members) if members.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Self::members(members)))
            }
            _ => Err(de::Error::custom("a requirement is a word, or a table with one member")),
        };
        result.map_err(|flaw| flaw.or_at(self.0.at))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl<'n> IntoDeserializer<'n, Flaw> for Part<'n> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl de::Error for Flaw {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { at: None, message: message.to_string() }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let name = variant.escape_debug();
        Self::custom(format!("`{name}` is no requirement: {}", unknown(variant, expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let name = field.escape_debug();
        Self::custom(format!("`{name}` is no member here: {}", unknown(field, expected)))
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Flaw {}
