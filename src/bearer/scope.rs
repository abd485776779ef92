use std::fmt;

/// One `scope-token`: `1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 §3.3).
///
/// The grammar leaves out the double quote, the backslash and everything below or beyond printable ASCII, so a
/// scope can stand in a challenge as it is (RFC 6750 §3).
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct ScopeName(Box<str>);

impl ScopeName {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let valid =
            !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        valid.then(|| Self(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
