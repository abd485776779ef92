use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::Method;

use super::methods::Methods;
use super::policy_table::{Entry, PolicyTable, Rules};
use super::rule::Rule;
use super::spellings::Spellings;
use super::template::{Shape, Template};
use super::tree::Tree;
use crate::error::{ConfigError, Place, Problems};
use crate::policy::{Policy as _, Requirement, Vocabulary};

/// Gathers the rules of a [`PolicyTable`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct PolicyTableBuilder {
    rules: Vec<(String, Requirement, Option<Place>)>,
    vocabulary: Vocabulary,
}

impl PolicyTable {
    /// Starts with no rule, which denies everything.
    pub fn builder() -> PolicyTableBuilder {
        PolicyTableBuilder::default()
    }
}

impl PolicyTableBuilder {
    /// What the names in all requirements of the table mean. Default: nothing but themselves.
    pub fn vocabulary(mut self, vocabulary: Vocabulary) -> Self {
        self.vocabulary = vocabulary;
        self
    }

    /// Adds a rule: methods with commas between them (or `*`), a space, and a path template, such as
    /// `GET /orders/{id}`, `PUT,PATCH /orders/{id}` or `* /admin/{*rest}`. [`PolicyTable`] says which rule is for a request; the
    /// order of rules does not matter.
    pub fn rule(mut self, methods_and_path: impl Into<String>, requirement: Requirement) -> Self {
        self.rules.push((methods_and_path.into(), requirement, None));
        self
    }

    /// Adds a rule that stands in a file.
    #[cfg(feature = "policy-file")]
    pub(crate) fn rule_at(mut self, place: Place, methods_and_path: &str, requirement: Requirement) -> Self {
        self.rules.push((methods_and_path.to_owned(), requirement, Some(place)));
        self
    }

    /// Checks the rules.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] with every problem there is, by code: `invalid_rule` (not methods, a space and a path template),
    /// `duplicate_rule` (the same method and paths as another, so one of them would never be used), `ambiguous_rules` (two
    /// templates match the same paths, neither is more specific, and no rule is for just those paths),
    /// `unknown_path_parameter` (of a claim that is to be equal to one), and for names the codes of [`Vocabulary::apply`].
    pub fn build(self) -> Result<PolicyTable, ConfigError> {
        let mut problems = Problems::default();
        let table = self.checked(&mut problems);
        if problems.is_empty() { Ok(table) } else { Err(problems.into_error()) }
    }

    /// What of it is sound, and the problems of the rest.
    pub(crate) fn checked(self, problems: &mut Problems) -> PolicyTable {
        let mut rules = Vec::with_capacity(self.rules.len());
        let (mut entries, mut places) = (Vec::<Entry>::new(), BTreeMap::<Shape, usize>::new());
        let mut stands = BTreeMap::<usize, Place>::new();
        let (mut tree, mut spellings) = (Tree::default(), Spellings::default());
        for (text, requirement, at) in self.rules {
            problems.set_place(at.as_ref());
            let requirement = self.vocabulary.bind(requirement, problems);
            let rule = match read(&text, requirement) {
                Ok(rule) => rule,
                Err(why) => {
                    problems.add("invalid_rule", format!("rule `{text}`: {why}"));
                    continue;
                }
            };
            for name in rule.requirement.path_parameters() {
                if !rule.template.names.iter().any(|own| **own == *name) {
                    let message = format!("rule `{text}`: its path has no `{{{name}}}`");
                    problems.add("unknown_path_parameter", message);
                }
            }
            let place = *places.entry(rule.template.shape.clone()).or_insert_with(|| {
                let place = entries.len();
                entries.push(Entry::default());
                tree.insert(&rule.template.shape, place);
                rule.template.shape.segments().flatten().for_each(|literal| spellings.add(literal));
                place
            });
            if let Some(at) = at {
                stands.entry(place).or_insert(at);
            }
            let entry = entries.get_mut(place);
            if let Some(method) = entry.and_then(|entry| entry.add(&rule.methods, rules.len())) {
                let message = format!("rule `{text}`: another is for {method} and the same paths");
                problems.add("duplicate_rule", message);
            }
            rules.push(rule);
        }
        for (first, second, both) in ambiguities(&places, &tree) {
            // The later one is mostly what is new.
            let later = places.get(first).max(places.get(second));
            problems.set_place(later.and_then(|place| stands.get(place)));
            let message = format!(
                "`{}` and `{}` both match `{}`: add a rule for that",
                first.example(),
                second.example(),
                both.example()
            );
            problems.add("ambiguous_rules", message);
        }
        problems.set_place(None);
        let takes_anonymous = rules.iter().any(|rule| rule.requirement.takes_anonymous());
        PolicyTable { shared: Arc::new(Rules { rules, entries, tree, spellings, takes_anonymous }) }
    }
}

impl Entry {
    /// Adds a rule, or returns the method that has one already.
    fn add(&mut self, methods: &Methods, rule: usize) -> Option<String> {
        match methods {
            Methods::Any => self.any.replace(rule).map(|_| "`*`".to_owned()),
            Methods::These(methods) => {
                let mut taken = None;
                for method in methods {
                    if self.methods.iter().any(|(own, _)| own == method) {
                        taken = Some(Method::to_string(method));
                    }
                    self.methods.push((method.clone(), rule));
                }
                taken
            }
        }
    }
}

fn read(text: &str, requirement: Requirement) -> Result<Rule, String> {
    let Some((methods, path)) = text.split_once(' ') else {
        return Err("not methods, a space and a path".to_owned());
    };
    let Some(methods) = Methods::parse(methods) else {
        return Err(format!("`{methods}` is no list of methods in upper case"));
    };
    let template = Template::parse(path)?;
    Ok(Rule { name: text.into(), methods, template, requirement })
}

/// Pairs of shapes for some of the same paths, of which neither is for all paths of the other, where no shape is for just
/// those that both are for. In the order in which they were written.
fn ambiguities<'p>(
    places: &'p BTreeMap<Shape, usize>,
    tree: &Tree,
) -> impl Iterator<Item = (&'p Shape, &'p Shape, Shape)> {
    let shapes: BTreeMap<usize, &Shape> = places.iter().map(|(shape, place)| (*place, shape)).collect();
    let in_order = |(one, other): (usize, usize)| (one.min(other), one.max(other));
    let pairs: BTreeSet<_> = tree.overlaps().into_iter().map(in_order).collect();
    pairs.into_iter().filter_map(move |(first, second)| {
        let (first, second) = (*shapes.get(&first)?, *shapes.get(&second)?);
        let both = first.meet(second)?;
        (!places.contains_key(&both)).then_some((first, second, both))
    })
}
