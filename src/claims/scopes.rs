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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_contained_exactly_where_it_is_listed() {
        // covers: JWT-022, JWT-023
        // Every text of up to six of these characters, and every scope of up to three.
        let texts = (0..3_u32.pow(6)).map(|number| {
            (0..6).map(|place| ['a', 'b', ' '][(number / 3_u32.pow(place) % 3) as usize]).collect::<String>()
        });
        for text in texts {
            for scope in ["", " ", "a", "b", "aa", "ab", "ba", "bb", "aab", "a b", "é"] {
                let scopes = Scopes::new(&text);
                assert_eq!(
                    scopes.contains(scope),
                    scopes.iter().any(|held| held == scope),
                    "{text:?} {scope:?}"
                );
            }
        }
    }
}
