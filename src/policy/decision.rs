use std::borrow::Cow;
use std::fmt;

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
/// Its text is for operators. The client learns only which scopes would have been enough, if scopes would.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    reason: Cow<'static, str>,
    needed_scopes: Vec<ScopeName>,
}

impl Denial {
    /// A denial that more scope would not cure. `reason` is for operators and must not quote the token.
    #[must_use]
    pub fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), needed_scopes: Vec::new() }
    }

    pub(super) fn with_needed_scopes(mut self, scopes: Vec<ScopeName>) -> Self {
        self.needed_scopes = scopes;
        self
    }

    /// All scopes that this request needs, those the token has included. Empty if no scope would cure the denial.
    pub fn needed_scopes(&self) -> impl Iterator<Item = &str> {
        self.needed_scopes.iter().map(ScopeName::as_str)
    }

    pub(crate) fn scope_names(&self) -> &[ScopeName] {
        &self.needed_scopes
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
