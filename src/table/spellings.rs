use std::collections::{BTreeMap, BTreeSet};

use crate::policy::octets;

/// The literals of all templates that can be spelled in another way, by what they are without percent-encoding.
///
/// Routers differ here: Axum's compares `%3A` with `:`, or `%c3` with `%C3`, as they stand, and others decode first. A path of
/// which this decides what it leads to is refused, as [`ambiguity`](super::canonical::ambiguity) refuses those that no table
/// could make unambiguous.
#[derive(Default)]
pub(super) struct Spellings(BTreeMap<Vec<u8>, BTreeSet<Box<str>>>);

impl Spellings {
    pub(super) fn add(&mut self, literal: &str) {
        if has_others(literal)
            && let Some(octets) = octets(literal)
        {
            self.0.entry(octets).or_default().insert(literal.into());
        }
    }

    /// Whether a segment of `path` is a literal, but spelled otherwise.
    pub(super) fn other_in(&self, path: &str) -> bool {
        let is_other = |segment: &str| {
            has_others(segment)
                && octets(segment)
                    .and_then(|octets| self.0.get(&octets))
                    .is_some_and(|literals| !literals.contains(segment))
        };
        !self.0.is_empty() && path.split('/').any(is_other)
    }
}

/// RFC 3986 §6.2.2.2: what is made of unreserved characters has no other spelling that is not refused anyway.
fn has_others(segment: &str) -> bool {
    !segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
