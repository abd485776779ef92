use std::fmt;
use std::sync::Arc;

use http::Method;
use serde::Serialize;
use serde::ser::SerializeStruct as _;

use super::methods::Methods;
use super::template::Template;
use crate::policy::Requirement;

/// One rule of a [`PolicyTable`](crate::PolicyTable): for which requests, and what it requires.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) name: Arc<str>,
    pub(super) methods: Methods,
    pub(super) template: Template,
    pub(super) requirement: Requirement,
}

impl Rule {
    /// Methods and path, as they were written: `GET /orders/{id}`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The methods that the rule names; `None` if it is for all that no other rule for its path names. A rule for GET
    /// is one for HEAD, too, where no rule for its path names that.
    #[must_use]
    pub fn methods(&self) -> Option<&[Method]> {
        match &self.methods {
            Methods::Any => None,
            Methods::These(methods) => Some(methods),
        }
    }

    /// The template of its paths: `/orders/{id}`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.template.as_str()
    }

    /// What it requires.
    #[must_use]
    pub fn requirement(&self) -> &Requirement {
        &self.requirement
    }
}

/// `GET /orders/{id}: scope orders:read`, as it reads.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.requirement)
    }
}

/// `{"methods": ["GET"], "path": "/orders/{id}", "require": {"scope": "orders:read"}}`; for all other methods `["*"]`.
impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rule = serializer.serialize_struct("Rule", 3)?;
        let methods: Vec<_> = match self.methods() {
            Some(methods) => methods.iter().map(Method::as_str).collect(),
            None => vec!["*"],
        };
        rule.serialize_field("methods", &methods)?;
        rule.serialize_field("path", self.path())?;
        rule.serialize_field("require", &self.requirement)?;
        rule.end()
    }
}
