//! Texts, checked and made ready for Cedar.

use std::str::FromStr as _;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    Authorizer, Entities, EntityTypeName, PolicyId, PolicySet, Schema, SchemaFragment, ValidationMode,
    ValidationWarning, Validator,
};

use super::engine::{Engine, Principal, Types};
use super::facts::{CONTEXT, Kind};
use super::shape::{Namespaces, Shape};
use crate::error::Problems;

/// Each decision looks at every one.
const MAX_ENTITIES: usize = 1_000;

/// What an engine is made of.
pub(super) struct Texts<'a> {
    pub(super) policies: &'a str,
    pub(super) schema: Option<&'a str>,
    pub(super) entities: Option<&'a str>,
    pub(super) namespace: &'a str,
    pub(super) resource_type: &'a str,
    pub(super) takes_anonymous: bool,
}

/// A schema, and what it has a place for.
struct Declared {
    schema: Schema,
    namespaces: Namespaces,
}

/// `None` if there are problems.
pub(super) fn compile(texts: &Texts<'_>, problems: &mut Problems) -> Option<Engine> {
    let policies = policies(texts.policies, problems);
    let types = types(texts, problems);
    let declared = texts.schema.map(|text| declared(text, problems));
    // Without the schema that there should be, entities would be read in another way.
    if matches!(declared, Some(None)) {
        return None;
    }
    let declared = declared.flatten();
    let entities = entities(texts, declared.as_ref().map(|declared| &declared.schema), problems);
    let types = types?;
    let principals = Kind::ALL.map(|kind| principal(texts, kind, &types, declared.as_ref()));
    let [Some(user), Some(client), Some(subject), Some(anonymous)] = principals else { return None };
    let contexts = declared.as_ref().map(|declared| declared.namespaces.contexts(texts.namespace));
    let engine = Engine {
        authorizer: Authorizer::new(),
        policies: policies?,
        entities: entities?,
        schema: declared.map(|declared| declared.schema),
        types,
        user,
        client,
        subject,
        anonymous,
        contexts,
    };
    engine.check(texts, problems);
    Some(engine)
}

impl Engine {
    /// Whether schema, policies and requests fit each other.
    fn check(&self, texts: &Texts<'_>, problems: &mut Problems) {
        let principals =
            [&self.user, &self.client, &self.subject, &self.anonymous].map(|known| &known.type_name);
        for entity in self.entities.iter() {
            if principals.contains(&entity.uid().type_name()) {
                let message = format!("`{}` is an entity that a token makes", entity.uid());
                problems.add("invalid_cedar_entities", message);
            }
        }
        let Some(schema) = &self.schema else { return };
        let result = Validator::new(schema.clone()).validate(&self.policies, ValidationMode::Strict);
        for error in result.validation_errors() {
            problems.add("cedar_schema_mismatch", told(texts.policies, &error.into()));
        }
        for warning in result.validation_warnings().filter(|warning| !is_about_letters(warning)) {
            problems.add("cedar_schema_mismatch", told(texts.policies, &warning.into()));
        }
        let mut absent = |what: &str| {
            let message = format!("no action of the schema has {what}, so no request fits it");
            problems.add("cedar_schema_mismatch", message);
        };
        if !schema.actions().any(|action| *action.type_name() == self.types.action) {
            absent(&format!("the type `{}`", self.types.action));
        }
        if !schema.resources().any(|declared| *declared == self.types.resource) {
            absent(&format!("the resource type `{}`", self.types.resource));
        }
        let of_tokens = [&self.user, &self.client, &self.subject];
        if !schema.principals().any(|declared| of_tokens.iter().any(|known| known.type_name == *declared)) {
            absent("`User`, `Client` or `Subject` as principal");
        }
        if texts.takes_anonymous && !schema.principals().any(|declared| *declared == self.anonymous.type_name)
        {
            absent(&format!("`{}` as principal", self.anonymous.type_name));
        }
        for (action, shape) in self.contexts.iter().flatten() {
            for name in shape.members().filter(|name| !CONTEXT.contains(name)) {
                let message =
                    format!("action `{action}` has `{name}` in its context, and no request has that");
                problems.add("cedar_schema_mismatch", message);
            }
        }
    }
}

/// Names in other languages than the schema's mix letters, and are no mistake. A policy that can never apply is one.
fn is_about_letters(warning: &ValidationWarning) -> bool {
    matches!(
        warning,
        ValidationWarning::MixedScriptString(_)
            | ValidationWarning::MixedScriptIdentifier(_)
            | ValidationWarning::ConfusableIdentifier(_)
    )
}

