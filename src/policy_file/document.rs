use std::collections::BTreeMap;
use std::sync::Arc;

use super::issuer::{Entry, entry};
use super::members::{Members, entries, list, text, texts};
use super::node::{Member, Node, Reading, Value};
use super::requirement::requirement;
use super::syntax::parsed;
use crate::policy::{Named, Requirement, Shadow, Vocabulary, VocabularyBuilder, shadow};
use crate::table::{PolicyTable, PolicyTableBuilder};

/// What a policy file says.
pub(super) struct Document {
    pub(super) issuers: Vec<Entry>,
    pub(super) policy: FileRules,
}

/// The rules that are in force, and those that are tried beside them.
#[derive(Clone, Debug)]
pub(super) struct FileRules {
    pub(super) table: PolicyTable,
    pub(super) tried: Option<Arc<Shadow<PolicyTable, PolicyTable>>>,
}

/// A requirement of the file, and where its rule begins.
type Rule<'n> = (&'n Member, Requirement);

impl Document {
    /// Reads the text of the file that is called so; `vocabulary` is the program's. `None` if there is any problem with it.
    pub(super) fn read(text: &str, vocabulary: VocabularyBuilder, reading: &mut Reading) -> Option<Self> {
        // A byte order mark is no part of what a text says.
        let root = parsed(text.strip_prefix('\u{feff}').unwrap_or(text), reading)?;
        let mut members = Members::of(&root, "a policy file", reading)?;
        let audiences = members.texts("audience", reading);
        let nodes = members.find("issuers").map(|node| list(node, "issuers", reading)).unwrap_or_default();
        let issuers: Vec<_> = nodes.iter().filter_map(|node| entry(node, &audiences, reading)).collect();
        let vocabulary = words(&mut members, vocabulary, reading);
        let vocabulary = vocabulary.checked(reading.anywhere());
        let rules = members.needs("rules", reading).map(|node| rules(node, "`rules`", reading));
        let tried = members.find("shadow_rules").map(|node| rules_of(node, reading));
        members.done(reading);
        let rules = rules.unwrap_or_default();
        let policy = file_rules(&rules, tried.as_deref(), &vocabulary, reading);
        note_duplicates(&issuers, reading);
        reading.anywhere().is_empty().then_some(Self { issuers, policy })
    }
}

fn rules_of<'n>(node: &'n Node, reading: &mut Reading) -> Vec<Rule<'n>> {
    rules(node, "`shadow_rules`", reading)
}

fn rules<'n>(node: &'n Node, what: &str, reading: &mut Reading) -> Vec<Rule<'n>> {
    let rules = entries(node, what, reading).into_iter();
    rules.filter_map(|member| Some((member, requirement(&member.node, reading)?))).collect()
}

/// The table of the rules, and that with some of them replaced and others added.
fn file_rules(
    rules: &[Rule<'_>],
    tried: Option<&[Rule<'_>]>,
    vocabulary: &Vocabulary,
    reading: &mut Reading,
) -> FileRules {
    let table = table(rules, vocabulary, reading);
    let tried = tried.map(|tried| {
        let mut all: Vec<_> = tried.to_vec();
        let stays = |(kept, _): &&Rule<'_>| !tried.iter().any(|(rule, _)| rule.name == kept.name);
        all.extend(rules.iter().filter(stays).cloned());
        Arc::new(shadow(table.clone(), self::table(&all, vocabulary, reading)))
    });
    FileRules { table, tried }
}

fn table(rules: &[Rule<'_>], vocabulary: &Vocabulary, reading: &mut Reading) -> PolicyTable {
    let builder = PolicyTable::builder().vocabulary(vocabulary.clone());
    let add = |builder: PolicyTableBuilder, (member, requirement): &Rule<'_>| {
        builder.rule_at(reading.place(member.at), &member.name, requirement.clone())
    };
    let builder = rules.iter().fold(builder, add);
    builder.checked(reading.anywhere())
}

/// Roles, scopes and the claim of permissions, beside what the program says of them.
fn words(
    members: &mut Members<'_>,
    mut words: VocabularyBuilder,
    reading: &mut Reading,
) -> VocabularyBuilder {
    if let Some(node) = members.find("permissions_at")
        && let Some(path) = text(node, "permissions_at", reading)
    {
        words = words.permissions_at(path).standing(Named::PermissionsClaim, "", reading.place(node.at));
    }
    let roles = members.find("roles").map(|node| entries(node, "`roles`", reading)).unwrap_or_default();
    for member in roles {
        words = words.standing(Named::Role, &member.name, reading.place(member.at));
        words = role(member, words, reading);
    }
    let scopes = members.find("scopes").map(|node| entries(node, "`scopes`", reading)).unwrap_or_default();
    for member in scopes {
        let implied = texts(&member.node, "scopes", reading);
        words = words.scope_implies(&member.name, implied);
        words = words.standing(Named::Scope, &member.name, reading.place(member.at));
    }
    words
}

fn role(member: &Member, mut words: VocabularyBuilder, reading: &mut Reading) -> VocabularyBuilder {
    let Some(mut members) = Members::of(&member.node, "a role", reading) else { return words };
    words = words.role_includes(&member.name, members.texts("includes", reading));
    words = words.role_permits(&member.name, members.texts("permissions", reading));
    let signs = members.find("shown_by").map(|node| match &node.value {
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(node),
    });
    for sign in signs.unwrap_or_default() {
        if let Some(sign) = requirement(sign, reading) {
            words = words.role_shown_by(&member.name, sign);
        }
    }
    members.done(reading);
    words
}

fn note_duplicates(issuers: &[Entry], reading: &mut Reading) {
    let mut seen = BTreeMap::new();
    for issuer in issuers {
        if seen.insert(issuer.identifier.as_str(), ()).is_some() {
            let problems = reading.at(issuer.at());
            problems.add("duplicate_issuer", "another issuer of the file has the same identifier");
        }
    }
}
