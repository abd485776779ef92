//! What a gate takes for a validation that never was. Only the test kit makes one.

use std::sync::Arc;

use http::{HeaderValue, Request};

use super::core::Core;
use super::evidence::Evidence;
use crate::token::ValidatedToken;

/// Stands for a validation by a server. A gate takes it in the place of the validator's answer, so binding, expiry
/// and policy are judged as always, and a route without a gate stays without a token.
#[derive(Clone)]
pub(super) struct Pretended {
    core: Arc<Core>,
    token: ValidatedToken,
}

impl Pretended {
    pub(super) fn leave<B>(request: &mut Request<B>, core: &Arc<Core>, token: ValidatedToken) {
        request.extensions_mut().insert(Self { core: Arc::clone(core), token });
    }

    pub(super) fn of<B>(request: &Request<B>, core: &Arc<Core>) -> Option<(ValidatedToken, Evidence)> {
        let pretended = request.extensions().get::<Self>()?;
        let evidence = Evidence::Field(HeaderValue::from_static("pretended"));
        Arc::ptr_eq(&pretended.core, core).then(|| (pretended.token.clone(), evidence))
    }
}
