//! What requirements ask about a resource.

use std::fmt;
use std::sync::Arc;

/// Something that holds of a resource and the token of a request, or does not: by how it reads.
///
/// Two of the same text are two: they are told apart by where they are in memory.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Fact(Arc<str>);

/// What is known of a fact.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Told {
    /// `None`: it cannot be told.
    Answer(Option<bool>),
    NotAsked,
    /// It was asked, and there was no answer.
    Unanswered,
}

/// What is known of one resource.
pub(super) trait Facts: fmt::Debug + Sync {
    fn told(&self, fact: &Fact) -> Told;
}

impl Fact {
    pub(super) fn new(sentence: &str) -> Self {
        Self(sentence.into())
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
