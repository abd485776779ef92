use std::collections::BTreeMap;

use serde_json::Value;

/// Which members a schema has a place for. The schema itself says of what type they are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// All of them: nothing is said, or the value has none.
    Whole,
    Record(BTreeMap<Box<str>, Self>),
    /// Of each entry.
    Set(Box<Self>),
}

static WHOLE: Shape = Shape::Whole;

impl Shape {
    /// `None` where the schema has no such member. What is there in another shape is kept, for the schema to refuse it.
    pub(super) fn of_member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Record(members) => members.get(name),
            Self::Whole | Self::Set(_) => Some(&WHOLE),
        }
    }

    pub(super) fn of_entries(&self) -> &Self {
        if let Self::Set(entries) = self { entries } else { &WHOLE }
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &str> {
        let members = if let Self::Record(members) = self { Some(members) } else { None };
        members.into_iter().flatten().map(|(name, _)| &**name)
    }
}

/// A schema that is known to be sound, in its JSON form: namespaces with their types and actions.
#[derive(Debug)]
pub(super) struct Namespaces(Value);

impl Namespaces {
    pub(super) fn new(schema: Value) -> Self {
        Self(schema)
    }

    /// The attributes of an entity type, by its whole name.
    pub(super) fn of_entity(&self, name: &str) -> Shape {
        let (namespace, name) = name.rsplit_once("::").unwrap_or(("", name));
        let declared = self.0.get(namespace).and_then(|space| space.get("entityTypes")?.get(name));
        match declared.and_then(|declared| declared.get("shape")) {
            Some(shape) => self.shape(namespace, shape),
            None => Shape::Record(BTreeMap::new()),
        }
    }

    /// The context of each action of a namespace.
    pub(super) fn contexts(&self, namespace: &str) -> BTreeMap<Box<str>, Shape> {
        let actions = self.0.get(namespace).and_then(|space| space.get("actions")?.as_object());
        let context = |(name, action): (&String, &Value)| {
            let context = action.get("appliesTo").and_then(|applies_to| applies_to.get("context"));
            let shape =
                context.map_or(Shape::Record(BTreeMap::new()), |context| self.shape(namespace, context));
            (name.as_str().into(), shape)
        };
        actions.into_iter().flatten().map(context).collect()
    }

    /// Names of types do not lead in a circle: the schema is sound.
    fn shape(&self, namespace: &str, declared: &Value) -> Shape {
        match declared.get("type").and_then(Value::as_str) {
            Some("Record") => {
                let members = declared.get("attributes").and_then(Value::as_object).into_iter().flatten();
                Shape::Record(
                    members.map(|(name, of)| (name.as_str().into(), self.shape(namespace, of))).collect(),
                )
            }
            Some("Set") => {
                let entries = declared.get("element");
                Shape::Set(Box::new(entries.map_or(Shape::Whole, |entries| self.shape(namespace, entries))))
            }
            Some("EntityOrCommon") => {
                let name = declared.get("name").and_then(Value::as_str);
                name.map_or(Shape::Whole, |name| self.named(namespace, name))
            }
            Some("Entity" | "String" | "Long" | "Boolean" | "Extension") | None => Shape::Whole,
            Some(name) => self.named(namespace, name),
        }
    }

    /// A name without a namespace is of this one, or else of none. One that is no common type is one of Cedar's, or an entity.
    fn named(&self, namespace: &str, name: &str) -> Shape {
        let places = match name.rsplit_once("::") {
            Some((namespace, name)) => [(namespace, name), (namespace, name)],
            None => [(namespace, name), ("", name)],
        };
        let found = places.into_iter().find_map(|(namespace, name)| {
            Some((namespace, self.0.get(namespace)?.get("commonTypes")?.get(name)?))
        });
        found.map_or(Shape::Whole, |(namespace, declared)| self.shape(namespace, declared))
    }
}
