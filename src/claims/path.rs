use crate::error::ConfigProblem;
use crate::json::Value;

/// Where a claim stands: a member name, or a path of names through nested objects.
#[derive(Clone, Debug)]
pub(crate) struct ClaimPath(Box<[Box<str>]>);

impl ClaimPath {
    /// Reads `roles` or `https://example.com/roles` (a name) or `/realm_access/roles` (a JSON Pointer).
    ///
    /// `realm_access.roles` is refused: it could be a name with a dot or a path, and the wrong guess would be
    /// a rule that never matches.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigProblem> {
        if let Some(pointer) = text.strip_prefix('/') {
            let names = pointer.split('/').map(|name| {
                // RFC 6901 §4: "~1" first, then "~0", or "~01" would become "/".
                name.replace("~1", "/").replace("~0", "~").into_boxed_str()
            });
            return Ok(Self(names.collect()));
        }
        if text.is_empty() || (text.contains('.') && !text.contains("://")) {
            let pointer = text.replace('.', "/");
            return Err(ConfigProblem::new(
                "ambiguous_claim_path",
                format!(
                    "claim path `{text}` is ambiguous: write `/{pointer}` for nested members or `/{text}` for one name"
                ),
            ));
        }
        Ok(Self([text.into()].into()))
    }

    /// One top-level member whose name is known to be plain.
    pub(crate) fn member(name: &str) -> Self {
        Self([name.into()].into())
    }

    pub(crate) fn find<'d>(&self, root: Value<'d>) -> Option<Value<'d>> {
        self.0.iter().try_fold(root, |value, name| value.as_object()?.get(name))
    }
}
