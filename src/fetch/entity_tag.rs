use http::{HeaderMap, HeaderValue, header};

/// Longer ones are not kept: a tag stays in memory as long as the document.
const LONGEST: usize = 1024;

/// An entity tag (RFC 9110 §8.8.3) to ask with, later, whether a document has changed. A weak one will do: `If-None-Match`
/// compares weakly (§13.1.2).
///
/// Deliberately not `Last-Modified`: it counts in seconds (§8.8.2.2), so a set that changes twice within one would stay
/// the old one for us, keys that were withdrawn included. Without a tag the document is fetched, which costs a few KiB.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EntityTag(HeaderValue);

impl EntityTag {
    /// The tag of an answer, if it is one. Sent back, `*` would match whatever there is (§13.1.2), and a list any of
    /// its members.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::ETAG).iter();
        let value = values.next().filter(|value| value.len() <= LONGEST)?;
        let opaque = without_weakness(value).strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let one = opaque.iter().all(|&byte| byte > b' ' && byte != b'"' && byte != 0x7F);
        (one && values.next().is_none()).then(|| Self(value.clone()))
    }

    pub(super) fn value(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Whether a 304 speaks of what this tag is of: it has the same one, compared weakly (§8.8.3.2), or none.
    pub(super) fn is_of_answer(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(header::ETAG).iter();
        values.all(|value| without_weakness(value) == without_weakness(&self.0))
    }
}

fn without_weakness(tag: &HeaderValue) -> &[u8] {
    tag.as_bytes().strip_prefix(b"W/").unwrap_or(tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_one_quoted_string_of_bounded_length() {
        let of = |values: &[&[u8]]| {
            let values = values.iter().map(|value| (header::ETAG, HeaderValue::from_bytes(value).unwrap()));
            EntityTag::of(&values.collect())
        };
        let quoted = |length: usize| format!("\"{}\"", "x".repeat(length - 2)).into_bytes();
        for tag in [b"\"a\"".as_slice(), b"W/\"a\"", b"\"\"", b"\"a,b\"", b"\"\xfc\"", &quoted(1024)] {
            assert_eq!(of(&[tag]).unwrap().value(), tag);
        }
        for tag in [
            b"*".as_slice(),
            b"",
            b"\"",
            b"a",
            b"w/\"a\"",
            b"W/a",
            b"\"a",
            b"a\"",
            b"\"a\", \"b\"",
            b"\"a b\"",
            b"\"a\tb\"",
            &quoted(1025),
        ] {
            assert_eq!(of(&[tag]), None, "{}", tag.escape_ascii());
        }
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[b"\"a\"", b"\"a\""]), None);
    }

    #[test]
    fn a_tag_is_compared_without_its_weakness() {
        let answer = |values: &[&'static str]| {
            let values = values.iter().map(|value| (header::ETAG, HeaderValue::from_static(value)));
            values.collect::<HeaderMap>()
        };
        for known in ["\"a\"", "W/\"a\""] {
            let known = EntityTag::of(&answer(&[known])).unwrap();
            for same in [&[][..], &["\"a\""], &["W/\"a\""]] {
                assert!(known.is_of_answer(&answer(same)), "{same:?}");
            }
            for other in
                [&["\"b\""][..], &["W/\"b\""], &["\"A\""], &["*"], &[""], &["a"], &["\"a\"", "\"b\""]]
            {
                assert!(!known.is_of_answer(&answer(other)), "{other:?}");
            }
        }
    }
}
