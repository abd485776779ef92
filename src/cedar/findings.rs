use crate::policy::{Considered, Decision, Denial, Explanation, Verdict};

/// What came of the policies for one request.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) allowed: bool,
    /// The policies that determined it.
    pub(super) determining: Vec<Named>,
    /// Those that could not be evaluated.
    pub(super) failed: Vec<(Named, &'static str)>,
}

/// A policy by its name. They print in this order.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Named {
    pub(super) forbids: bool,
    pub(super) name: String,
}

impl Findings {
    pub(super) fn decision(&self) -> Decision {
        // Cedar passes over what it cannot evaluate. What might have forbidden the request must not be passed over.
        if self.allowed && !self.failed.iter().any(|(policy, _)| policy.forbids) {
            return Decision::Allow;
        }
        let determining: Vec<_> = if self.allowed { &[] } else { self.determining.as_slice() }
            .iter()
            .map(|policy| format!("`{}`", policy.name))
            .collect();
        let failed = self.failed.iter().map(|(policy, why)| {
            let effect = if policy.forbids { "forbids" } else { "permits" };
            format!("`{}`, which {effect}, cannot be evaluated ({why})", policy.name)
        });
        let first = match determining.as_slice() {
            [] if self.allowed => None,
            [] => Some("no Cedar policy permits it".to_owned()),
            names => Some(format!("forbidden by Cedar policy {}", names.join(", "))),
        };
        let reasons: Vec<_> = first.into_iter().chain(failed).collect();
        let denial = Denial::because(reasons.join("; "));
        let rule = self.determining.first().filter(|_| !self.allowed);
        Decision::Deny(rule.into_iter().fold(denial, |denial, rule| denial.with_rule(rule.name.as_str())))
    }

    pub(super) fn explanation(&self) -> Explanation {
        let determining =
            self.determining.iter().map(|policy| Considered::new(policy.to_string(), Verdict::Applies));
        let failed = self
            .failed
            .iter()
            .map(|(policy, why)| Considered::new(policy.to_string(), Verdict::CannotTell).because(*why));
        determining.chain(failed).fold(Explanation::new(self.decision()), Explanation::considering)
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} policy `{}`", if self.forbids { "forbid" } else { "permit" }, self.name)
    }
}
