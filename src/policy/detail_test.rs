use super::input::PolicyInput;
use super::three_values::{all, any};
use crate::json::{Object, Value};

/// What is required of one object of `authorization_details` (RFC 9396 §2), all of it of the same one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DetailTest {
    /// `type`.
    pub(super) kind: Box<str>,
    pub(super) locations: Vec<Box<str>>,
    pub(super) actions: Vec<Box<str>>,
    pub(super) datatypes: Vec<Box<str>>,
    pub(super) privileges: Vec<Box<str>>,
    pub(super) identifier: Option<Box<str>>,
}

impl DetailTest {
    pub(super) fn of_type(kind: &str) -> Self {
        Self {
            kind: kind.into(),
            locations: Vec::new(),
            actions: Vec::new(),
            datatypes: Vec::new(),
            privileges: Vec::new(),
            identifier: None,
        }
    }

    /// What is ill-formed cannot be told, so it grants nothing and its absence is not shown either.
    pub(super) fn judge(&self, input: &PolicyInput<'_>) -> Option<bool> {
        let Some(details) = input.token()?.find_member("authorization_details").ok()? else {
            return Some(false);
        };
        any(details.as_array()?.map(|detail| self.judge_one(detail)))
    }

    fn judge_one(&self, detail: Value<'_>) -> Option<bool> {
        let detail = detail.as_object()?;
        // RFC 9396 §12: no normalization, here and below.
        if detail.get("type")?.as_str()? != &*self.kind {
            return Some(false);
        }
        let identifier = self.identifier.as_ref().map(|wanted| match there(detail, "identifier") {
            Some(identifier) => Some(identifier.as_str()? == &**wanted),
            None => Some(false),
        });
        let lists = [
            ("locations", &self.locations),
            ("actions", &self.actions),
            ("datatypes", &self.datatypes),
            ("privileges", &self.privileges),
        ];
        let listed = lists
            .into_iter()
            .flat_map(|(name, wanted)| wanted.iter().map(move |wanted| has(detail, name, wanted)));
        all(listed.chain(identifier).chain([self.is_for_here(detail)]))
    }

    /// RFC 9396 §2.2: a detail with locations is for those alone, and where no location is required, nobody has said
    /// which of them this is.
    fn is_for_here(&self, detail: Object<'_>) -> Option<bool> {
        let is_told = !self.locations.is_empty() || there(detail, "locations").is_none();
        is_told.then_some(true)
    }
}

/// `null` counts as absent.
fn there<'d>(detail: Object<'d>, name: &str) -> Option<Value<'d>> {
    detail.get(name).filter(|value| !value.is_null())
}

/// Whether the member is an array of texts with this one among them.
fn has(detail: Object<'_>, name: &str, wanted: &str) -> Option<bool> {
    let Some(list) = there(detail, name) else { return Some(false) };
    any(list.as_array()?.map(|entry| Some(entry.as_str()? == wanted)))
}
