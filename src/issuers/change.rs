use std::sync::{Arc, PoisonError};

use super::handle::{Issuers, note_conflicts};
use super::trusted::TrustedIssuer;
use crate::error::{Place, Problems};
use crate::validate::{KnownIssuer, Listing};

/// Several issuers that leave and come together, checked and not yet changed.
pub(crate) struct IssuerChange {
    leaving: Vec<String>,
    coming: Vec<Arc<KnownIssuer>>,
}

impl TrustedIssuer {
    /// The same issuer, which stands in a file.
    pub(crate) fn standing(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// What it is called, and asked to be removed by.
    pub(crate) fn identifier(&self) -> &str {
        &self.issuer
    }
}

impl Issuers {
    /// What the issuers are called now.
    pub(crate) fn identifiers(&self) -> Vec<String> {
        self.directory().load().issuers().map(|issuer| issuer.identifier.to_string()).collect()
    }

    /// Checks a change without making it. Who comes may have the identifier of one who leaves, and no other.
    /// `None` if there is any problem with it.
    pub(crate) fn prepare(
        &self,
        leaving: Vec<String>,
        coming: Vec<TrustedIssuer>,
        problems: &mut Problems,
    ) -> Option<IssuerChange> {
        let before = problems.len();
        let mut change = IssuerChange { leaving, coming: Vec::with_capacity(coming.len()) };
        if change.leaving.is_empty() && coming.is_empty() {
            return Some(change);
        }
        let context = self.context(problems)?;
        let now = Listing::clone(&self.directory().load());
        let mut listing = now.clone();
        for issuer in &change.leaving {
            listing.remove(issuer);
        }
        for issuer in coming {
            problems.set_place(issuer.place());
            problems.set_subject(Some(issuer.shown()));
            let Some(known) = issuer.known(context, problems) else { continue };
            if !listing.has_place_for(&known) {
                problems.add("duplicate_issuer", "an identifier of it is there already");
            }
            let known = now.succeeding(known);
            listing.put(Arc::clone(&known));
            change.coming.push(known);
        }
        problems.set_place(None);
        problems.set_subject(None);
        note_conflicts(&listing, problems);
        (problems.len() == before).then_some(change)
    }

    /// Makes the change: first some leave, then `between` is called, then others come. Nobody else changes the issuers meanwhile.
    pub(crate) fn change(&self, change: IssuerChange, between: &mut dyn FnMut()) {
        if change.leaving.is_empty() && change.coming.is_empty() {
            return between();
        }
        let changing = self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut listing = Listing::clone(&self.directory().load());
        for issuer in &change.leaving {
            listing.remove(issuer);
        }
        let first = self.directory().replace(listing.clone());
        between();
        change.coming.into_iter().for_each(|issuer| listing.put(issuer));
        let second = self.directory().replace(listing);
        drop(changing);
        // Whatever leaves with them may be code of the user's.
        drop((first, second));
    }
}
