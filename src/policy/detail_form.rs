use serde::{Deserialize, Serialize};

use super::detail_test::DetailTest;

/// Shaped like the object that it asks for (RFC 9396 §2.2).
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DetailForm {
    r#type: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locations: Option<Vec<Box<str>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<Box<str>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    datatypes: Option<Vec<Box<str>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identifier: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    privileges: Option<Vec<Box<str>>>,
}

impl DetailForm {
    pub(super) fn of(test: &DetailTest) -> Self {
        let list = |names: &Vec<_>| (!names.is_empty()).then(|| names.clone());
        Self {
            r#type: test.kind.clone(),
            locations: list(&test.locations),
            actions: list(&test.actions),
            datatypes: list(&test.datatypes),
            identifier: test.identifier.clone(),
            privileges: list(&test.privileges),
        }
    }

    pub(super) fn into_test(self) -> Result<DetailTest, String> {
        if self.r#type.is_empty() {
            return Err("`authorization_detail` needs a type".to_owned());
        }
        Ok(DetailTest {
            kind: self.r#type,
            locations: list("locations", self.locations)?,
            actions: list("actions", self.actions)?,
            datatypes: list("datatypes", self.datatypes)?,
            privileges: list("privileges", self.privileges)?,
            identifier: self.identifier,
        })
    }
}

/// An empty list would require nothing, which is said by leaving it out.
fn list(name: &str, names: Option<Vec<Box<str>>>) -> Result<Vec<Box<str>>, String> {
    match names {
        Some(names) if names.is_empty() => {
            Err(format!("`{name}` of an authorization detail needs at least one name"))
        }
        names => Ok(names.unwrap_or_default()),
    }
}
