use std::fmt;

/// An access token as it was presented: a borrowed string that cannot be printed.
///
/// Its text is `token68` (RFC 9110 §11.2, `b64token` in RFC 6750 §2.1) and at most 16 KiB long. Whether it is
/// a JWT or opaque is for a validator to say.
#[derive(Clone, Copy)]
pub struct BearerToken<'a>(&'a str);

impl<'a> BearerToken<'a> {
    /// Takes a text of the grammar `token68`: `1*( ALPHA / DIGIT / "-._~+/" ) *"="`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let body = text.trim_end_matches('=');
        // Every byte is looked at, without an early exit: the loop is then vectorized, and it runs over a
        // kilobyte for each request.
        let valid = body.bytes().fold(true, |valid, byte| valid & is_token68(byte));
        (valid && !body.is_empty()).then_some(Self(text))
    }

    /// A text that was parsed before.
    pub(super) fn of_grammar(text: &'a str) -> Self {
        Self(text)
    }

    /// The token's text. It is a secret: whoever has it can use it.
    #[must_use]
    pub fn expose_secret(self) -> &'a str {
        self.0
    }
}

fn is_token68(byte: u8) -> bool {
    // As few comparisons as the table of ASCII allows: letters of both cases at once, and `-./0123456789` in a row.
    (byte | 0x20).is_ascii_lowercase()
        | matches!(byte, b'-'..=b'9')
        | (byte == b'_')
        | (byte == b'~')
        | (byte == b'+')
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_of_the_grammar_or_not_as_the_rfc_lists_them() {
        // covers: EXT-004
        let listed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
        for character in (0..=0xFF_u8).map(char::from).filter(|character| *character != '=') {
            // Alone, and where sixteen are looked at together.
            for (before, after) in [(0, 0), (20, 0), (3, 40), (40, 3)] {
                let text = format!("{}{character}{}", "a".repeat(before), "b".repeat(after));
                assert_eq!(BearerToken::parse(&text).is_some(), listed.contains(character), "{text:?}");
            }
        }
        for (text, valid) in [("", false), ("=", false), ("a=", true), ("a==", true), ("a=b", false)] {
            assert_eq!(BearerToken::parse(text).is_some(), valid, "{text:?}");
        }
    }
}
