use std::sync::Arc;

use http::{Extensions, Request};

use super::core::Core;
use super::evidence::Evidence;
use super::style::BodyStyle;
use crate::token::ValidatedToken;

/// What a gate leaves in a request's extensions. The type is private: neither a client nor another layer can
/// make one, so whoever finds one knows that a gate of this crate put it there.
#[derive(Clone)]
pub(super) struct Mark {
    core: Arc<Core>,
    /// How the gate answers; its extractors answer alike.
    style: BodyStyle,
    /// `None`: admitted without a credential.
    bearer: Option<Bearer>,
}

#[derive(Clone)]
struct Bearer {
    token: ValidatedToken,
    presented: Evidence,
}

impl Mark {
    /// Marks a request whose token was validated by this server, or that was admitted without one.
    pub(super) fn leave<B>(
        request: &mut Request<B>,
        core: Arc<Core>,
        style: BodyStyle,
        token: Option<(ValidatedToken, Evidence)>,
    ) {
        let bearer = token.map(|(token, presented)| Bearer { token, presented });
        request.extensions_mut().insert(Self { core, style, bearer });
    }

    /// Answers of extractors from now on.
    pub(super) fn restyle<B>(request: &mut Request<B>, style: BodyStyle) {
        if let Some(mark) = request.extensions_mut().get_mut::<Self>() {
            mark.style = style;
        }
    }

    pub(super) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// The token; `None` where the request was admitted without one.
    pub(super) fn token(&self) -> Option<&ValidatedToken> {
        self.bearer.as_ref().map(|bearer| &bearer.token)
    }

    /// What the server is made of.
    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(super) fn style(&self) -> BodyStyle {
        self.style
    }

    /// The token, if it was validated by this very server and for exactly the credential that is there now.
    pub(super) fn token_for<B>(&self, core: &Arc<Core>, request: &Request<B>) -> Option<&ValidatedToken> {
        let bearer = self.bearer.as_ref()?;
        (Arc::ptr_eq(&self.core, core) && bearer.presented.is_in(request, &core.carriers))
            .then_some(&bearer.token)
    }
}

impl ValidatedToken {
    /// The token of a request that passed a layer of this crate; `None` where none ran, and where one admitted the
    /// request without a token ([`anyone`](crate::anyone)).
    ///
    /// For services without extractors. Nothing but a layer can put a token there.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        Mark::of(extensions).and_then(Mark::token)
    }
}