fn policies(text: &str, problems: &mut Problems) -> Option<PolicySet> {
    let parsed = match PolicySet::from_str(text) {
        Ok(parsed) => parsed,
        Err(errors) => {
            for error in errors.iter() {
                problems.add("invalid_cedar_policy", told(text, &error.into()));
            }
            return None;
        }
    };
    for template in parsed.templates() {
        let message = format!("`{}` is a template, which nothing here fills in", template.id());
        problems.add("invalid_cedar_policy", message);
    }
    if parsed.is_empty() {
        problems.add("no_cedar_policy", "there is no policy, so every request would be denied");
    }
    let mut named = PolicySet::new();
    for policy in parsed.policies() {
        let name = policy.annotation("id").filter(|name| !name.is_empty());
        let policy = name.map_or_else(|| policy.clone(), |name| policy.new_id(PolicyId::new(name)));
        let id = policy.id().clone();
        if named.add(policy).is_err() {
            problems.add("invalid_cedar_policy", format!("two policies are called `{id}`"));
        }
    }
    Some(named)
}

fn declared(text: &str, problems: &mut Problems) -> Option<Declared> {
    let refused = |error: DetailedError| told(text, &error);
    let fragment = SchemaFragment::from_cedarschema_str(text).map_err(|error| refused((&error).into()));
    let read = fragment.and_then(|(fragment, _)| {
        let schema = Schema::from_schema_fragments([fragment.clone()]);
        let schema = schema.map_err(|error| refused((&error).into()))?;
        let namespaces = fragment.to_json_value().map_err(|error| refused((&error).into()))?;
        Ok(Declared { schema, namespaces: Namespaces::new(namespaces) })
    });
    read.map_err(|message| problems.add("invalid_cedar_schema", message)).ok()
}

fn entities(texts: &Texts<'_>, schema: Option<&Schema>, problems: &mut Problems) -> Option<Entities> {
    let text = texts.entities.unwrap_or("[]");
    let entities = match Entities::from_json_str(text, schema) {
        Ok(entities) => entities,
        Err(error) => {
            problems.add("invalid_cedar_entities", told(text, &(&error).into()));
            return None;
        }
    };
    if entities.len() > MAX_ENTITIES {
        let message = format!("{} entities, and each decision looks at all of them", entities.len());
        problems.add("invalid_cedar_entities", message);
    }
    Some(entities)
}

fn types(texts: &Texts<'_>, problems: &mut Problems) -> Option<Types> {
    let mut read = |name| {
        let name = whole_name(texts.namespace, name);
        let read = EntityTypeName::from_str(&name);
        read.map_err(|_| problems.add("invalid_cedar_type", format!("`{name}` is no name of a type"))).ok()
    };
    let types = (read("Action"), read(texts.resource_type), read("Role"), read("Scope"));
    let (Some(action), Some(resource), Some(role), Some(scope)) = types else { return None };
    Some(Types { action, resource, role, scope })
}

fn whole_name(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
}

fn principal(texts: &Texts<'_>, kind: Kind, types: &Types, declared: Option<&Declared>) -> Option<Principal> {
    let name = whole_name(texts.namespace, kind.name());
    let type_name = EntityTypeName::from_str(&name).ok()?;
    let Some(Declared { schema, namespaces }) = declared else {
        return Some(Principal { type_name, attributes: Shape::Whole, has_roles: true, has_scopes: true });
    };
    let may_be_in =
        |parent| schema.ancestors(&type_name).is_some_and(|mut declared| declared.any(|name| name == parent));
    let (has_roles, has_scopes) = (may_be_in(&types.role), may_be_in(&types.scope));
    Some(Principal { type_name, attributes: namespaces.of_entity(&name), has_roles, has_scopes })
}

/// What Cedar says, and where in the text.
fn told(text: &str, error: &DetailedError) -> String {
    let place = error.source_locations.first().and_then(|label| text.get(..label.loc.start));
    let line = place.map(|before| before.lines().count().max(1));
    let mut told = line.map_or_else(String::new, |line| format!("line {line}: "));
    told.push_str(&error.message);
    for more in error.help.iter().map(String::as_str).chain(error.related.iter().map(|more| &*more.message)) {
        told.push_str("; ");
        told.push_str(more);
    }
    told
}
