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
    byte.is_ascii_alphanumeric()
        | (byte == b'-')
        | (byte == b'.')
        | (byte == b'_')
        | (byte == b'~')
        | (byte == b'+')
        | (byte == b'/')
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}
