use std::fmt;
use std::sync::Arc;

use super::input::PolicyInput;

/// A question of the program's own, by its name.
#[derive(Clone)]
pub(super) struct Predicate {
    pub(super) name: Arc<str>,
    /// `None`: named in data, and nobody has said yet what it asks.
    test: Option<Arc<Test>>,
}

type Test = dyn Fn(&PolicyInput<'_>) -> bool + Send + Sync;

impl Predicate {
    pub(super) fn new(name: &str, test: impl Fn(&PolicyInput<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self { name: name.into(), test: Some(Arc::new(test)) }
    }

    pub(super) fn named(name: &str) -> Self {
        Self { name: name.into(), test: None }
    }

    pub(super) fn is_known(&self) -> bool {
        self.test.is_some()
    }

    /// What nobody has defined cannot be told, so neither it nor its opposite admits.
    pub(super) fn judge(&self, input: &PolicyInput<'_>) -> Option<bool> {
        self.test.as_ref().map(|test| test(input))
    }
}

impl Eq for Predicate {}

impl PartialEq for Predicate {
    /// By name: two closures cannot be compared.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Predicate").field(&self.name).finish()
    }
}
