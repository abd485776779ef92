//! A requirement as a policy.

use super::decide::Policy;
use super::decision::{Decision, Denial};
use super::explanation::{Considered, Explanation, Verdict};
use super::input::PolicyInput;
use super::judge::Assumed;
use super::requirement::Requirement;
use super::term::{Grant, Term};

impl Policy for Requirement {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        let met = match input.token() {
            Some(_) => self.0.is_met(input),
            None => self.0.takes_anonymous(input),
        };
        // Off the usual path: what was missing, and whether a client can get it.
        if met { Decision::Allow } else { Decision::Deny(self.denial(input)) }
    }

    fn takes_anonymous(&self) -> bool {
        self.0.may_take_anonymous()
    }

    fn explain(&self, input: &PolicyInput<'_>) -> Explanation {
        let asked = self.0.may_take_anonymous();
        Explanation::new(self.decide(input)).considering(self.0.considered(input, asked))
    }
}

impl Requirement {
    fn denial(&self, input: &PolicyInput<'_>) -> Denial {
        let Some(token) = input.token() else {
            return Denial::because(format!("required: {self}; the request has no token"));
        };
        let mut reason = format!("required: {self}");
        let missing = self.0.missing(input).map(Self);
        if let Some(missing) = missing.as_ref().filter(|missing| *missing != self) {
            reason.push_str(&format!("; missing: {missing}"));
        }
        // A program that forgot to apply its vocabulary finds out here, and nowhere else.
        for name in self.0.undefined() {
            reason.push_str(&format!("; nothing says what {name} means"));
        }
        // No list of groups is not an empty list of groups, and whoever reads this should know which it was.
        if token.leaves_out_groups() && self.0.judge(input, Assumed::default()).is_none() {
            reason.push_str(", but the token leaves out its groups (overage)");
        }
        let remedy = self.0.remedy(input);
        let denial = Denial::because(reason).with_scope_names(remedy.scopes);
        let denial = remedy.step_up.into_iter().fold(denial, Denial::with_step_up);
        missing.into_iter().fold(denial, Denial::with_missing)
    }
}

impl Term {
    /// `asked`: whether what this is a part of is ever asked about requests without a token.
    fn considered(&self, input: &PolicyInput<'_>, asked: bool) -> Considered {
        let asked = asked && self.may_bear_anonymous();
        let judged = match (input.token(), self) {
            (Some(_), _) => self.judge(input, Assumed::default()),
            (None, Self::Predicate(predicate)) if asked => predicate.judge(input),
            (None, _) => Some(self.takes_anonymous(input)),
        };
        let verdict = match judged {
            Some(true) => Verdict::Met,
            Some(false) => Verdict::NotMet,
            None => Verdict::CannotTell,
        };
        let considered = Considered::new(self.to_string(), verdict)
            .with_parts(self.parts().iter().map(|part| part.considered(input, asked)));
        match self {
            Self::Role(grant) | Self::Permission(grant) => {
                let signs = grant.signs.iter().map(|sign| sign.considered(input, asked));
                let considered = considered.with_parts(signs);
                grant.how().into_iter().fold(considered, Considered::because)
            }
            Self::Predicate(predicate) if !predicate.is_known() => {
                considered.because("the program has no predicate of this name")
            }
            Self::AuthorizationDetail(test) if verdict == Verdict::CannotTell => {
                considered.because(if test.locations.is_empty() {
                    "one that may be meant is ill-formed, or is for locations and none is named here"
                } else {
                    "one that may be meant is ill-formed"
                })
            }
            _ => considered,
        }
    }
}

impl Grant {
    /// Which roles would do, where it is not the one that it is named after.
    fn how(&self) -> Option<String> {
        if !self.is_defined() {
            return Some("no vocabulary says who has it".to_owned());
        }
        let others: Vec<_> =
            self.roles.iter().filter(|role| *role != &*self.name).map(|role| format!("`{role}`")).collect();
        (!others.is_empty()).then(|| format!("shown by role {}", others.join(", ")))
    }
}
