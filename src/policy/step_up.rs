use std::time::Duration;

use super::requirement::InvalidScope;
use crate::bearer::ScopeName;

/// Authentication that a request needs and its token does not show (RFC 9470): the end user is to log in again, or more
/// strongly.
///
/// A [denial](crate::Denial::with_step_up) that has one is answered with 401 `insufficient_user_authentication`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StepUp {
    acr_values: Vec<ScopeName>,
    max_age: Option<Duration>,
}

impl StepUp {
    /// Names nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Authentication context classes, any of which is enough, the preferred first.
    ///
    /// # Errors
    ///
    /// An [`InvalidScope`] if one of them cannot stand in a challenge, where it has the grammar of a scope.
    pub fn acr_values<'a>(mut self, values: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidScope> {
        for value in values {
            self.acr_values.push(InvalidScope::or_name(value)?);
        }
        Ok(self)
    }

    /// The longest time since the end user authenticated. Fractions of a second are cut off.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    pub(super) fn of(acr_values: Vec<ScopeName>, max_age: Option<Duration>) -> Self {
        Self { acr_values, max_age }
    }

    /// The authentication context classes that are enough, the preferred first; empty if the class is not the matter.
    pub fn accepted_acr_values(&self) -> impl Iterator<Item = &str> {
        self.acr_values.iter().map(ScopeName::as_str)
    }

    /// The longest time since the end user authenticated, if that is the matter.
    #[must_use]
    pub fn longest_age(&self) -> Option<Duration> {
        self.max_age
    }

    pub(crate) fn acr_names(&self) -> &[ScopeName] {
        &self.acr_values
    }
}
