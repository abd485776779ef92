use std::fmt;

use crate::error::ConfigProblem;
use crate::json::Value;

/// Where a claim stands: a member name, or a path of names through nested objects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ClaimPath(Box<[Box<str>]>);

/// A claim whose path leads through something that is no object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unreadable;

impl ClaimPath {
    /// Reads `roles` or `https://example.com/roles` (a name) or `/realm_access/roles` (a JSON Pointer).
    ///
    /// `realm_access.roles` and `realm_access/roles` are refused: they could be a name or a path, and the wrong
    /// guess would be a rule that never matches.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigProblem> {
        let Some(pointer) = text.strip_prefix('/') else {
            if text.contains(['.', '/']) && !text.contains("://") {
                let pointer = text.replace('.', "/");
                let message = format!(
                    "claim path `{text}` is ambiguous: write `/{pointer}` for nested members or, if that is one name, \
                     its JSON Pointer"
                );
                return Err(ConfigProblem::new("ambiguous_claim_path", message));
            }
            return Self::of([text.into()].into());
        };
        // RFC 6901 §3: a tilde stands only before 0 or 1.
        if pointer.split('~').skip(1).any(|after| !after.starts_with(['0', '1'])) {
            let message = format!("claim path `{text}` has a `~` that is neither `~0` nor `~1`");
            return Err(ConfigProblem::new("invalid_claim_path", message));
        }
        // RFC 6901 §4: "~1" first, then "~0", or "~01" would become "/".
        let unescape = |name: &str| name.replace("~1", "/").replace("~0", "~").into_boxed_str();
        Self::of(pointer.split('/').map(unescape).collect())
    }

    fn of(names: Box<[Box<str>]>) -> Result<Self, ConfigProblem> {
        if names.iter().any(|name| name.is_empty() || name.trim() != &**name) {
            let message = "a claim path has an empty name, or one that begins or ends with a space";
            return Err(ConfigProblem::new("invalid_claim_path", message));
        }
        Ok(Self(names))
    }

    /// One top-level member whose name is known to be plain.
    pub(crate) fn member(name: &str) -> Self {
        Self([name.into()].into())
    }

    /// The top-level member that the path begins with.
    pub(crate) fn first(&self) -> Option<&str> {
        self.0.first().map(|name| &**name)
    }

    /// The value at the end of the path. `Err` if a step leads into something that is no object: the claim may
    /// be there in another shape.
    pub(crate) fn find<'d>(&self, root: Value<'d>) -> Result<Option<Value<'d>>, Unreadable> {
        let mut value = root;
        for name in &self.0 {
            match value.as_object().ok_or(Unreadable)?.get(name) {
                // `null` counts as absent.
                Some(next) if !next.is_null() => value = next,
                _ => return Ok(None),
            }
        }
        Ok(Some(value))
    }
}

impl fmt::Display for ClaimPath {
    /// As [`ClaimPath::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [name] = &*self.0
            && (name.contains("://") || !name.contains(['.', '/']))
            && !name.starts_with('/')
        {
            return f.write_str(name);
        }
        for name in &self.0 {
            write!(f, "/{}", name.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_name_or_a_json_pointer_and_never_a_guess() {
        // covers: POL-012
        let names =
            |text: &str| ClaimPath::parse(text).map(|path| path.0.iter().map(ToString::to_string).collect());
        for (text, expected) in [
            ("roles", vec!["roles"]),
            ("https://example.com/roles", vec!["https://example.com/roles"]),
            ("/realm_access/roles", vec!["realm_access", "roles"]),
            ("/resource_access/my.client/roles", vec!["resource_access", "my.client", "roles"]),
            ("/https:~1~1example.com~1roles", vec!["https://example.com/roles"]),
            ("/a~01", vec!["a~1"]),
        ] {
            assert_eq!(names(text), Ok::<Vec<String>, _>(expected.into_iter().map(str::to_owned).collect()));
            let path = ClaimPath::parse(text).unwrap();
            assert_eq!(ClaimPath::parse(&path.to_string()), Ok(path));
        }
        for (text, code) in [
            ("realm_access.roles", "ambiguous_claim_path"),
            ("realm_access/roles", "ambiguous_claim_path"),
            ("", "invalid_claim_path"),
            ("/", "invalid_claim_path"),
            ("/realm_access/roles/", "invalid_claim_path"),
            ("roles ", "invalid_claim_path"),
            ("/a~2b", "invalid_claim_path"),
            ("/a~", "invalid_claim_path"),
        ] {
            assert_eq!(ClaimPath::parse(text).unwrap_err().code(), code, "{text}");
        }
    }
}
