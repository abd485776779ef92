use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::requirement::{InvalidScope, Requirement};
use super::step_up::StepUp;
use crate::bearer::ScopeName;

/// The answer of a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "a policy allows or denies; a third answer must break its callers"
)]
pub enum Decision {
    /// The request may reach the inner service.
    Allow,
    /// It may not, and why.
    Deny(Denial),
}

/// Why a policy denied a request.
///
/// Its text is for operators. The client learns only what would have been enough: [more authentication](StepUp), or
/// which scopes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial(Box<Reason>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Reason {
    text: Cow<'static, str>,
    rule: Option<Arc<str>>,
    missing: Option<Requirement>,
    needed_scopes: Vec<ScopeName>,
    step_up: Option<StepUp>,
}

impl Denial {
    /// A denial that nothing which a client could ask for would cure. `reason` is for operators and must not quote the token.
    #[must_use]
    pub fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        let text = reason.into();
        Self(Box::new(Reason { text, rule: None, missing: None, needed_scopes: Vec::new(), step_up: None }))
    }

    /// Names all scopes that this request needs, those the token has included (RFC 6750 §3.1), where a token with them
    /// would be let in.
    ///
    /// # Errors
    ///
    /// An [`InvalidScope`] if one of them is not one scope-token.
    pub fn with_needed_scopes<'a>(
        mut self,
        scopes: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, InvalidScope> {
        let names = scopes.into_iter().map(InvalidScope::or_name);
        self.0.needed_scopes = names.collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Says which authentication would let the request in (RFC 9470): 401 instead of 403.
    #[must_use]
    pub fn with_step_up(mut self, step_up: StepUp) -> Self {
        self.0.step_up = Some(step_up);
        self
    }

    /// Names the rule that denied, for operators: the event of the refusal has it. It must not quote the token.
    #[must_use]
    pub fn with_rule(mut self, rule: impl Into<Arc<str>>) -> Self {
        self.0.rule = Some(rule.into());
        self
    }

    pub(super) fn with_missing(mut self, missing: Requirement) -> Self {
        self.0.missing = Some(missing);
        self
    }

    pub(super) fn with_scope_names(mut self, scopes: Vec<ScopeName>) -> Self {
        self.0.needed_scopes = scopes;
        self
    }

    /// The rule that denied, by its name, where the policy has rules: a table, or policies of Cedar.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    /// What is left of the requirement when all that is met is taken away: what was missing, and of alternatives each
    /// that would have been enough. `None` for policies other than requirements.
    #[must_use]
    pub fn missing(&self) -> Option<&Requirement> {
        self.0.missing.as_ref()
    }

    /// All scopes that this request needs, those the token has included. Empty if scopes are not the matter, or would
    /// not cure the denial.
    pub fn needed_scopes(&self) -> impl Iterator<Item = &str> {
        self.0.needed_scopes.iter().map(ScopeName::as_str)
    }

    /// The authentication that would be enough, where that is the matter.
    #[must_use]
    pub fn step_up(&self) -> Option<&StepUp> {
        self.0.step_up.as_ref()
    }

    pub(crate) fn scope_names(&self) -> &[ScopeName] {
        &self.0.needed_scopes
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}
