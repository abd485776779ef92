//! What is left of a requirement when all that is met is taken away.

use super::input::PolicyInput;
use super::judge::Assumed;
use super::term::{Scope, Term};

impl Term {
    /// `None` if nothing is left.
    pub(super) fn missing(&self, input: &PolicyInput<'_>) -> Option<Self> {
        if self.is_met(input) {
            return None;
        }
        Some(match self {
            Self::AllScopes(scopes) => {
                let is_held = |scope: &Scope| {
                    input.token().and_then(|token| scope.is_held(token, Assumed::default())) == Some(true)
                };
                Self::AllScopes(scopes.iter().filter(|scope| !is_held(scope)).cloned().collect())
            }
            Self::AllOf(parts) => Self::all_of(parts.iter().filter_map(|part| part.missing(input)).collect()),
            Self::AnyOf(parts) => Self::any_of(parts.iter().filter_map(|part| part.missing(input)).collect()),
            other => other.clone(),
        })
    }
}
