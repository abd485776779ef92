use super::introspected::Introspected;
use super::rules::ClaimRules;
use crate::jose::{AllowedAlgorithms, KeyOwner};
use crate::jwks::Keys;
use crate::token::ClaimMapping;

/// An issuer whose tokens are taken, ready to judge them.
pub(crate) struct KnownIssuer {
    /// What it is called: by the configuration, in messages and events.
    pub(crate) identifier: Box<str>,
    pub(crate) rules: ClaimRules,
    pub(crate) allowed: AllowedAlgorithms,
    pub(crate) keys: Keys,
    pub(crate) mapping: ClaimMapping,
    /// Where its tokens are introspected.
    pub(crate) introspected: Option<Introspected>,
}

impl KnownIssuer {
    /// Every `iss` that its tokens may have.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.issuers.iter().map(|name| &*name.iss)
    }

    /// Whether there cannot be both: the identifier of the other is this one's, or a name.
    pub(super) fn makes_way_for(&self, other: &Self) -> bool {
        self.identifier == other.identifier
            || other.names().any(|name| self.rules.issuers.find(name).is_some())
    }

    /// Whose keys a token of this name is verified with, where keys say whose they are.
    pub(super) fn owner_of_keys(&self, name: &str) -> Option<KeyOwner<'_>> {
        let template = self.rules.kind.keys_of_every_tenant?;
        let tenant = self.rules.issuers.find(name)?.tenant.as_deref()?;
        Some(KeyOwner { template, tenant })
    }

    /// Whether its JWTs are introspected, too.
    pub(super) fn introspects_jwts(&self) -> bool {
        self.introspected.as_ref().is_some_and(|introspected| introspected.tokens.jwts)
    }

    /// What its tokens begin with that are no JWTs. `None`: it has none.
    pub(super) fn opaque_prefix(&self) -> Option<&str> {
        self.introspected.as_ref().map(|introspected| &*introspected.tokens.prefix)
    }

    /// Whether a key or a claim of its tokens is judged by which of the names they have.
    pub(super) fn has_tenants(&self) -> bool {
        self.rules.issuers.iter().any(|name| name.tenant.is_some())
    }
}
