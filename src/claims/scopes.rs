use std::fmt;

/// The scopes of a token: a list of `scope-token`s separated by spaces, in no order (RFC 6749 §3.3).
///
/// Comparison is by whole token and case-sensitive; `read:all-not` does not contain `read:all`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Scopes<'a>(&'a str);

impl<'a> Scopes<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Whether the token has this scope.
    #[must_use]
    pub fn contains(self, scope: &str) -> bool {
        // By bytes: the names are short, and a search for the next space costs more than reading up to it.
        !scope.is_empty()
            && self.0.as_bytes().split(|byte| *byte == b' ').any(|held| held == scope.as_bytes())
    }

    /// The scopes, as they stand in the token.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.0.split(' ').filter(|scope| !scope.is_empty())
    }
}

impl fmt::Debug for Scopes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scopes").finish_non_exhaustive()
    }
}
