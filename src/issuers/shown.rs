//! The settings of issuers in words, for people.

use std::fmt;

use super::key_settings::KeySettings;
use super::trusted::TrustedIssuer;
use crate::fetch::without_secrets;
use crate::jose::SignatureAlgorithm;
use crate::token::RolesAs;

impl KeySettings {
    /// The algorithms that the configuration names, if it does.
    pub(super) fn algorithms_in_words(&self) -> Option<String> {
        let names = |listed: &[SignatureAlgorithm]| {
            listed.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>()
        };
        let of_hmac = self.hmac_key.as_ref().map(|key| key.algorithm().to_string());
        of_hmac.or_else(|| Some(names(self.algorithms.as_deref()?).join(", ")))
    }

    /// Where keys come from, for people; `metadata` is where a preset knows that the metadata is. Settings that
    /// contradict each other are all named: `build` says what is wrong with them.
    pub(super) fn origin_in_words(&self, metadata: Option<&str>) -> String {
        let place = |name: &str, url: &str| format!("`{name}` {}", without_secrets(url));
        let file = self.key_files.last().map(|file| format!("file {}", file.path.display()));
        let given = [
            self.hmac_key.as_ref().map(|_| "`hmac_key`".to_owned()),
            self.jwk_set.as_ref().map(|_| "`jwk_set`".to_owned()),
            file,
            self.jwks_uri.as_deref().map(|uri| place("jwks_uri", uri)),
            self.metadata_url.as_deref().map(|url| place("metadata_url", url)),
        ];
        let given: Vec<_> = given.into_iter().flatten().collect();
        match (given.is_empty(), metadata) {
            (false, _) => given.join(", "),
            (true, Some(url)) => format!("metadata at {}", without_secrets(url)),
            (true, None) => "metadata of the issuer".to_owned(),
        }
    }
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, preset) = (self.kind(), self.preset.as_ref());
        let roles_at = self.roles_at.as_deref().or(preset.and_then(|preset| preset.client_roles.as_deref()));
        let kind = kind.in_force(self.scopes_at.as_deref(), roles_at, self.keys.algorithms_in_words());
        let metadata = preset.and_then(|preset| preset.metadata.as_ref()).map(|metadata| &*metadata.url);
        let mut shown = f.debug_struct("TrustedIssuer");
        shown.field("issuer", &self.shown()).field("audiences", &self.audiences);
        if let Some(preset) = preset.filter(|preset| !preset.clients.is_empty()) {
            shown.field("clients", &preset.clients);
        }
        if self.roles_as != RolesAs::default() {
            shown.field("roles_as", &self.roles_as);
        }
        if let Some(introspection) = &self.introspection {
            shown.field("introspection", introspection);
        }
        shown.field("kind", &kind).field("keys", &self.keys.origin_in_words(metadata)).finish_non_exhaustive()
    }
}
