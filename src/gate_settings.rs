use crate::bearer::{Carriers, ErrorUri, Protection, Realm, is_token};
use crate::error::Problems;
use crate::layer::Challenges;

/// The settings of a builder that say where tokens may stand and what challenges say.
#[derive(Default)]
pub(crate) struct GateSettings {
    pub(crate) realm: Option<String>,
    pub(crate) error_uri: Option<String>,
    pub(crate) query: Option<String>,
    pub(crate) cookie: Option<String>,
}

impl GateSettings {
    /// What challenges say. With a problem noted, what comes back is not used.
    pub(crate) fn challenges(&self, problems: &mut Problems) -> Challenges {
        let mut protection = Protection::api();
        match self.realm.as_deref().map(Realm::parse) {
            None => {}
            Some(Some(realm)) => protection.realm = realm,
            Some(None) => problems.add("invalid_realm", "a realm has printable ASCII characters only"),
        }
        protection.error_uri = self.error_uri.as_deref().and_then(ErrorUri::parse);
        if self.error_uri.is_some() && protection.error_uri.is_none() {
            problems.add("invalid_error_uri", "`error_uri` is not an absolute http or https URI");
        }
        Challenges::new(protection)
    }

    /// Where tokens may stand.
    pub(crate) fn carriers(&self, problems: &mut Problems) -> Carriers {
        for (what, name) in [("query parameter", &self.query), ("cookie", &self.cookie)] {
            if name.as_ref().is_some_and(|name| !is_token(name.as_bytes())) {
                let message = format!("the {what} with a token has no plain name");
                problems.add("invalid_carrier_name", message);
            }
        }
        Carriers {
            query: self.query.as_deref().map(Into::into),
            cookie: self.cookie.as_deref().map(Into::into),
        }
    }
}
