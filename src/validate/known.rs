use super::rules::ClaimRules;
use crate::claims::ClaimPath;
use crate::jose::AllowedAlgorithms;
use crate::jwks::Keys;

/// An issuer whose tokens are taken, ready to judge them.
pub(crate) struct KnownIssuer {
    pub(crate) rules: ClaimRules,
    pub(crate) allowed: AllowedAlgorithms,
    pub(crate) keys: Keys,
    pub(crate) roles_at: ClaimPath,
}

impl KnownIssuer {
    /// What it is called: by the configuration, in messages and events.
    pub(crate) fn identifier(&self) -> &str {
        &self.rules.issuer
    }

    /// Every `iss` that its tokens may have.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.rules.issuer)
    }
}
