use std::sync::Arc;

use http::{Extensions, HeaderMap, HeaderValue, Request, header};

use super::core::Core;
#[cfg(feature = "axum")]
use crate::bearer::Realm;
use crate::token::ValidatedToken;

/// What a gate leaves in a request's extensions. The type is private: neither a client nor another layer can
/// make one, so whoever finds one knows that a gate of this crate put it there.
#[derive(Clone)]
pub(super) struct Mark {
    core: Arc<Core>,
    presented: HeaderValue,
    token: ValidatedToken,
}

impl Mark {
    /// Marks a request whose token was validated by this server.
    pub(super) fn leave<B>(request: &mut Request<B>, core: Arc<Core>, token: ValidatedToken) {
        if let Some(presented) = request.headers().get(header::AUTHORIZATION).cloned() {
            request.extensions_mut().insert(Self { core, presented, token });
        }
    }

    pub(super) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    pub(super) fn token(&self) -> &ValidatedToken {
        &self.token
    }

    #[cfg(feature = "axum")]
    pub(super) fn realm(&self) -> &Realm {
        &self.core.realm
    }

    /// The token, if it was validated by this very server and for exactly the credential that is there now.
    pub(super) fn token_for(&self, core: &Arc<Core>, headers: &HeaderMap) -> Option<&ValidatedToken> {
        let mut lines = headers.get_all(header::AUTHORIZATION).iter();
        let same_credential = lines.next() == Some(&self.presented) && lines.next().is_none();
        (same_credential && Arc::ptr_eq(&self.core, core)).then_some(&self.token)
    }
}

impl ValidatedToken {
    /// The token of a request that passed a layer of this crate; `None` where none ran.
    ///
    /// For services without extractors. Nothing but a layer can put a token there.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        Mark::of(extensions).map(Mark::token)
    }
}
