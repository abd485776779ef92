use std::cmp::Ordering;

/// A set of names, made once and looked into often.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Names(Box<[Box<str>]>);

impl Names {
    pub(super) fn new(names: impl IntoIterator<Item = Box<str>>) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_unstable_by(|left, right| by_length(left, right));
        names.dedup();
        Self(names.into())
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        match &*self.0 {
            [] => false,
            [only] => **only == *name,
            names => names.binary_search_by(|held| by_length(held, name)).is_ok(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Most names are told apart by their lengths.
fn by_length(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}
