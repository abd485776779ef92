use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::known::KnownIssuer;
use crate::introspect::Introspector;

/// The issuers that are known now. Requests read it without a lock.
pub(crate) struct Directory(ArcSwap<Listing>);

/// Known issuers by every `iss` that their tokens may have: a closed set, in which an unverified `iss` only selects.
#[derive(Clone, Default)]
pub(crate) struct Listing {
    by_name: HashMap<Box<str>, Arc<KnownIssuer>>,
    /// What the issuers are called, once each.
    identifiers: HashSet<Box<str>>,
    /// Where there is one issuer without tenants, no token needs to say which. Its `iss` is checked all the same, with
    /// its other claims.
    only: Option<Arc<KnownIssuer>>,
    /// Those whose tokens are introspected.
    introspecting: Vec<Arc<KnownIssuer>>,
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

    /// Returns what was before, which may be the last to hold keys and HTTP clients: not to be dropped under a lock.
    #[must_use]
    pub(crate) fn replace(&self, listing: Listing) -> Arc<Listing> {
        self.0.swap(Arc::new(listing))
    }
}

impl Listing {
    /// Adds an issuer under all its names, or nothing, where one of them or its identifier is another issuer's.
    pub(crate) fn insert(&mut self, issuer: KnownIssuer) -> Result<(), Taken> {
        let named = issuer.names().any(|name| self.by_name.contains_key(name));
        if named || self.identifiers.contains(&issuer.identifier) {
            return Err(Taken);
        }
        self.add(Arc::new(issuer));
        Ok(())
    }

    /// Adds an issuer in place of each that has its identifier or one of its names, and lets it keep what they have
    /// fetched from the same source.
    pub(crate) fn replace(&mut self, issuer: KnownIssuer) {
        let issuer = self.succeeding(issuer);
        self.put(issuer);
    }

    /// The issuer with what those have fetched from the same source that it is to replace.
    pub(crate) fn succeeding(&self, mut issuer: KnownIssuer) -> Arc<KnownIssuer> {
        let before: Vec<_> = self.issuers().filter(|other| other.makes_way_for(&issuer)).cloned().collect();
        before.iter().for_each(|before| issuer.keys.keep(&before.keys));
        Arc::new(issuer)
    }

    /// Adds an issuer in place of each that has its identifier or one of its names.
    pub(crate) fn put(&mut self, issuer: Arc<KnownIssuer>) {
        self.remove_each(|other| other.makes_way_for(&issuer));
        self.add(issuer);
    }

    /// Whether there is one that would have to make way.
    #[cfg(feature = "policy-file")]
    pub(crate) fn has_place_for(&self, issuer: &KnownIssuer) -> bool {
        !self.issuers().any(|other| other.makes_way_for(issuer))
    }

    fn add(&mut self, issuer: Arc<KnownIssuer>) {
        self.identifiers.insert(issuer.identifier.clone());
        for name in issuer.names() {
            self.by_name.insert(name.into(), Arc::clone(&issuer));
        }
        self.introspecting.extend(issuer.introspected.is_some().then_some(issuer));
        self.find_only();
    }

    /// Removes the issuer with this identifier, under all its names.
    pub(crate) fn remove(&mut self, identifier: &str) -> bool {
        !self.remove_each(|issuer| *issuer.identifier == *identifier).is_empty()
    }

    fn remove_each(&mut self, leaves: impl Fn(&KnownIssuer) -> bool) -> Vec<Arc<KnownIssuer>> {
        let leaving: Vec<_> = self.issuers().filter(|issuer| leaves(issuer)).cloned().collect();
        for issuer in &leaving {
            self.identifiers.remove(&issuer.identifier);
            for name in issuer.names() {
                self.by_name.remove(name);
            }
            self.introspecting.retain(|other| !Arc::ptr_eq(other, issuer));
        }
        self.find_only();
        leaving
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

    pub(super) fn introspects(&self) -> bool {
        !self.introspecting.is_empty()
    }

    /// The issuer that a token goes to which is no JWT.
    pub(super) fn of_opaque(&self, token: &str) -> Option<&Arc<KnownIssuer>> {
        let claimed = |wanted: &dyn Fn(&str) -> bool| {
            let prefix = |issuer: &Arc<KnownIssuer>| issuer.opaque_prefix().is_some_and(wanted);
            self.introspecting.iter().find(|issuer| prefix(issuer))
        };
        claimed(&|prefix| !prefix.is_empty() && token.starts_with(prefix)).or_else(|| claimed(&str::is_empty))
    }

    /// Those that ask about tokens.
    pub(crate) fn introspectors(&self) -> impl Iterator<Item = &Introspector> {
        let introspected = self.introspecting.iter().filter_map(|issuer| issuer.introspected.as_ref());
        introspected.map(|introspected| &introspected.introspector)
    }

    /// Whether a token that is no JWT could go to either of two issuers.
    pub(crate) fn is_ambiguous(&self) -> bool {
        let mut prefixes: Vec<_> =
            self.introspecting.iter().filter_map(|issuer| issuer.opaque_prefix()).collect();
        prefixes.sort_unstable();
        // Sorted, what begins with another stands right behind it; that everything begins with nothing is no conflict.
        let begins = |pair: &[&str]| matches!(pair, [one, other] if one == other || (!one.is_empty() && other.starts_with(one)));
        prefixes.windows(2).any(begins)
    }

    fn find_only(&mut self) {
        let mut issuers = self.by_name.values();
        let first = issuers.next();
        let alone = first.filter(|first| issuers.all(|issuer| Arc::ptr_eq(first, issuer)));
        self.only = alone.filter(|issuer| !issuer.has_tenants()).cloned();
    }
}
