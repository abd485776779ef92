use std::fmt;

use super::algorithm::{HmacAlgorithm, SignatureAlgorithm};

/// An algorithm that a header may name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum JwsAlgorithm {
    Signature(SignatureAlgorithm),
    /// Only where the configuration has its one key.
    Hmac(HmacAlgorithm),
}

impl JwsAlgorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Signature(algorithm) => algorithm.name(),
            Self::Hmac(algorithm) => algorithm.name(),
        }
    }
}

impl fmt::Display for JwsAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The algorithms that an issuer may use: ours to choose, never the token's (RFC 8725 §3.1). Either those of
/// signatures or the one of an HMAC key: no set has both, so no public key can be taken for a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AllowedAlgorithms(Vec<JwsAlgorithm>);

impl AllowedAlgorithms {
    /// A set of at least one.
    pub(crate) fn of(algorithms: impl IntoIterator<Item = SignatureAlgorithm>) -> Option<Self> {
        let algorithms: Vec<_> = algorithms.into_iter().map(JwsAlgorithm::Signature).collect();
        (!algorithms.is_empty()).then_some(Self(algorithms))
    }

    pub(crate) fn of_hmac(algorithm: HmacAlgorithm) -> Self {
        Self(vec![JwsAlgorithm::Hmac(algorithm)])
    }

    /// RFC 7515 §4.1.1: names are case-sensitive.
    pub(super) fn find(&self, name: &str) -> Option<JwsAlgorithm> {
        self.0.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    pub(super) fn signatures(&self) -> impl Iterator<Item = SignatureAlgorithm> {
        self.0.iter().filter_map(|algorithm| match algorithm {
            JwsAlgorithm::Signature(algorithm) => Some(*algorithm),
            JwsAlgorithm::Hmac(_) => None,
        })
    }
}
