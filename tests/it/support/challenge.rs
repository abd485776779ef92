//! A reader of `WWW-Authenticate`, written from the grammar of RFC 9110 §11.6.1 and nothing else.

/// `challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ]`
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Challenge {
    pub(crate) scheme: String,
    pub(crate) token68: Option<String>,
    /// Names and unquoted values, in order.
    pub(crate) parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter that stands once; names are compared without regard to case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} stands twice in {self:?}");
        value
    }

    /// `WWW-Authenticate = #challenge`; `None` where the value is anything else.
    pub(crate) fn list(value: &str) -> Option<Vec<Self>> {
        let (mut rest, mut challenges) = (Reader(value), Vec::<Self>::new());
        loop {
            // RFC 9110 §5.6.1.2: a recipient takes empty list elements.
            while rest.spaces() + usize::from(rest.skip(",")) > 0 {}
            if rest.0.is_empty() {
                return Some(challenges);
            }
            // After a comma stands the next parameter of the same challenge, or the next challenge.
            let fork = Reader(rest.0);
            if let Some(last) = challenges.last_mut()
                && last.token68.is_none()
                && let Some(parameter) = rest.parameter()
            {
                last.parameters.push(parameter);
            } else {
                rest = fork;
                challenges.push(rest.challenge()?);
            }
            rest.spaces();
            if !(rest.0.is_empty() || rest.0.starts_with(',')) {
                return None;
            }
        }
    }
}

struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn skip(&mut self, prefix: &str) -> bool {
        let rest = self.0.strip_prefix(prefix);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take_while(&mut self, part: impl Fn(char) -> bool) -> String {
        let end = self.0.find(|letter| !part(letter)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken.to_owned()
    }

    /// OWS and BWS.
    fn spaces(&mut self) -> usize {
        self.take_while(|letter| matches!(letter, ' ' | '\t')).len()
    }

    /// RFC 9110 §5.6.2.
    fn token(&mut self) -> Option<String> {
        let token =
            self.take_while(|letter| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter));
        (!token.is_empty()).then_some(token)
    }

    /// `auth-param = token BWS "=" BWS ( token / quoted-string )`
    fn parameter(&mut self) -> Option<(String, String)> {
        let name = self.token()?;
        self.spaces();
        if !self.skip("=") {
            return None;
        }
        self.spaces();
        let value = if self.skip("\"") { self.quoted_string()? } else { self.token()? };
        Some((name, value))
    }

    /// RFC 9110 §5.6.4, behind the opening quote.
    fn quoted_string(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut letters = self.0.chars();
        loop {
            let letter = match letters.next()? {
                '"' => break,
                '\\' => letters.next()?,
                letter => letter,
            };
            let allowed = matches!(letter, '\t' | ' '..='~') || !letter.is_ascii();
            text.push(allowed.then_some(letter)?);
        }
        self.0 = letters.as_str();
        Some(text)
    }

    fn challenge(&mut self) -> Option<Challenge> {
        let scheme = self.token()?;
        let mut challenge = Challenge { scheme, token68: None, parameters: Vec::new() };
        if !self.0.starts_with(' ') {
            return Some(challenge);
        }
        self.spaces();
        let fork = self.0;
        let mut text = self.take_while(|letter| letter.is_ascii_alphanumeric() || "-._~+/".contains(letter));
        text += &self.take_while(|letter| letter == '=');
        let ends = Reader(self.0.trim_start_matches([' ', '\t'])).0;
        if !text.starts_with('=') && !text.is_empty() && (ends.is_empty() || ends.starts_with(',')) {
            challenge.token68 = Some(text);
            return Some(challenge);
        }
        self.0 = fork;
        challenge.parameters.extend(self.parameter());
        (!challenge.parameters.is_empty() || self.0.is_empty() || self.0.starts_with(','))
            .then_some(challenge)
    }
}

#[test]
fn challenges_are_read_as_their_grammar_says() {
    let names = |value: &str| {
        let challenges = Challenge::list(value)?;
        let show = |challenge: &Challenge| {
            let parameters: Vec<_> =
                challenge.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let token = challenge.token68.as_deref().unwrap_or_default();
            format!("{}({token}{})", challenge.scheme, parameters.join(";"))
        };
        Some(challenges.iter().map(show).collect::<Vec<_>>().join(" "))
    };
    for (value, expected) in [
        ("Bearer", Some("Bearer()")),
        (r#"Bearer realm="a, b=\"c\" \\", error=x"#, Some(r#"Bearer(realm=a, b="c" \;error=x)"#)),
        (r#"Basic realm="x", Bearer realm="y", error="e""#, Some("Basic(realm=x) Bearer(realm=y;error=e)")),
        ("Negotiate YWJj==, , Bearer a = b", Some("Negotiate(YWJj==) Bearer(a=b)")),
        ("", Some("")),
        (r#"Bearer realm="open"#, None),
        (r#"Bearer realm="a" error="b""#, None),
        (r#"Bearer realm=a b"#, None),
        ("Bearer =", None),
        ("Bearer a=\"\u{1}\"", None),
    ] {
        assert_eq!(names(value).as_deref(), expected, "{value}");
    }
}
