use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clients::Clients;
use super::fault::Faults;
use super::introspection_request::IntrospectionRequest;
use super::issued::Issued;

/// What an introspection endpoint knows, and what it saw.
#[derive(Default)]
pub(super) struct Endpoint {
    pub(super) clients: Clients,
    pub(super) faults: Faults,
    pub(super) issued: Issued,
    requests: AtomicUsize,
    last: Mutex<Option<IntrospectionRequest>>,
}

impl Endpoint {
    pub(super) fn note(&self, request: &IntrospectionRequest) {
        self.requests.fetch_add(1, Ordering::SeqCst);
        *self.seen() = Some(request.clone());
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(super) fn last(&self) -> Option<IntrospectionRequest> {
        self.seen().clone()
    }

    fn seen(&self) -> MutexGuard<'_, Option<IntrospectionRequest>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
