//! Requests without a token.

use super::fact::Told;
use super::input::PolicyInput;
use super::term::Term;

/// What a requirement says of a request that has no token.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Stance {
    Refuses,
    /// Has nothing against it, and does not take it either.
    Bears,
    Takes,
}

impl Term {
    /// Whether there may be requests without a token that this takes.
    pub(super) fn may_take_anonymous(&self) -> bool {
        self.stance(&|_| true) == Stance::Takes
    }

    /// Whether there may be requests without a token that this has nothing against.
    pub(super) fn may_bear_anonymous(&self) -> bool {
        self.stance(&|_| true) != Stance::Refuses
    }

    /// Whether this takes the request although it has no token. Where it never does, no predicate is asked.
    pub(super) fn takes_anonymous(&self, input: &PolicyInput<'_>) -> bool {
        let holds = |term: &Self| match term {
            Self::Predicate(predicate) => predicate.judge(input) == Some(true),
            Self::Resource(fact) => input.told(fact) == Told::Answer(Some(true)),
            _ => false,
        };
        self.may_take_anonymous() && self.stance(&holds) == Stance::Takes
    }

    /// Only `anyone` takes such a request: what a token lacks is not what nobody lacks, so `not` changes nothing
    /// here, and a predicate alone admits nobody.
    fn stance(&self, holds: &dyn Fn(&Self) -> bool) -> Stance {
        match self {
            Self::Anyone => Stance::Takes,
            Self::Predicate(_) | Self::Resource(_) if holds(self) => Stance::Bears,
            Self::AllOf(parts) => {
                let mut stances = parts.iter().map(|part| part.stance(holds));
                // The first that refuses has the last word, and no predicate behind it is asked.
                let together = stances.try_fold(Stance::Bears, |so_far, stance| match stance {
                    Stance::Refuses => None,
                    other => Some(so_far.max(other)),
                });
                together.unwrap_or(Stance::Refuses)
            }
            Self::AnyOf(parts) => {
                parts.iter().map(|part| part.stance(holds)).max().unwrap_or(Stance::Refuses)
            }
            _ => Stance::Refuses,
        }
    }
}
