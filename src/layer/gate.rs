use std::sync::Arc;

use http::{Extensions, HeaderMap, Request, Uri};
use tower_service::Service;

use super::core::Core;
use super::mark::Mark;
use super::rejection::{Reason, Rejection};
use crate::bearer::{BearerToken, Credential, credential};
use crate::boxed::BoxFuture;
use crate::policy::{Decision, Policy, PolicyInput};
use crate::token::ValidatedToken;
use crate::validate::{InvalidToken, Presented, Validation, ValidationError, check_binding, check_expiry};

/// One server, one policy: what a layer asks of every request.
pub(super) struct Gate {
    pub(super) core: Arc<Core>,
    pub(super) policy: Box<dyn Policy>,
}

/// Who is asking, as far as it is known without waiting.
pub(super) enum Authentication {
    Known(Result<Principal, Rejection>),
    Pending(BoxFuture<'static, Result<ValidatedToken, ValidationError>>),
}

/// A token that was validated for this request, and by whom.
pub(super) enum Principal {
    /// By this layer.
    Fresh(ValidatedToken),
    /// By an outer layer of the same server.
    Reused(ValidatedToken),
}

/// A request that may reach the inner service. [`Gate::admit`] is its only source.
pub(super) struct Permitted<B>(Request<B>);

impl<B> Permitted<B> {
    /// The one place that calls the inner service.
    pub(super) fn call<S: Service<Request<B>>>(self, ready: &mut S) -> S::Future {
        ready.call(self.0)
    }
}

impl Gate {
    /// Steps 1 to 3: find the credential, validate it.
    pub(super) fn authenticate<B>(&self, request: &Request<B>) -> Authentication {
        if let Some(token) = self.validated_before(request.headers(), request.extensions()) {
            return Authentication::Known(Ok(Principal::Reused(token.clone())));
        }
        let uri = original_uri(request);
        let token = match one_token(request.headers(), uri) {
            Ok(token) => token,
            Err(rejection) => return Authentication::Known(Err(rejection)),
        };
        let presented = Presented::new(token, request.method(), uri, request.headers(), request.extensions());
        match self.core.validator.validate(presented) {
            Validation::Ready(result) => Authentication::Known(self.accept(result)),
            Validation::Pending(pending) => Authentication::Pending(pending),
        }
    }

    /// The result of an outer layer: of this very server, for exactly the credential that is there now, and
    /// judged anew where time may have changed the answer.
    fn validated_before<'a>(
        &self,
        headers: &HeaderMap,
        extensions: &'a Extensions,
    ) -> Option<&'a ValidatedToken> {
        let token = Mark::of(extensions)?.token_for(&self.core, headers)?;
        self.check_now(token).is_ok().then_some(token)
    }

    /// The last steps of authentication, after any validator and before policy: the binding, and once more
    /// the end of the token.
    pub(super) fn accept(
        &self,
        result: Result<ValidatedToken, ValidationError>,
    ) -> Result<Principal, Rejection> {
        let token = result?;
        check_binding(&token)?;
        self.check_now(&token)?;
        Ok(Principal::Fresh(token))
    }

    /// Judges `exp` at this instant. Whether there must be one is for the validator to say.
    fn check_now(&self, token: &ValidatedToken) -> Result<(), InvalidToken> {
        match token.expires_at() {
            Some(_) => check_expiry(token.claims(), self.core.clock.unix_time(), self.core.leeway),
            None => Ok(()),
        }
    }

    /// Steps 4 and 5: decide, and mark the request. Only what comes out of here reaches the inner service.
    pub(super) fn admit<B>(
        &self,
        mut request: Request<B>,
        principal: Result<Principal, Rejection>,
    ) -> Result<Permitted<B>, Rejection> {
        let principal = principal?;
        let (Principal::Fresh(token) | Principal::Reused(token)) = &principal;
        let input = PolicyInput::new(
            Some(token),
            request.method(),
            original_uri(&request).path(),
            request.extensions(),
        );
        if let Decision::Deny(denial) = self.policy.decide(&input) {
            return Err(Reason::Denied(denial).into());
        }
        if let Principal::Fresh(token) = principal {
            Mark::leave(&mut request, Arc::clone(&self.core), token);
        }
        Ok(Permitted(request))
    }
}

/// The token of a request that must have one.
fn one_token<'a>(headers: &'a HeaderMap, uri: &Uri) -> Result<BearerToken<'a>, Rejection> {
    match credential(headers, uri)? {
        Credential::Bearer(token) => Ok(token),
        Credential::Absent => Err(Reason::Missing.into()),
    }
}

/// The URI as the client sent it: below `Router::nest`, the request's own has lost its prefix.
fn original_uri<B>(request: &Request<B>) -> &Uri {
    #[cfg(feature = "axum")]
    if let Some(uri) = super::axum::original_uri(request.extensions()) {
        return uri;
    }
    request.uri()
}
