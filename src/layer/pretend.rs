//! What the test kit may do that nobody else can.

use std::sync::Arc;

use http::{HeaderValue, Request, header};

use super::mark::Mark;
use super::server::ResourceServer;
use super::style::BodyStyle;
use crate::bearer::Carrier;
use crate::token::ValidatedToken;
use crate::validate::TokenValidator;

impl<R> ResourceServer<R> {
    pub(crate) fn validator(&self) -> &dyn TokenValidator {
        &*self.core.validator
    }

    /// Marks a request as if this server had validated `token` for it.
    pub(crate) fn pretend_validated<B>(&self, request: &mut Request<B>, token: ValidatedToken) {
        let presented = HeaderValue::from_static("Bearer pretended");
        request.headers_mut().insert(header::AUTHORIZATION, presented);
        Mark::leave(request, Arc::clone(&self.core), BodyStyle::Empty, Some((token, Carrier::Authorization)));
    }
}
