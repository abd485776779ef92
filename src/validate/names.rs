/// Every `iss` that the tokens of one issuer may have: a closed set, compared character by character
/// (RFC 9068 §4, RFC 7519 §4.1.1), without normalisation or pattern.
#[derive(Debug)]
pub(crate) struct IssuerNames(Box<[IssuerName]>);

/// One of them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct IssuerName {
    pub(crate) iss: Box<str>,
    /// The one tenant whose tokens have this name, where an issuer has tenants.
    pub(crate) tenant: Option<Box<str>>,
}

impl IssuerNames {
    pub(crate) fn new(names: impl IntoIterator<Item = IssuerName>) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_unstable();
        Self(names.into())
    }

    pub(super) fn find(&self, iss: &str) -> Option<&IssuerName> {
        let at = self.0.binary_search_by(|name| (*name.iss).cmp(iss)).ok()?;
        self.0.get(at)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &IssuerName> {
        self.0.iter()
    }
}
