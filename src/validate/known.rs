use super::rules::ClaimRules;
use crate::claims::ClaimPath;
use crate::jose::AllowedAlgorithms;
use crate::jwks::Keys;

/// An issuer whose tokens are taken, ready to judge them.
pub(crate) struct KnownIssuer {
    /// What it is called: by the configuration, in messages and events.
    pub(crate) identifier: Box<str>,
    pub(crate) rules: ClaimRules,
    pub(crate) allowed: AllowedAlgorithms,
    pub(crate) keys: Keys,
    pub(crate) roles_at: ClaimPath,
}

impl KnownIssuer {
    /// Every `iss` that its tokens may have.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.issuers.iter().map(|name| &*name.iss)
    }

    /// Whether a key or a claim of its tokens is judged by which of the names they have.
    pub(super) fn has_tenants(&self) -> bool {
        self.rules.issuers.iter().any(|name| name.tenant.is_some())
    }
}
