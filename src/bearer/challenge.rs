use std::time::Duration;

use http::{HeaderValue, Uri};

use super::scope::ScopeName;

/// The protection space named in every challenge (RFC 9110 §11.5).
#[derive(Clone, Debug)]
pub(crate) struct Realm(Box<str>);

impl Realm {
    /// Takes printable ASCII (and nothing that could end a field line).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.bytes().all(|byte| matches!(byte, 0x20..=0x7E)).then(|| Self(text.into()))
    }

    /// The default. Not the audience: a challenge does not tell which claims would have passed.
    pub(crate) fn api() -> Self {
        Self("api".into())
    }
}

/// The page that explains this server's errors (RFC 6750 §3 `error_uri`).
#[derive(Clone, Debug)]
pub(crate) struct ErrorUri(Box<str>);

impl ErrorUri {
    /// Takes an absolute http or https URI of the characters `%x21 / %x23-5B / %x5D-7E` (RFC 6750 §3).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let absolute = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        let plain = text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        (absolute && plain).then(|| Self(text.into()))
    }
}

/// What every challenge of a server says.
#[derive(Clone, Debug)]
pub(crate) struct Protection {
    pub(crate) realm: Realm,
    /// Sent beside every error code.
    pub(crate) error_uri: Option<ErrorUri>,
}

impl Protection {
    /// The defaults.
    pub(crate) fn api() -> Self {
        Self { realm: Realm::api(), error_uri: None }
    }
}

/// A `Bearer` challenge (RFC 6750 §3), made of parts that cannot break it: the realm is escaped, codes and
/// descriptions are our own constants, URI and scopes have a grammar without quotes. Nothing from a token gets here.
#[derive(Debug)]
pub(crate) struct Challenge<'a> {
    protection: &'a Protection,
    text: String,
}

impl<'a> Challenge<'a> {
    /// Starts a challenge. RFC 6750 §3: the scheme is followed by at least one parameter, so the realm is
    /// always there.
    pub(crate) fn bearer(protection: &'a Protection) -> Self {
        let mut text = String::with_capacity(128);
        text.push_str("Bearer realm=\"");
        // RFC 9110 §5.6.4: quoted-pair for what would end or escape the quoted-string.
        for character in protection.realm.0.chars() {
            if matches!(character, '"' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
        text.push('"');
        Self { protection, text }
    }

    /// Adds `error` and `error_description`. Both are constants of this crate within `%x20-21 / %x23-5B / %x5D-7E`.
    pub(crate) fn error(mut self, code: &'static str, description: &'static str) -> Self {
        for part in [", error=\"", code, "\", error_description=\"", description, "\""] {
            self.text.push_str(part);
        }
        if let Some(ErrorUri(uri)) = &self.protection.error_uri {
            for part in [", error_uri=\"", uri, "\""] {
                self.text.push_str(part);
            }
        }
        self
    }

    /// Adds all scopes that this request needs, in one `scope` parameter.
    pub(crate) fn scope(self, scopes: &[ScopeName]) -> Self {
        self.words("scope", scopes)
    }

    /// Adds the authentication context classes that are enough (RFC 9470 §3).
    pub(crate) fn acr_values(self, classes: &[ScopeName]) -> Self {
        self.words("acr_values", classes)
    }

    /// Adds the longest time since the user authenticated, in whole seconds (RFC 9470 §3).
    pub(crate) fn max_age(mut self, age: Option<Duration>) -> Self {
        if let Some(age) = age {
            self.text.push_str(&format!(", max_age=\"{}\"", age.as_secs()));
        }
        self
    }

    fn words(mut self, parameter: &str, words: &[ScopeName]) -> Self {
        for (index, word) in words.iter().enumerate() {
            if index == 0 {
                for part in [", ", parameter, "=\""] {
                    self.text.push_str(part);
                }
            } else {
                self.text.push(' ');
            }
            self.text.push_str(word.as_str());
        }
        if !words.is_empty() {
            self.text.push('"');
        }
        self
    }

    pub(crate) fn into_header_value(self) -> HeaderValue {
        // Every part is printable ASCII by construction; the fallback keeps a slip from becoming a panic.
        HeaderValue::try_from(self.text).unwrap_or_else(|_| HeaderValue::from_static("Bearer realm=\"api\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_escaped_and_control_characters_cannot_enter_it() {
        // covers: CHL-002, CHL-003, CHL-012, CHL-013
        let realm = Realm::parse(r#"my "api" \ x"#).unwrap();
        let protection = Protection { realm, error_uri: None };
        assert_eq!(Challenge::bearer(&protection).into_header_value(), r#"Bearer realm="my \"api\" \\ x""#);
        for text in ["a\r\nSet-Cookie: x", "a\0", "é", "\u{7f}"] {
            assert!(Realm::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn parameters_stand_once_and_in_order() {
        // covers: CHL-007, CHL-008, CHL-010, CHL-011
        let scopes = ["a", "b:c"].map(|scope| ScopeName::parse(scope).unwrap());
        let mut protection = Protection::api();
        let challenge = Challenge::bearer(&protection).error("insufficient_scope", "why").scope(&scopes);
        assert_eq!(
            challenge.into_header_value(),
            r#"Bearer realm="api", error="insufficient_scope", error_description="why", scope="a b:c""#
        );
        protection.error_uri = ErrorUri::parse("https://api.example.com/errors?a=b#c");
        let challenge = Challenge::bearer(&protection).error("invalid_token", "why");
        assert_eq!(
            challenge.into_header_value(),
            r#"Bearer realm="api", error="invalid_token", error_description="why", error_uri="https://api.example.com/errors?a=b#c""#
        );
        // An error page belongs to an error.
        assert_eq!(Challenge::bearer(&protection).scope(&[]).into_header_value(), r#"Bearer realm="api""#);
    }

    #[test]
    fn an_error_uri_is_absolute_and_cannot_break_the_challenge() {
        // covers: CHL-011
        for text in [
            "https://x/ a",
            "https://x/\"a",
            "https://x/\\a",
            "/errors",
            "x",
            "",
            "ftp://x/",
            "https://x/\r\n",
            "javascript:1",
        ] {
            assert!(ErrorUri::parse(text).is_none(), "{text:?}");
        }
    }
}
