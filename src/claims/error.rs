use crate::json::JsonError;

/// Why a text is not a set of claims.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(transparent)]
pub struct ClaimsError(#[from] Reason);

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Reason {
    #[error("claims are {0}")]
    Json(JsonError),
    #[error("claims are not a JSON object")]
    NotAnObject,
    #[error("claim `{0}` is not {1}")]
    WrongType(&'static str, &'static str),
}

/// Claims that do not fit the type they were asked for.
///
/// It says which field was missing, never what a claim contained.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the token's claims do not fit the requested type: {0}")]
pub struct ClaimsMismatch(String);

impl ClaimsMismatch {
    pub(super) fn new(error: &serde_json::Error) -> Self {
        // serde's message quotes what it found, which is somebody's data. A missing field's name is the type's own.
        let message = error.to_string();
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
        Self(missing.map_or_else(
            || "a member has another type".to_owned(),
            |(field, _)| format!("missing field `{field}`"),
        ))
    }
}
