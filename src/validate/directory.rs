use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::known::KnownIssuer;

/// The issuers that are known now. Requests read it without a lock.
pub(crate) struct Directory(ArcSwap<Listing>);

/// Known issuers by every `iss` that their tokens may have: a closed set, in which an unverified `iss` only selects.
#[derive(Clone, Default)]
pub(crate) struct Listing {
    by_name: HashMap<Box<str>, Arc<KnownIssuer>>,
    /// Where there is one issuer without tenants, no token needs to say which. Its `iss` is checked all the same, with
    /// its other claims.
    only: Option<Arc<KnownIssuer>>,
}

/// An identifier that is another issuer's already.
#[derive(Debug)]
pub(crate) struct Taken;

impl Directory {
    pub(crate) fn new(listing: Listing) -> Self {
        Self(ArcSwap::from_pointee(listing))
    }

    pub(crate) fn load(&self) -> Guard<Arc<Listing>> {
        self.0.load()
    }

    pub(crate) fn replace(&self, listing: Listing) {
        self.0.store(Arc::new(listing));
    }
}

impl Listing {
    /// Adds an issuer under all its names, or nothing.
    pub(crate) fn insert(&mut self, issuer: &Arc<KnownIssuer>) -> Result<(), Taken> {
        if issuer.names().any(|name| self.by_name.contains_key(name)) {
            return Err(Taken);
        }
        for name in issuer.names() {
            if let Entry::Vacant(place) = self.by_name.entry(name.into()) {
                place.insert(Arc::clone(issuer));
            }
        }
        self.find_only();
        Ok(())
    }

    /// Removes the issuer with this identifier, under all its names.
    pub(crate) fn remove(&mut self, identifier: &str) -> Option<Arc<KnownIssuer>> {
        let removed = self.issuers().find(|issuer| *issuer.identifier == *identifier).cloned();
        if removed.is_some() {
            self.by_name.retain(|_, issuer| *issuer.identifier != *identifier);
            self.find_only();
        }
        removed
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Every issuer once.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = &Arc<KnownIssuer>> {
        let once = |(name, issuer): (_, &Arc<KnownIssuer>)| issuer.names().next() == Some(name);
        self.by_name.iter().filter(move |(name, issuer)| once((&***name, issuer))).map(|(_, issuer)| issuer)
    }

    /// The issuer of this name (RFC 9068 §4: compared character by character).
    pub(super) fn find(&self, name: &str) -> Option<&Arc<KnownIssuer>> {
        self.by_name.get(name)
    }

    pub(super) fn only(&self) -> Option<&Arc<KnownIssuer>> {
        self.only.as_ref()
    }

    fn find_only(&mut self) {
        let mut issuers = self.by_name.values();
        let first = issuers.next();
        let alone = first.filter(|first| issuers.all(|issuer| Arc::ptr_eq(first, issuer)));
        self.only = alone.filter(|issuer| !issuer.has_tenants()).cloned();
    }
}
