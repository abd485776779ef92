use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::document::{Document, FileRules};
use super::events;
use super::issuer::Entry;
use super::node::Reading;
use crate::clock::Clock;
use crate::error::ConfigProblem;
use crate::issuers::{IssuerChange, Issuers, TrustedIssuer};
use crate::policy::{Decision, Explanation, Policy, PolicyInput, Requirement, VocabularyBuilder};
use crate::reload::{Digest, Follower, Reloaded, TextFile};
use crate::table::PolicyTable;

/// The rules of a [`PolicyFile`](crate::PolicyFile), as the file says them now: a policy for
/// [`require`](crate::ResourceServer::require). A cheap handle: clones are one policy.
///
/// [What happens when the file changes](crate::docs::policy_file#when-the-file-changes). A request is decided by one whole text of
/// the file.
#[derive(Clone)]
pub struct FilePolicy(Source);

#[derive(Clone)]
enum Source {
    /// Of a text that is in no file.
    Fixed(FileRules),
    File(Arc<Reloaded<Version>>),
}

/// One text of the file, checked.
pub(super) struct Version {
    policy: FileRules,
    issuers: Vec<Entry>,
    rules_changed: usize,
    issuers_changed: usize,
    /// Until it is made.
    change: Mutex<Option<IssuerChange>>,
}

/// What a new text is compared with, and changes.
pub(super) struct Keeper {
    file: Arc<str>,
    vocabulary: VocabularyBuilder,
    issuers: Issuers,
    in_force: Mutex<InForce>,
}

struct InForce {
    issuers: Vec<Entry>,
    table: PolicyTable,
}

impl FilePolicy {
    pub(super) fn fixed(policy: FileRules) -> Self {
        Self(Source::Fixed(policy))
    }

    /// A policy that changes with its file, and the issuers with it.
    pub(super) fn following<T>(
        file: &TextFile<T>,
        digest: Digest,
        document: &Document,
        keeper: Keeper,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let keeper = Arc::new(keeper);
        let version = Version {
            policy: document.policy.clone(),
            issuers: Vec::new(),
            rules_changed: 0,
            issuers_changed: 0,
            change: Mutex::default(),
        };
        let reader = Arc::clone(&keeper);
        let (file, content) = file.read_as(digest, version, move |text| reader.version(text));
        Self(Source::File(Reloaded::following(file, content, clock, Box::new(Following(keeper)))))
    }

    /// The rules that are in force now.
    #[must_use]
    pub fn table(&self) -> PolicyTable {
        self.with(|policy| policy.table.clone())
    }

    fn with<R>(&self, look: impl FnOnce(&FileRules) -> R) -> R {
        match &self.0 {
            Source::Fixed(policy) => look(policy),
            Source::File(file) => file.last(|version| look(&version.policy)),
        }
    }
}

impl Policy for FilePolicy {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        self.with(|policy| match &policy.tried {
            Some(both) => both.decide(input),
            None => policy.table.decide(input),
        })
    }

    fn takes_anonymous(&self) -> bool {
        self.with(|policy| policy.table.takes_anonymous())
    }

    fn explain(&self, input: &PolicyInput<'_>) -> Explanation {
        self.with(|policy| match &policy.tried {
            Some(both) => both.explain(input),
            None => policy.table.explain(input),
        })
    }
}

impl fmt::Debug for FilePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FilePolicy").field(&self.table()).finish()
    }
}

impl Keeper {
    pub(super) fn new(
        file: Arc<str>,
        vocabulary: VocabularyBuilder,
        issuers: Issuers,
        document: &Document,
    ) -> Self {
        let in_force = InForce { issuers: document.issuers.clone(), table: document.policy.table.clone() };
        Self { file, vocabulary, issuers, in_force: Mutex::new(in_force) }
    }

    /// Reads a new text, and checks everything that it would change.
    fn version(&self, text: &str) -> Result<Version, ConfigProblem> {
        let mut reading = Reading::new(&self.file, text);
        let document = Document::read(text, self.vocabulary.clone(), &mut reading);
        self.prepared(document, &mut reading)
            .ok_or_else(|| ConfigProblem::of_all(&reading.into_problems().into_error()))
    }

    fn prepared(&self, document: Option<Document>, reading: &mut Reading) -> Option<Version> {
        let Document { issuers, policy } = document?;
        let in_force = self.in_force();
        let is_kept = |one: &Entry, others: &[Entry]| others.iter().any(|other| other.is(one));
        let left = in_force.issuers.iter().filter(|before| !is_kept(before, &issuers));
        let leaving: Vec<_> = left.map(|before| before.identifier.clone()).collect();
        let new = issuers.iter().filter(|issuer| !is_kept(issuer, &in_force.issuers));
        let coming: Vec<TrustedIssuer> = new.clone().map(|issuer| issuer.trusted.clone()).collect();
        let added = new.filter(|issuer| !leaving.contains(&issuer.identifier)).count();
        let issuers_changed = leaving.len().saturating_add(added);
        let rules_changed = differences(&in_force.table, &policy.table);
        drop(in_force);
        let change = Mutex::new(Some(self.issuers.prepare(leaving, coming, reading.anywhere())?));
        Some(Version { policy, issuers, rules_changed, issuers_changed, change })
    }

    fn in_force(&self) -> MutexGuard<'_, InForce> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes the issuers together with the rules.
struct Following(Arc<Keeper>);

impl Follower<Version> for Following {
    /// First the issuers that leave, then the rules, then those that come: no token that is validated from then on meets the rules
    /// of a text that does not trust its issuer.
    fn follow(&self, new: &Version, swap: &mut dyn FnMut()) {
        let change = new.change.lock().unwrap_or_else(PoisonError::into_inner).take();
        match change {
            Some(change) => self.0.issuers.change(change, swap),
            None => swap(),
        }
        let in_force = InForce { issuers: new.issuers.clone(), table: new.policy.table.clone() };
        *self.0.in_force() = in_force;
    }

    fn report(
        &self,
        path: &Path,
        before: Option<&ConfigProblem>,
        after: Option<&ConfigProblem>,
        new: Option<&Version>,
    ) {
        match (after, new) {
            (None, Some(new)) => events::in_force(path, new.rules_changed, new.issuers_changed),
            (None, None) if before.is_some() => events::recovered(path),
            (Some(problem), _) if before != after => events::refused(path, problem),
            _ => {}
        }
    }
}

/// How many rules are in one table and not, or not so, in the other.
fn differences(before: &PolicyTable, after: &PolicyTable) -> usize {
    let rules = |table: &PolicyTable| -> HashMap<String, Requirement> {
        table.rules().iter().map(|rule| (rule.name().to_owned(), rule.requirement().clone())).collect()
    };
    let (before, after) = (rules(before), rules(after));
    let new = after.iter().filter(|(name, requirement)| before.get(*name) != Some(requirement)).count();
    new.saturating_add(before.keys().filter(|name| !after.contains_key(*name)).count())
}
