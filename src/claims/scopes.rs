use std::fmt;

use crate::json::Value;

/// The scopes of a token: a list of `scope-token`s in no order (RFC 6749 §3.3), mostly one string with spaces between
/// them.
///
/// Comparison is by whole token and case-sensitive; `read:all-not` does not contain `read:all`.
#[derive(Clone, Copy)]
pub struct Scopes<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Words(&'a str),
    /// An array.
    List(Value<'a>),
}

impl<'a> Scopes<'a> {
    pub(super) fn words(text: &'a str) -> Self {
        Self(Form::Words(text))
    }

    pub(crate) fn none() -> Self {
        Self::words("")
    }

    pub(super) fn list(value: Value<'a>) -> Option<Self> {
        value.as_array().map(|_| Self(Form::List(value)))
    }

    /// Whether the token has this scope.
    #[must_use]
    pub fn contains(self, scope: &str) -> bool {
        self.lists(scope) == Some(true)
    }

    /// The same, where "it cannot be told" must not be mistaken for "no": something in an array is no scope, and may
    /// be what was meant.
    pub(crate) fn lists(self, scope: &str) -> Option<bool> {
        let Form::Words(text) = self.0 else {
            let all_are_scopes = self.entries().all(|entry| entry.is_some());
            return if self.iter().any(|held| held == scope) {
                Some(true)
            } else {
                all_are_scopes.then_some(false)
            };
        };
        // By bytes: the names are short, and a search for the next space costs more than reading up to it.
        Some(
            !scope.is_empty()
                && text.as_bytes().split(|byte| *byte == b' ').any(|held| held == scope.as_bytes()),
        )
    }

    /// The scopes, as they stand in the token.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let text = if let Form::Words(text) = self.0 { text } else { "" };
        text.split(' ').filter(|scope| !scope.is_empty()).chain(self.entries().flatten())
    }

    /// The entries of an array, where they are scopes.
    fn entries(self) -> impl Iterator<Item = Option<&'a str>> {
        let array = if let Form::List(value) = self.0 { value.as_array() } else { None };
        // RFC 6749 §3.3: a scope has no space, and is not empty.
        let scope = |entry: Value<'a>| entry.as_str().filter(|text| !text.is_empty() && !text.contains(' '));
        array.into_iter().flatten().map(scope)
    }
}

impl Eq for Scopes<'_> {}

impl PartialEq for Scopes<'_> {
    /// The same scopes in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
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
    use crate::json::Document;

    #[test]
    fn an_array_of_scopes_is_read_like_the_same_words() {
        // covers: PRV-020
        for (array, words) in [
            (r#"["a","b","ab"]"#, "a b ab"),
            (r#"[]"#, ""),
            (r#"["a"]"#, "a"),
            (r#"["a\u0062","é"]"#, "ab é"),
        ] {
            let document = Document::parse(array).unwrap();
            let (list, words) = (Scopes::list(document.root()).unwrap(), Scopes::words(words));
            assert_eq!(list, words);
            for scope in ["", "a", "b", "ab", "é", "a b", "a b ab"] {
                assert_eq!(list.contains(scope), words.contains(scope), "{array} {scope:?}");
                assert_eq!(list.lists(scope), Some(words.contains(scope)), "{array} {scope:?}");
            }
        }
        for (array, told) in [(r#"["a",5]"#, None), (r#"["a","b c"]"#, None), (r#"["a",""]"#, None)] {
            let document = Document::parse(array).unwrap();
            let list = Scopes::list(document.root()).unwrap();
            assert_eq!((list.lists("a"), list.lists("b")), (Some(true), told), "{array}");
            assert_eq!(list.iter().collect::<Vec<_>>(), ["a"]);
        }
        for other in [r#""a""#, "5", "null", r#"{"a":"a"}"#] {
            assert!(Scopes::list(Document::parse(other).unwrap().root()).is_none());
        }
    }

    #[test]
    fn a_scope_is_contained_exactly_where_it_is_listed() {
        // covers: JWT-022, JWT-023
        // Every text of up to six of these characters, and every scope of up to three.
        let texts = (0..3_u32.pow(6)).map(|number| {
            (0..6).map(|place| ['a', 'b', ' '][(number / 3_u32.pow(place) % 3) as usize]).collect::<String>()
        });
        for text in texts {
            for scope in ["", " ", "a", "b", "aa", "ab", "ba", "bb", "aab", "a b", "é"] {
                let scopes = Scopes::words(&text);
                assert_eq!(
                    scopes.contains(scope),
                    scopes.iter().any(|held| held == scope),
                    "{text:?} {scope:?}"
                );
            }
        }
    }
}
