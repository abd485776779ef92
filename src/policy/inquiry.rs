//! Finding out whether a requirement about a resource is met: at once where that can be, or question by question.

use std::fmt;

use super::decide::Policy as _;
use super::decision::Decision;
use super::fact::{Fact, Facts, Told};
use super::input::PolicyInput;
use super::judge::Assumed;
use super::resource::{Aspect, Question, ResourceRequirement};
use super::term::Term;

/// What is known of one resource so far.
pub(crate) struct Inquiry<'a, T: ?Sized> {
    requirement: &'a ResourceRequirement<T>,
    known: Known<'a>,
}

struct Known<'a>(Vec<(&'a Fact, Told)>);

/// What comes next.
pub(crate) enum Step<'a, T: ?Sized> {
    Decided(Decision),
    /// No other question comes before the answer to this one is [told](Inquiry::tell).
    Ask(Asked<'a, T>),
    /// What nobody answered would decide it.
    Unanswered,
}

pub(crate) struct Asked<'a, T: ?Sized> {
    fact: &'a Fact,
    pub(crate) question: &'a Question<T>,
}

impl<'a, T: ?Sized> Inquiry<'a, T> {
    /// Looks at the resource, and asks nothing.
    pub(crate) fn new(
        requirement: &'a ResourceRequirement<T>,
        resource: &T,
        input: &PolicyInput<'_>,
    ) -> Self {
        let look = |(fact, aspect): &'a (Fact, Aspect<T>)| match aspect {
            Aspect::Look(look) => (fact, Told::Answer(look(resource, input))),
            Aspect::Ask(_) => (fact, Told::NotAsked),
        };
        Self { requirement, known: Known(requirement.aspects.iter().map(look).collect()) }
    }

    pub(crate) fn step(&self, input: &PolicyInput<'_>) -> Step<'a, T> {
        let input = input.with_facts(&self.known);
        let term = &self.requirement.requirement.0;
        if let Some(asked) = term.open_question(&input, true).and_then(|fact| self.question(fact)) {
            return Step::Ask(asked);
        }
        let decision = self.requirement.requirement.decide(&input);
        let hope = Assumed { not_asked: Some(true), unanswered: Some(true), ..Assumed::default() };
        // Of what was not asked any more some may not matter; what nobody answered does, or all would have been asked.
        match decision {
            Decision::Deny(_) if self.known.lacks_answers() && term.judge(&input, hope) == Some(true) => {
                Step::Unanswered
            }
            decision => Step::Decided(decision),
        }
    }

    /// `None`: there was no answer.
    pub(crate) fn tell(&mut self, asked: &Asked<'_, T>, answer: Option<bool>) {
        let told = answer.map_or(Told::Unanswered, |met| Told::Answer(Some(met)));
        for (fact, known) in &mut self.known.0 {
            if fact.is_same(asked.fact) {
                *known = told;
            }
        }
    }

    fn question(&self, open: &Fact) -> Option<Asked<'a, T>> {
        self.requirement.aspects.iter().find_map(|(fact, aspect)| match aspect {
            Aspect::Ask(question) if fact.is_same(open) => Some(Asked { fact, question }),
            _ => None,
        })
    }
}

impl<T: ?Sized> Asked<'_, T> {
    pub(crate) fn sentence(&self) -> &str {
        self.fact.as_str()
    }
}

impl Known<'_> {
    fn lacks_answers(&self) -> bool {
        self.0.iter().any(|(_, told)| *told == Told::Unanswered)
    }
}

impl Facts for Known<'_> {
    fn told(&self, fact: &Fact) -> Told {
        let known = self.0.iter().find(|(known, _)| known.is_same(fact));
        known.map_or(Told::Answer(None), |(_, told)| *told)
    }
}

impl Term {
    /// The first question, as they stand here, whose answer may help this to be met, or not to be where that is `wanted`. None
    /// where the rest has decided it, or where no answer would.
    fn open_question(&self, input: &PolicyInput<'_>, wanted: bool) -> Option<&Fact> {
        let as_it_is = self.judge(input, Assumed::default());
        let at_best = self.judge(input, Assumed { not_asked: Some(wanted), ..Assumed::default() });
        if at_best != Some(wanted) || as_it_is == at_best {
            return None;
        }
        match self {
            Self::Resource(fact) => Some(fact),
            Self::Not(part) => part.open_question(input, !wanted),
            whole => whole.parts().iter().find_map(|part| part.open_question(input, wanted)),
        }
    }
}

impl fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
