use super::input::PolicyInput;
use super::three_values::any;
use crate::claims::{ClaimPath, lists};
use crate::json::Value;

/// What a requirement says of one claim.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClaimTest {
    pub(super) path: ClaimPath,
    pub(super) is: ClaimIs,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ClaimIs {
    Present,
    OneOf(Box<[ClaimValue]>),
    /// An array of names, or of objects with a `value`.
    Containing(Box<str>),
    /// A text of words with spaces between them.
    WithWord(Box<str>),
    /// An object.
    WithMember(Box<str>),
    /// The part of the path that the rule's template calls so.
    PathParameter(Box<str>),
}

/// What a claim is compared with: a text, a whole number, or `true` or `false`.
///
/// Types are part of the comparison: the text `"5"` is not the number 5.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimValue(pub(super) Scalar);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Text(Box<str>),
    Number(i32),
    Bool(bool),
}

impl ClaimTest {
    /// A claim that is not there is nothing, so it is not what is asked for. One that is there in another shape cannot be
    /// told: it may mean just that.
    pub(super) fn judge(&self, input: &PolicyInput<'_>) -> Option<bool> {
        let Some(value) = input.token()?.find_claim(&self.path).ok()? else { return Some(false) };
        match &self.is {
            ClaimIs::Present => Some(true),
            ClaimIs::OneOf(wanted) => any(wanted.iter().map(|wanted| wanted.equals(value))),
            ClaimIs::Containing(name) => lists(value, |entry| entry == &**name),
            ClaimIs::WithWord(word) => Some(value.as_str()?.split(' ').any(|held| held == &**word)),
            ClaimIs::WithMember(name) => match value.as_object()?.get(name) {
                // Maps of names to whether they are granted, and to what they are granted for.
                Some(value) if value.is_true() || value.as_object().is_some() => Some(true),
                Some(value) if value.is_null() || value.is_false() => Some(false),
                Some(_) => None,
                None => Some(false),
            },
            ClaimIs::PathParameter(name) => Some(value.as_str()? == &*input.path_parameter(name)?),
        }
    }
}

impl ClaimValue {
    /// `None` if the claim is of another type.
    fn equals(&self, value: Value<'_>) -> Option<bool> {
        match &self.0 {
            Scalar::Text(text) => Some(value.as_str()? == &**text),
            Scalar::Number(number) => {
                // Exactly representable, so equality is exact; -0 is 0.
                Some(value.as_number()?.partial_cmp(&f64::from(*number))?.is_eq())
            }
            Scalar::Bool(flag) => (value.is_true() || value.is_false()).then(|| value.is_true() == *flag),
        }
    }
}

/// Whether a text of words could have this one.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(' ')
}

impl From<&str> for ClaimValue {
    fn from(text: &str) -> Self {
        Self(Scalar::Text(text.into()))
    }
}

impl From<String> for ClaimValue {
    fn from(text: String) -> Self {
        Self(Scalar::Text(text.into()))
    }
}

impl From<i32> for ClaimValue {
    fn from(number: i32) -> Self {
        Self(Scalar::Number(number))
    }
}

impl From<bool> for ClaimValue {
    fn from(flag: bool) -> Self {
        Self(Scalar::Bool(flag))
    }
}
