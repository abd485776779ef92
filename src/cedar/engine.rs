//! Cedar, asked about one request.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, EvaluationError, PolicyId, PolicySet, Request, RestrictedExpression, Schema,
};

use super::attribute::Attribute;
use super::facts::{Facts, Kind};
use super::findings::{Findings, Named};
use super::shape::Shape;

/// Policies that were checked, with all that is the same for every request.
pub(super) struct Engine {
    pub(super) authorizer: Authorizer,
    pub(super) policies: PolicySet,
    /// Those that no token makes.
    pub(super) entities: Entities,
    pub(super) schema: Option<Schema>,
    pub(super) types: Types,
    pub(super) user: Principal,
    pub(super) client: Principal,
    pub(super) subject: Principal,
    pub(super) anonymous: Principal,
    /// By action. `None`: there is no schema, so everything has a place.
    pub(super) contexts: Option<BTreeMap<Box<str>, Shape>>,
}

pub(super) struct Types {
    pub(super) action: EntityTypeName,
    pub(super) resource: EntityTypeName,
    pub(super) role: EntityTypeName,
    pub(super) scope: EntityTypeName,
}

/// One type of principal.
pub(super) struct Principal {
    pub(super) type_name: EntityTypeName,
    pub(super) attributes: Shape,
    pub(super) has_roles: bool,
    pub(super) has_scopes: bool,
}

impl Engine {
    /// `Err` says why the policies cannot be asked. It quotes nothing, as Cedar's own words quote claims.
    pub(super) fn judge(&self, facts: &Facts<'_>) -> Result<Findings, &'static str> {
        let principal = self.principal(facts)?;
        let action = uid(&self.types.action, &facts.action);
        let resource = uid(&self.types.resource, &facts.resource);
        let shape = match &self.contexts {
            None => &Shape::Whole,
            Some(contexts) => contexts.get(&*facts.action).ok_or("the schema has no action of this name")?,
        };
        let context = facts.context(shape).into_iter().map(|(name, value)| Some((name, expression(value)?)));
        let context = context.collect::<Option<Vec<_>>>().and_then(|pairs| Context::from_pairs(pairs).ok());
        let context = context.ok_or("the facts of the request are no Cedar values")?;
        let request = Request::new(principal.uid(), action, resource, context, self.schema.as_ref())
            .map_err(|_| "principal, resource or context are not what the schema has for this action")?;
        let entities = self.entities.clone().add_entities([principal], self.schema.as_ref());
        let entities = entities.map_err(|_| "the claims of the token do not fit the schema")?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &entities);
        let diagnostics = response.diagnostics();
        let mut findings = Findings {
            allowed: response.decision() == Decision::Allow,
            determining: diagnostics.reason().map(|id| self.named(id)).collect(),
            failed: diagnostics.errors().map(|error| self.failed(error)).collect(),
        };
        // Cedar has no order for them.
        findings.determining.sort_unstable();
        findings.failed.sort_unstable();
        Ok(findings)
    }

    fn principal(&self, facts: &Facts<'_>) -> Result<Entity, &'static str> {
        let known = match facts.kind {
            Kind::User => &self.user,
            Kind::Client => &self.client,
            Kind::Subject => &self.subject,
            Kind::Anonymous => &self.anonymous,
        };
        let parents = |names: &[String], type_name, has: bool| {
            let names = if has { names } else { &[] };
            names.iter().map(|name| uid(type_name, name)).collect::<Vec<_>>()
        };
        let mut above: HashSet<_> =
            parents(&facts.roles, &self.types.role, known.has_roles).into_iter().collect();
        above.extend(parents(&facts.scopes, &self.types.scope, known.has_scopes));
        let told = facts.attributes(&known.attributes).ok_or("a claim of the token cannot be told")?;
        let attributes = told.into_iter().map(|(name, value)| Some((name, expression(value)?)));
        let attributes = attributes.collect::<Option<HashMap<_, _>>>();
        attributes
            .and_then(|attributes| Entity::new(uid(&known.type_name, &facts.id), attributes, above).ok())
            .ok_or("the claims of the token are no Cedar values")
    }

    fn named(&self, id: &PolicyId) -> Named {
        // One that is not known cannot have been only a permission.
        let forbids = self.policies.policy(id).is_none_or(|policy| policy.effect() == Effect::Forbid);
        Named { forbids, name: id.to_string() }
    }

    fn failed(&self, error: &AuthorizationError) -> (Named, &'static str) {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        (self.named(error.policy_id()), in_words(error.inner()))
    }
}

fn uid(type_name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(type_name.clone(), EntityId::new(id))
}

/// Made value by value: the JSON form of Cedar has escapes that mean entities, and claims are not to reach them.
fn expression(value: Attribute) -> Option<RestrictedExpression> {
    Some(match value {
        Attribute::Text(text) => RestrictedExpression::new_string(text),
        Attribute::Long(number) => RestrictedExpression::new_long(number),
        Attribute::Flag(flag) => RestrictedExpression::new_bool(flag),
        Attribute::Set(entries) => {
            RestrictedExpression::new_set(entries.into_iter().map(expression).collect::<Option<Vec<_>>>()?)
        }
        Attribute::Record(members) => {
            let members = members.into_iter().map(|(name, value)| Some((name, expression(value)?)));
            RestrictedExpression::new_record(members.collect::<Option<Vec<_>>>()?).ok()?
        }
    })
}

/// Cedar's own words name entities and values of the request.
fn in_words(error: &EvaluationError) -> &'static str {
    match error {
        EvaluationError::EntityDoesNotExist(_) => "an entity is not known",
        EvaluationError::EntityAttrDoesNotExist(_) | EvaluationError::RecordAttrDoesNotExist(_) => {
            "an attribute is missing"
        }
        EvaluationError::TypeError(_) => "a value is of another type",
        EvaluationError::IntegerOverflow(_) => "a number is too large",
        EvaluationError::FailedExtensionFunctionExecution(_) => "a function takes no such argument",
        EvaluationError::RecursionLimit(_) => "it is nested too deeply",
        _ => "an error",
    }
}
