//! What of a requirement can be said with lists of scopes.

use super::requirement::Requirement;
use super::term::{Scope, Term};

/// More alternatives than that say nothing to anybody.
const MOST: usize = 16;

/// What [`Requirement::scope_lists`] makes.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct ScopeLists<'r> {
    /// Whether there may be requests without a token that are let in.
    pub(crate) anonymous: bool,
    /// Each token that is let in has all scopes of one of these, or others that imply them. Those that are enough stand first.
    pub(crate) lists: Vec<Vec<&'r str>>,
    /// Whether every valid token is let in.
    pub(crate) any_token: bool,
}

/// Scopes that are needed together.
#[derive(Clone, Debug)]
struct Alternative<'r> {
    scopes: Vec<&'r str>,
    /// Whether they are enough.
    exact: bool,
}

impl Requirement {
    pub(crate) fn scope_lists(&self) -> ScopeLists<'_> {
        let mut alternatives = self.0.alternatives();
        alternatives.sort_by_key(|alternative| !alternative.exact);
        ScopeLists {
            anonymous: self.0.may_take_anonymous(),
            any_token: alternatives.iter().any(|own| own.exact && own.scopes.is_empty()),
            lists: alternatives.into_iter().map(|alternative| alternative.scopes).collect(),
        }
    }
}

impl Term {
    fn alternatives(&self) -> Vec<Alternative<'_>> {
        let found = match self {
            Self::Anyone | Self::Authenticated => vec![Alternative { scopes: Vec::new(), exact: true }],
            Self::AllScopes(scopes) => vec![Alternative::of(scopes)],
            Self::AnyScope(scopes) => {
                scopes.iter().map(|scope| Alternative::of(std::slice::from_ref(scope))).collect()
            }
            Self::AllOf(parts) => {
                let nothing = vec![Alternative { scopes: Vec::new(), exact: true }];
                parts.iter().fold(nothing, |so_far, part| {
                    let part = part.alternatives();
                    let both = so_far.iter().flat_map(|own| part.iter().map(|other| own.and(other)));
                    simplified(both.collect())
                })
            }
            Self::AnyOf(parts) => parts.iter().flat_map(Self::alternatives).collect(),
            _ => vec![Alternative { scopes: Vec::new(), exact: false }],
        };
        simplified(found)
    }
}

impl<'r> Alternative<'r> {
    fn of(scopes: &'r [Scope]) -> Self {
        let nothing = Self { scopes: Vec::new(), exact: true };
        let all = Self { scopes: scopes.iter().map(|scope| scope.name.as_str()).collect(), exact: true };
        nothing.and(&all)
    }

    /// Each scope once.
    fn and(&self, other: &Self) -> Self {
        let mut both = Self { scopes: self.scopes.clone(), exact: self.exact && other.exact };
        for scope in &other.scopes {
            if !both.scopes.contains(scope) {
                both.scopes.push(scope);
            }
        }
        both
    }

    /// Whether the other says nothing beside this.
    fn absorbs(&self, other: &Self) -> bool {
        (self.exact || !other.exact) && self.scopes.iter().all(|scope| other.scopes.contains(scope))
    }
}

/// Without those that another makes superfluous. Too many are as none: that something is required stands elsewhere.
fn simplified(alternatives: Vec<Alternative<'_>>) -> Vec<Alternative<'_>> {
    let mut kept = Vec::<Alternative<'_>>::new();
    for alternative in alternatives {
        if !kept.iter().any(|own| own.absorbs(&alternative)) {
            kept.retain(|own| !alternative.absorbs(own));
            kept.push(alternative);
        }
    }
    if kept.len() > MOST {
        return vec![Alternative { scopes: Vec::new(), exact: false }];
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::words::{
        all_scopes, any_of, any_scope, anyone, authenticated, not, predicate, role, scope,
    };
    use super::*;

    fn lists(requirement: &Requirement) -> (bool, Vec<Vec<&str>>, bool) {
        let said = requirement.scope_lists();
        (said.anonymous, said.lists, said.any_token)
    }

    #[test]
    fn scopes_become_lists_and_nothing_that_is_needed_is_called_enough() {
        let ab = || any_scope(["a", "b"]);
        for (requirement, anonymous, expected, any_token) in [
            (anyone(), true, vec![vec![]], true),
            (authenticated(), false, vec![vec![]], true),
            (scope("a"), false, vec![vec!["a"]], false),
            (all_scopes(["b", "a", "b"]), false, vec![vec!["b", "a"]], false),
            (ab(), false, vec![vec!["a"], vec!["b"]], false),
            (scope("a").and(role("r")), false, vec![vec!["a"]], false),
            (role("r"), false, vec![vec![]], false),
            (role("r").or(scope("a")), false, vec![vec!["a"], vec![]], false),
            (role("r").or(authenticated()), false, vec![vec![]], true),
            (ab().and(scope("c")), false, vec![vec!["a", "c"], vec!["b", "c"]], false),
            (ab().and(scope("a")), false, vec![vec!["a"]], false),
            (scope("a").or(scope("a").and(scope("b"))), false, vec![vec!["a"]], false),
            (not(scope("a")), false, vec![vec![]], false),
            (not(anyone()), false, vec![vec![]], false),
            (anyone().or(scope("a")), true, vec![vec![]], true),
            (anyone().and(scope("a")), false, vec![vec!["a"]], false),
            (anyone().and(predicate("p", |_| true)), true, vec![vec![]], false),
        ] {
            assert_eq!(lists(&requirement), (anonymous, expected, any_token), "{requirement}");
        }
    }

    #[test]
    fn what_has_too_many_alternatives_has_none() {
        let names: Vec<_> = (0..10).map(|number| format!("s{number}")).collect();
        let (first, second) = names.split_at(5);
        let some = |names: &[String]| any_scope(names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(lists(&some(first)).1.len(), 5);
        assert_eq!(lists(&some(first).and(some(second))), (false, vec![vec![]], false));
        assert_eq!(lists(&any_of([some(first).and(some(second)), scope("a")])).1, [vec!["a"], vec![]]);
    }
}
