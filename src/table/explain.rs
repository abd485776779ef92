use super::policy_table::PolicyTable;
use super::rule::Rule;
use crate::policy::{Considered, Explanation, Policy as _, PolicyInput, Verdict};

impl PolicyTable {
    /// The decision, the rule that made it with its parts, and why each of the others is not for this request.
    pub(super) fn explained(&self, input: &PolicyInput<'_>) -> Explanation {
        let found = self.find(input.method(), input.path());
        let mut explanation = Explanation::new(self.decide(input));
        for rule in self.rules() {
            let considered = match &found {
                Ok(found) if std::ptr::eq(found.rule, rule) => {
                    let of_requirement = rule.requirement.explain(&input.with_parameters(found));
                    let parts = of_requirement.considered().iter().cloned();
                    Considered::new(named(rule), Verdict::Applies).with_parts(parts)
                }
                _ => Considered::new(named(rule), Verdict::DoesNotApply).because(self.why_not(rule, input)),
            };
            explanation = explanation.considering(considered);
        }
        explanation
    }

    fn why_not(&self, rule: &Rule, input: &PolicyInput<'_>) -> String {
        if let Some(unclear) = self.unclear(input.path()) {
            return unclear.to_owned();
        }
        let matches = rule.template.shape.matches(input.path());
        let chosen = self.shared.tree.find(input.path()).and_then(|place| self.shared.entries.get(place));
        let is_own = |rules: &[(http::Method, usize)], any: Option<usize>| {
            let mut rules = rules.iter().map(|(_, rule)| *rule).chain(any);
            rules.any(|index| self.rules().get(index).is_some_and(|own| std::ptr::eq(own, rule)))
        };
        if !matches {
            "its path is another".to_owned()
        } else if !chosen.is_some_and(|entry| is_own(&entry.methods, entry.any)) {
            "a more specific path has rules".to_owned()
        } else if let Some(why) = self.find(input.method(), input.path()).err() {
            why.to_owned()
        } else {
            "another rule for its path is for this method".to_owned()
        }
    }
}

fn named(rule: &Rule) -> String {
    format!("rule `{}`", rule.name())
}
