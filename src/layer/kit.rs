//! What the test kit may ask of a server that nobody else can.

use http::Request;

use super::pretend::Pretended;
use super::server::ResourceServer;
use crate::token::ValidatedToken;
use crate::validate::TokenValidator;

impl<R> ResourceServer<R> {
    pub(crate) fn validator(&self) -> &dyn TokenValidator {
        &*self.core.validator
    }

    /// Lets this server's gates take the request for one with a token that they validated.
    pub(crate) fn pretend_validated<B>(&self, request: &mut Request<B>, token: ValidatedToken) {
        Pretended::leave(request, &self.core, token);
    }
}
