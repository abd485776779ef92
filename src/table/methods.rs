use std::fmt;

use http::Method;

/// The methods of a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Methods {
    /// Those that no other rule for the same path names, known or not.
    Any,
    These(Vec<Method>),
}

impl Methods {
    /// Reads `*`, or names with commas between them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        // RFC 9110 §9.1: case-sensitive. `get` is another method than GET, and no rule for it is what anybody means.
        let method = |name: &str| {
            // `*` could be the name of a method, too, but nobody means that either.
            let known = name != "*" && name.bytes().all(|byte| !byte.is_ascii_lowercase());
            known.then(|| Method::from_bytes(name.as_bytes()).ok()).flatten()
        };
        text.split(',').map(method).collect::<Option<_>>().map(Self::These)
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::These(methods) => {
                for (index, method) in methods.iter().enumerate() {
                    write!(f, "{}{method}", if index == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}
