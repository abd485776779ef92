use std::collections::BTreeSet;
use std::time::Duration;

use super::nearest::unknown;
use super::node::{Member, Node, Reading, Value};

/// The members of a table, of which each is asked for by its name. What nobody asked for is unknown.
pub(super) struct Members<'n> {
    /// What the table is, in words.
    what: &'static str,
    at: usize,
    members: &'n [Member],
    asked: BTreeSet<&'static str>,
}

impl<'n> Members<'n> {
    pub(super) fn of(node: &'n Node, what: &'static str, reading: &mut Reading) -> Option<Self> {
        let Value::Table(members) = &node.value else {
            wrong(node, what, "a table", reading);
            return None;
        };
        Some(Self { what, at: node.at, members, asked: BTreeSet::new() })
    }

    pub(super) fn find(&mut self, name: &'static str) -> Option<&'n Node> {
        self.asked.insert(name);
        self.members.iter().find(|member| member.name == name).map(|member| &member.node)
    }

    /// These are no unknown ones.
    pub(super) fn know(&mut self, names: &[&'static str]) {
        self.asked.extend(names);
    }

    pub(super) fn needs(&mut self, name: &'static str, reading: &mut Reading) -> Option<&'n Node> {
        let node = self.find(name);
        if node.is_none() {
            let (at, what) = (self.at, self.what);
            let problems = reading.at(at);
            problems.add("missing_member", format!("{what} without `{name}`"));
        }
        node
    }

    pub(super) fn text(&mut self, name: &'static str, reading: &mut Reading) -> Option<&'n str> {
        self.find(name).and_then(|node| text(node, name, reading))
    }

    /// `None` is told.
    pub(super) fn needed_text(&mut self, name: &'static str, reading: &mut Reading) -> Option<&'n str> {
        self.needs(name, reading).and_then(|node| text(node, name, reading))
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&mut self, name: &'static str, reading: &mut Reading) -> Vec<&'n str> {
        self.find(name).map(|node| texts(node, name, reading)).unwrap_or_default()
    }

    pub(super) fn seconds(&mut self, name: &'static str, reading: &mut Reading) -> Option<Duration> {
        self.number(name, "a whole number of seconds", reading).map(Duration::from_secs)
    }

    pub(super) fn number<T: TryFrom<i64>>(
        &mut self,
        name: &'static str,
        what: &str,
        reading: &mut Reading,
    ) -> Option<T> {
        let node = self.find(name)?;
        let number = match node.value {
            Value::Number(number) => T::try_from(number).ok(),
            _ => None,
        };
        if number.is_none() {
            let problems = reading.at(node.at);
            problems.add("invalid_member", format!("`{name}` is {what}"));
        }
        number
    }

    /// `false` where it is missing.
    pub(super) fn flag(&mut self, name: &'static str, reading: &mut Reading) -> bool {
        match self.find(name) {
            Some(Node { value: Value::Bool(flag), .. }) => *flag,
            Some(node) => {
                wrong(node, &format!("`{name}`"), "`true` or `false`", reading);
                false
            }
            None => false,
        }
    }

    /// One of these names, by its value.
    pub(super) fn one_of<T>(
        &mut self,
        name: &'static str,
        known: &[&'static str],
        value: impl Fn(&str) -> Option<T>,
        reading: &mut Reading,
    ) -> Option<T> {
        let node = self.find(name)?;
        let written = text(node, name, reading)?;
        let value = value(written);
        if value.is_none() {
            let problems = reading.at(node.at);
            problems
                .add("invalid_member", format!("`{name}` is none of the known: {}", unknown(written, known)));
        }
        value
    }

    /// Notes the members that nobody asked for.
    pub(super) fn done(self, reading: &mut Reading) {
        let known: Vec<_> = self.asked.iter().copied().collect();
        for member in self.members.iter().filter(|member| !self.asked.contains(&*member.name)) {
            let hint = unknown(&member.name, &known);
            let name = member.name.escape_debug();
            let problems = reading.at(member.at);
            problems.add("unknown_member", format!("`{name}` is no member of {}: {hint}", self.what));
        }
    }
}

/// The members of a table whose names are the file's own, in the order in which they stand there.
pub(super) fn entries<'n>(node: &'n Node, what: &str, reading: &mut Reading) -> Vec<&'n Member> {
    let Value::Table(members) = &node.value else {
        wrong(node, what, "a table", reading);
        return Vec::new();
    };
    let mut entries: Vec<_> = members.iter().collect();
    entries.sort_by_key(|member| member.at);
    entries
}

pub(super) fn list<'n>(node: &'n Node, name: &str, reading: &mut Reading) -> &'n [Node] {
    match &node.value {
        Value::List(nodes) => nodes,
        _ => {
            wrong(node, &format!("`{name}`"), "a list", reading);
            &[]
        }
    }
}

pub(super) fn text<'n>(node: &'n Node, name: &str, reading: &mut Reading) -> Option<&'n str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => {
            wrong(node, &format!("`{name}`"), "a text", reading);
            None
        }
    }
}

pub(super) fn texts<'n>(node: &'n Node, name: &str, reading: &mut Reading) -> Vec<&'n str> {
    match &node.value {
        Value::Text(text) => vec![text],
        Value::List(nodes) => {
            let name = format!("{name}` has entries of another kind, and each of `{name}");
            nodes.iter().filter_map(|node| text(node, &name, reading)).collect()
        }
        _ => {
            wrong(node, &format!("`{name}`"), "a text or a list of texts", reading);
            Vec::new()
        }
    }
}

/// Says of what type a value should be. The value itself may be a secret in the wrong place.
fn wrong(node: &Node, what: &str, wanted: &str, reading: &mut Reading) {
    let found = node.value.in_words();
    let problems = reading.at(node.at);
    problems.add("invalid_member", format!("{what} is {wanted}, and not {found}"));
}
