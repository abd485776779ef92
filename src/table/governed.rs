//! Which rules are for an operation of a document, which may be for many paths.

use http::Method;

use super::policy_table::{Entry, PolicyTable};
use super::rule::Rule;
use super::template::Shape;

/// The rules for one operation.
#[derive(Debug, Default)]
pub(crate) struct Governed<'t> {
    /// The one for its paths in general; `None` where these are denied.
    pub(crate) rule: Option<&'t Rule>,
    /// Templates for some of its paths, with the rule that holds there instead. Without one these are denied.
    pub(crate) elsewhere: Vec<(&'t str, Option<&'t Rule>)>,
}

impl PolicyTable {
    /// The rules for each of these operations, which are all that a document has.
    pub(crate) fn governed<P: AsRef<str>>(&self, operations: &[(Method, P)]) -> Vec<Governed<'_>> {
        let shapes: Vec<_> = operations.iter().map(|(_, path)| Shape::documented(path.as_ref())).collect();
        let of = |((method, _), shape): (&(Method, P), &Result<Shape, _>)| match shape {
            Ok(shape) => self.rules_for(method, shape, &mut shapes.iter().flatten()),
            Err(_) => Governed::default(),
        };
        operations.iter().zip(&shapes).map(of).collect()
    }

    fn rules_for<'s>(
        &self,
        method: &Method,
        own: &Shape,
        documented: &mut (dyn Iterator<Item = &'s Shape> + '_),
    ) -> Governed<'_> {
        // Where a document has a more specific path, too, requests for that are another operation's (OpenAPI 3.1 §4.8.8.2).
        let others: Vec<_> = documented.filter(|other| own.covers(other) && !other.covers(own)).collect();
        let covering = self.templates().filter(|(rule, _)| rule.template.shape.covers(own));
        // Of those there is one that all others cover: a table without that is not built.
        let general = covering
            .reduce(|one, two| if one.0.template.shape.covers(&two.0.template.shape) { two } else { one });
        let is_more_specific = |shape: &Shape| {
            !shape.covers(own) && general.is_none_or(|(rule, _)| rule.template.shape.covers(shape))
        };
        let mut elsewhere = Vec::new();
        for (rule, entry) in self.templates() {
            let shape = &rule.template.shape;
            let Some(both) = shape.meet(own).filter(|_| is_more_specific(shape)) else { continue };
            if !others.iter().any(|other| other.covers(&both)) {
                elsewhere.push((rule.path(), self.rule_of(entry, method)));
            }
        }
        Governed { rule: general.and_then(|(_, entry)| self.rule_of(entry, method)), elsewhere }
    }

    /// Each template once, by a rule that has it.
    fn templates(&self) -> impl Iterator<Item = (&Rule, &Entry)> {
        self.shared.entries.iter().filter_map(|entry| Some((self.rules().get(entry.some_rule()?)?, entry)))
    }

    fn rule_of(&self, entry: &Entry, method: &Method) -> Option<&Rule> {
        self.rules().get(entry.rule(method)?)
    }
}
