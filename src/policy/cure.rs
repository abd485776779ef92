//! What a client could get a token with that would be let in.

use std::time::Duration;

use super::input::PolicyInput;
use super::judge::Assumed;
use super::step_up::StepUp;
use super::term::{Scope, Term};
use crate::bearer::ScopeName;

/// Everything that this request needs of what clients can ask for, and not only what is missing: the next token replaces
/// this one (RFC 6750 §3.1).
#[derive(Debug, Default)]
pub(super) struct Cure {
    scopes: Vec<ScopeName>,
    /// Any of these, where one is needed.
    acr: Option<Vec<ScopeName>>,
    max_age: Option<Duration>,
}

/// Nothing but that all questions will be answered well.
const HOPEFUL: Assumed<'_> =
    Assumed { scopes: &[], acr: None, fresh: false, not_asked: Some(true), unanswered: None };

/// What to tell the client. Both may be empty.
#[derive(Debug, Default)]
pub(super) struct Remedy {
    pub(super) scopes: Vec<ScopeName>,
    pub(super) step_up: Option<StepUp>,
}

impl Term {
    /// What would have this request let in, if anything would that a client can ask for.
    pub(super) fn remedy(&self, input: &PolicyInput<'_>) -> Remedy {
        self.cure(input).and_then(|cure| cure.tried(self, input)).unwrap_or_default()
    }

    /// A question that nobody asked, since something else was missing, may turn out well.
    fn may_be_met(&self, input: &PolicyInput<'_>) -> bool {
        self.judge(input, HOPEFUL) == Some(true)
    }

    /// One way to meet this; of alternatives one that is met, or else the first that a client can reach.
    fn cure(&self, input: &PolicyInput<'_>) -> Option<Cure> {
        match self {
            Self::AllScopes(scopes) => {
                Some(Cure::of_scopes(scopes.iter().map(|scope| scope.name.clone()).collect()))
            }
            Self::AnyScope(scopes) => {
                let token = input.token()?;
                let is_held = |scope: &&Scope| scope.is_held(token, Assumed::default()) == Some(true);
                let one = scopes.iter().find(is_held).or(scopes.first())?;
                Some(Cure::of_scopes(vec![one.name.clone()]))
            }
            Self::Acr(classes) => Some(Cure { acr: Some(classes.to_vec()), ..Cure::default() }),
            Self::MaxAge(age) => Some(Cure { max_age: Some(*age), ..Cure::default() }),
            Self::AllOf(parts) => {
                parts.iter().try_fold(Cure::default(), |so_far, part| so_far.and(part.cure(input)?))
            }
            Self::AnyOf(parts) => {
                let met = parts.iter().find(|part| part.is_met(input));
                match met {
                    Some(part) => part.cure(input),
                    None => parts.iter().find_map(|part| part.cure(input)),
                }
            }
            _ => self.may_be_met(input).then(Cure::default),
        }
    }
}

impl Cure {
    fn of_scopes(scopes: Vec<ScopeName>) -> Self {
        Self { scopes, ..Self::default() }
    }

    fn and(mut self, other: Self) -> Option<Self> {
        for scope in other.scopes {
            if !self.scopes.contains(&scope) {
                self.scopes.push(scope);
            }
        }
        self.acr = match (self.acr, other.acr) {
            (Some(mut own), Some(other)) => {
                own.retain(|class| other.contains(class));
                // No class is both.
                (!own.is_empty()).then_some(Some(own))?
            }
            (own, other) => own.or(other),
        };
        self.max_age = match (self.max_age, other.max_age) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
        Some(self)
    }

    /// Tries before it tells: what a `not` turns against itself cures nothing. Names only what is the matter: scopes
    /// if some are missing, authentication if that is (RFC 9470 §3).
    fn tried(mut self, term: &Term, input: &PolicyInput<'_>) -> Option<Remedy> {
        let enough = |assumed: Assumed<'_>| term.judge(input, assumed) == Some(true);
        let scopes = self.scopes.as_slice();
        let fresh = self.max_age.is_some();
        if let Some(classes) = &mut self.acr {
            classes.retain(|class| enough(Assumed { scopes, acr: Some(class), fresh, ..HOPEFUL }));
            if classes.is_empty() {
                return None;
            }
        } else if !enough(Assumed { scopes, fresh, ..HOPEFUL }) {
            return None;
        }
        let lacks_authentication = !enough(Assumed { scopes, ..HOPEFUL });
        // With each of the classes, since the client chooses. Where scopes alone would do, they are what is missing.
        let without_scopes = |acr| enough(Assumed { acr, fresh, ..HOPEFUL });
        let lacks_scopes = !lacks_authentication
            || match &self.acr {
                Some(classes) => !classes.iter().all(|class| without_scopes(Some(class))),
                None => !without_scopes(None),
            };
        Some(Remedy {
            step_up: lacks_authentication.then(|| StepUp::of(self.acr.unwrap_or_default(), self.max_age)),
            scopes: if lacks_scopes { self.scopes } else { Vec::new() },
        })
    }
}
