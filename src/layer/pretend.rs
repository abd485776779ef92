//! What the test kit may do that nobody else can.

use std::sync::Arc;

use http::{HeaderValue, Request};

use super::core::Core;
use super::evidence::Evidence;
use super::server::ResourceServer;
use crate::token::ValidatedToken;
use crate::validate::TokenValidator;

/// Stands for a validation by this server. A gate takes it in the place of the validator's answer, so binding, expiry
/// and policy are judged as always, and a route without a gate stays without a token.
#[derive(Clone)]
struct Pretended {
    core: Arc<Core>,
    token: ValidatedToken,
}

impl<R> ResourceServer<R> {
    pub(crate) fn validator(&self) -> &dyn TokenValidator {
        &*self.core.validator
    }

    /// Lets this server's gates take the request for one with a token that they validated.
    pub(crate) fn pretend_validated<B>(&self, request: &mut Request<B>, token: ValidatedToken) {
        request.extensions_mut().insert(Pretended { core: Arc::clone(&self.core), token });
    }
}

pub(super) fn pretended<B>(core: &Arc<Core>, request: &Request<B>) -> Option<(ValidatedToken, Evidence)> {
    let pretended = request.extensions().get::<Pretended>()?;
    let evidence = Evidence::Field(HeaderValue::from_static("pretended"));
    Arc::ptr_eq(&pretended.core, core).then(|| (pretended.token.clone(), evidence))
}
