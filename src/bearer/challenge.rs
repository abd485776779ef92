use http::HeaderValue;

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

/// A `Bearer` challenge (RFC 6750 §3), made of parts that cannot break it: the realm is escaped, codes and
/// descriptions are our own constants, scopes have a grammar without quotes. Nothing from a token gets here.
#[derive(Debug)]
pub(crate) struct Challenge {
    text: String,
}

impl Challenge {
    /// Starts a challenge. RFC 6750 §3: the scheme is followed by at least one parameter, so the realm is
    /// always there.
    pub(crate) fn bearer(realm: &Realm) -> Self {
        let mut text = String::with_capacity(128);
        text.push_str("Bearer realm=\"");
        // RFC 9110 §5.6.4: quoted-pair for what would end or escape the quoted-string.
        for character in realm.0.chars() {
            if matches!(character, '"' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
        text.push('"');
        Self { text }
    }

    /// Adds `error` and `error_description`. Both are constants of this crate within `%x20-21 / %x23-5B / %x5D-7E`.
    pub(crate) fn error(mut self, code: &'static str, description: &'static str) -> Self {
        for part in [", error=\"", code, "\", error_description=\"", description, "\""] {
            self.text.push_str(part);
        }
        self
    }

    /// Adds all scopes that this request needs, in one `scope` parameter.
    pub(crate) fn scope(mut self, scopes: &[ScopeName]) -> Self {
        for (index, scope) in scopes.iter().enumerate() {
            self.text.push_str(if index == 0 { ", scope=\"" } else { " " });
            self.text.push_str(scope.as_str());
        }
        if !scopes.is_empty() {
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
        assert_eq!(Challenge::bearer(&realm).into_header_value(), r#"Bearer realm="my \"api\" \\ x""#);
        for text in ["a\r\nSet-Cookie: x", "a\0", "é", "\u{7f}"] {
            assert!(Realm::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn parameters_stand_once_and_in_order() {
        // covers: CHL-007, CHL-008, CHL-010
        let scopes = ["a", "b:c"].map(|scope| ScopeName::parse(scope).unwrap());
        let challenge = Challenge::bearer(&Realm::api()).error("insufficient_scope", "why").scope(&scopes);
        assert_eq!(
            challenge.into_header_value(),
            r#"Bearer realm="api", error="insufficient_scope", error_description="why", scope="a b:c""#
        );
        assert_eq!(Challenge::bearer(&Realm::api()).scope(&[]).into_header_value(), r#"Bearer realm="api""#);
    }
}
