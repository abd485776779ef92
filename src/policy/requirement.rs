use std::fmt;

use super::claim_test::{ClaimIs, ClaimTest};
use super::term::{Scope, Term};
use crate::bearer::ScopeName;

/// A policy made of scopes, roles, claims and the like. It prints as it would be read aloud.
///
/// ```
/// use portcullis::{any_scope, not, role, scope};
///
/// let requirement = scope("orders:write").and(role("clerk").or(not(any_scope(["trial", "demo"]))));
/// assert_eq!(
///     requirement.to_string(),
///     "scope `orders:write` and (role `clerk` or not (any scope of `trial`, `demo`))"
/// );
/// ```
///
/// Only [`anyone`](crate::anyone) admits a request without a token, and `not` never does. What cannot be told (a claim of another shape
/// than the one that is asked for, say) is neither met nor not met, so that `not` cannot turn it into an admission.
///
/// With `serde` it is data: the name of a part and what it is about, as in `{"all_of": [{"scope": "a"}, {"role": "b"}]}`;
/// parts without arguments are texts (`"authenticated"`). Parts that are named in data and defined by the program (permissions,
/// predicates) get their meaning from a [`Vocabulary`](crate::Vocabulary), and are not met without it.
///
/// Two requirements are equal if they say the same in the same order; predicates are compared by name.
#[derive(Clone, PartialEq)]
pub struct Requirement(pub(super) Term);

impl Eq for Requirement {}

/// A text that is not one scope-token (RFC 6749 §3.3).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not one scope-token (RFC 6749 §3.3)")]
pub struct InvalidScope(String);

impl InvalidScope {
    pub(super) fn or_name(scope: &str) -> Result<ScopeName, Self> {
        ScopeName::parse(scope).ok_or_else(|| Self(scope.to_owned()))
    }
}

impl Requirement {
    /// Requires a scope that comes from data. For literals there is [`scope`](crate::scope).
    ///
    /// # Errors
    ///
    /// An [`InvalidScope`] if the text is not one scope-token.
    pub fn try_scope(scope: &str) -> Result<Self, InvalidScope> {
        let name = InvalidScope::or_name(scope)?;
        Ok(Self(Term::AllScopes([Scope::new(name)].into())))
    }

    /// Requires both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(Term::all_of(vec![self.0, other.0]))
    }

    /// Requires one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(Term::any_of(vec![self.0, other.0]))
    }
}

impl Requirement {
    /// The names of the parts of the path that it compares claims with.
    pub(crate) fn path_parameters(&self) -> Vec<&str> {
        fn gather<'t>(term: &'t Term, names: &mut Vec<&'t str>) {
            if let Term::Claim(ClaimTest { is: ClaimIs::PathParameter(name), .. }) = term {
                names.push(name);
            }
            if let Term::Role(grant) | Term::Permission(grant) = term {
                grant.signs.iter().for_each(|sign| gather(sign, names));
            }
            term.parts().iter().for_each(|part| gather(part, names));
        }
        let mut names = Vec::new();
        gather(&self.0, &mut names);
        names
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Requirement({self})")
    }
}
