use std::time::Duration;

use crate::fetch::Endpoint;

/// For this long the metadata is not asked again, unless a fetch of keys fails: a key set that moved is found again.
const METADATA_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// For this long the last good metadata is used while nothing newer can be had. It outlasts what an operator needs a
/// night to repair; and a host that the issuer gave up, which another may own by now, does not hand out keys for ever.
const METADATA_STALE_BOUND: Duration = Duration::from_secs(24 * 60 * 60);

/// Where metadata said that the keys are. Kept as long as its issuer is known, through every failure.
#[derive(Clone, Debug)]
pub(super) struct Located {
    endpoint: Endpoint,
    /// When the metadata was asked for, the last time that there was an answer to use.
    confirmed: Duration,
    /// Whether the last fetch of keys brought none, or is not known to have brought some.
    in_doubt: bool,
    /// The first place that keys came from.
    home: Option<Endpoint>,
    /// Where the metadata leads now, and we do not follow.
    refused: Option<Endpoint>,
}

/// What newer metadata means for the place of the keys.
#[derive(Debug)]
pub(super) enum Move {
    None,
    Followed { from: Endpoint },
    Refused { to: Endpoint },
}

impl Located {
    pub(super) fn new(endpoint: Endpoint, now: Duration) -> Self {
        Self { endpoint, confirmed: now, in_doubt: false, home: None, refused: None }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn refused(&self) -> Option<&Endpoint> {
        self.refused.as_ref()
    }

    pub(super) fn is_fresh(&self, now: Duration) -> bool {
        !self.in_doubt && now < self.confirmed.saturating_add(METADATA_LIFETIME)
    }

    /// Whether it may be used although newer metadata could not be had.
    pub(super) fn is_usable(&self, now: Duration) -> bool {
        now < self.confirmed.saturating_add(METADATA_STALE_BOUND)
    }

    /// A copy for one fetch. Until that ends well, the place is in doubt: a fetch may be dropped on its way.
    pub(super) fn lend(&mut self) -> Self {
        let lent = self.clone();
        self.in_doubt = true;
        lent
    }

    /// Notes how the fetch of keys ended.
    pub(super) fn ended(&mut self, well: bool) {
        self.in_doubt = !well;
        if well && self.home.is_none() {
            self.home = Some(self.endpoint.clone());
        }
    }

    /// Takes what newer metadata says; `at_home` if that has the origin of the issuer or of its metadata.
    ///
    /// Once keys have come from somewhere, a document alone does not lead to another origin, unless it is the issuer's
    /// own or that of the first keys: whoever can change one document for a minute would else make the keys of every
    /// server that looks then. The old place stays in use, each look is told to the operator, and a restart, or
    /// removing the issuer and inserting it again, accepts the new place.
    pub(super) fn renew(&mut self, endpoint: Endpoint, at_home: bool, now: Duration) -> Move {
        self.confirmed = now;
        self.refused = None;
        if endpoint == self.endpoint {
            return Move::None;
        }
        if at_home || self.home.as_ref().is_none_or(|home| endpoint.is_of_origin(home)) {
            return Move::Followed { from: std::mem::replace(&mut self.endpoint, endpoint) };
        }
        self.refused = Some(endpoint.clone());
        Move::Refused { to: endpoint }
    }
}
