use std::time::Duration;

use crate::fetch::Endpoint;

/// For this long the metadata is not asked again, unless a fetch of keys fails: a key set that moved is found again.
const METADATA_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// For this long a place is used without the metadata naming it. It outlasts what an operator needs a night to repair; and
/// a host that the issuer gave up, which another may own by now, does not hand out keys for ever.
const STALE_BOUND: Duration = Duration::from_secs(24 * 60 * 60);

/// For this long every answer must have named another host before its keys are taken.
const MOVE_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// While another host is on its way, the old place is used for this much longer. The answer that first names another comes
/// up to an hour and a refresh after the last that named the old one: without an overlap, whoever moves would be without
/// keys for that time.
const OVERLAP: Duration = Duration::from_secs(2 * 60 * 60);

/// Where metadata said that the keys are. Kept as long as its issuer is known, through every failure.
#[derive(Clone, Debug)]
pub(super) struct Located {
    /// In use, and when the metadata last named it.
    current: Place,
    /// Whether keys have come from it.
    proven: bool,
    /// While none have: the last place that they came from, and when that was last named.
    former: Option<Place>,
    /// When the metadata last answered.
    looked: Duration,
    /// Whether the last fetch of keys brought none from there, or is not known to have brought some.
    in_doubt: bool,
    /// The first place that keys came from, or to whose host they were followed since; and when its host was last named.
    home: Option<Place>,
    /// On another host, where we do not follow yet; and since when every answer has named it.
    pending: Option<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    endpoint: Endpoint,
    at: Duration,
}

/// What newer metadata means for the place of the keys.
#[derive(Debug)]
pub(super) enum Move {
    None,
    Followed { from: Endpoint },
    Refused { to: Endpoint },
}

impl Place {
    /// Whether less than this has passed.
    fn is_within(&self, bound: Duration, now: Duration) -> bool {
        now < self.at.saturating_add(bound)
    }
}

impl Located {
    pub(super) fn new(endpoint: Endpoint, now: Duration) -> Self {
        let current = Place { endpoint, at: now };
        let (proven, in_doubt) = (false, false);
        Self { current, proven, former: None, looked: now, in_doubt, home: None, pending: None }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.current.endpoint
    }

    /// Where keys last came from, while none have come from the place that took over.
    pub(super) fn former(&self, now: Duration) -> Option<&Endpoint> {
        let former = self.former.as_ref().filter(|former| former.is_within(STALE_BOUND, now));
        former.map(|former| &former.endpoint)
    }

    /// Another host that the metadata leads to, and that is not followed yet.
    pub(super) fn pending(&self) -> Option<&Endpoint> {
        self.pending.as_ref().map(|pending| &pending.endpoint)
    }

    /// The same where the old place may no longer be used.
    pub(super) fn only_pending(&self, now: Duration) -> Option<&Endpoint> {
        self.pending().filter(|_| !self.is_usable(now))
    }

    /// Whether the metadata need not be asked: neither for its age, nor for what its next answer could change.
    pub(super) fn is_fresh(&self, now: Duration) -> bool {
        let awaited = self.pending.as_ref().is_some_and(|pending| !pending.is_within(MOVE_AFTER, now));
        let recent = now < self.looked.saturating_add(METADATA_LIFETIME);
        recent && !self.in_doubt && !awaited && self.is_usable(now)
    }

    /// Whether it may be used although the metadata names another place, or could not be had.
    pub(super) fn is_usable(&self, now: Duration) -> bool {
        let overlap = if self.pending.is_some() { OVERLAP } else { Duration::ZERO };
        self.current.is_within(STALE_BOUND.saturating_add(overlap), now)
    }

    /// A copy for one fetch. Until that ends well, the place is in doubt: a fetch may be dropped on its way.
    pub(super) fn lend(&mut self) -> Self {
        let lent = self.clone();
        self.in_doubt = true;
        lent
    }

    /// Notes how the fetch of keys from there ended.
    pub(super) fn ended(&mut self, well: bool) {
        self.in_doubt = !well;
        if well {
            self.proven = true;
            self.former = None;
            self.home.get_or_insert_with(|| self.current.clone());
        }
    }

    /// Takes what newer metadata says; `at_home` if that has the origin of the issuer or of its metadata.
    ///
    /// Once keys have come from somewhere, one document does not lead to another origin, unless it is the issuer's own or
    /// that of the first keys: whoever can change the document for an hour would else make the keys of every server that
    /// looks then. What every answer of a day has named is no such accident. Until then each look is told to the operator,
    /// and a restart, or removing the issuer and inserting it again, accepts the new place at once.
    pub(super) fn renew(&mut self, endpoint: Endpoint, at_home: bool, now: Duration) -> Move {
        self.looked = now;
        let pending = self.pending.take();
        // Where a place that never brought keys took over from this one, the way back is no move.
        if self.former.as_ref().is_some_and(|former| former.endpoint == endpoint) {
            self.home = Some(Place { endpoint: endpoint.clone(), at: now });
        }
        if endpoint != self.current.endpoint && !at_home && !self.is_home(&endpoint, now) {
            let known = pending.filter(|pending| pending.endpoint == endpoint);
            let pending = known.unwrap_or_else(|| Place { endpoint: endpoint.clone(), at: now });
            if pending.is_within(MOVE_AFTER, now) {
                self.pending = Some(pending);
                return Move::Refused { to: endpoint };
            }
            // The issuer has left the old host, so that is home no more.
            self.home = Some(Place { endpoint: endpoint.clone(), at: now });
        }
        if let Some(home) = self.home.as_mut().filter(|home| endpoint.is_of_origin(&home.endpoint)) {
            home.at = now;
        }
        self.follow(Place { endpoint, at: now })
    }

    /// Whether an endpoint has the origin of the first keys, and that was not left more than a day ago.
    fn is_home(&self, endpoint: &Endpoint, now: Duration) -> bool {
        self.home.as_ref().is_none_or(|home| {
            let left = !self.current.endpoint.is_of_origin(&home.endpoint);
            endpoint.is_of_origin(&home.endpoint) && (!left || home.is_within(STALE_BOUND, now))
        })
    }

    fn follow(&mut self, to: Place) -> Move {
        let from = std::mem::replace(&mut self.current, to);
        if from.endpoint == self.current.endpoint {
            return Move::None;
        }
        let before = from.endpoint.clone();
        if self.proven {
            self.former = Some(from);
        }
        let back = |former: &Place| former.endpoint == self.current.endpoint;
        self.proven = self.former.as_ref().is_some_and(back);
        if self.proven {
            self.former = None;
        }
        Move::Followed { from: before }
    }
}
