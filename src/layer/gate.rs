use std::sync::Arc;

use http::{Request, Response};
use tower_service::Service;

use super::answer::{Dialect, Refusal, answer};
use super::core::Core;
use super::evidence::Evidence;
use super::mark::Mark;
use super::original_uri::original_uri;
use super::rejection::{Reason, Rejection};
use super::respond::Respond;
use super::style::Style;
use crate::bearer::{Carrier, Credential, credential};
use crate::boxed::BoxFuture;
use crate::policy::{Decision, Policy, PolicyInput};
use crate::token::ValidatedToken;
use crate::validate::{Presented, Validation, ValidationError, check_binding};

/// One server, one policy, one style of answers: what a layer asks of every request.
pub(super) struct Gate<R> {
    pub(super) core: Arc<Core>,
    pub(super) policy: Box<dyn Policy>,
    pub(super) respond: R,
}

/// Who is asking, as far as it is known without waiting.
pub(super) enum Authentication {
    Known(Result<Principal, Rejection>),
    Pending(BoxFuture<'static, Result<ValidatedToken, ValidationError>>, Evidence),
}

/// On whose behalf a request is made.
pub(super) enum Principal {
    /// A token that this layer validated, and what showed it.
    Fresh(ValidatedToken, Evidence),
    /// A token that an outer layer of the same server validated.
    Reused(ValidatedToken),
    /// Nobody that we know, and the policy takes such requests.
    Anonymous,
}

/// A request that may reach the inner service. [`Gate::admit`] is its only source.
pub(super) struct Permitted<B> {
    request: Request<B>,
    /// Where a token stood that this layer validated.
    pub(super) carrier: Option<Carrier>,
}

impl<B> Permitted<B> {
    /// The one place that calls the inner service.
    pub(super) fn call<S: Service<Request<B>>>(self, ready: &mut S) -> S::Future {
        ready.call(self.request)
    }
}

impl<R> Gate<R> {
    /// Steps 1 to 3: find the credential, validate it.
    pub(super) fn authenticate<B>(&self, request: &Request<B>) -> Authentication {
        #[cfg(feature = "testing")]
        if let Some((token, evidence)) = super::pretend::Pretended::of(request, &self.core) {
            return Authentication::Known(self.accept(Ok(token), || evidence));
        }
        if let Some(token) = self.validated_before(request) {
            return Authentication::Known(Ok(Principal::Reused(token.clone())));
        }
        // Of the URI that inner layers will see, too: a credential that somebody outside moved or removed is not there.
        let found = credential(request.method(), request.uri(), request.headers(), &self.core.carriers);
        let found = match found {
            Ok(Credential::Bearer(found)) => found,
            Ok(Credential::Absent) if self.policy.takes_anonymous() => {
                return Authentication::Known(Ok(Principal::Anonymous));
            }
            Ok(Credential::Absent) => return Authentication::Known(Err(Reason::Missing(None).into())),
            Err(error) => return Authentication::Known(Err(error.into())),
        };
        let extensions = request.extensions();
        let uri = original_uri(request.uri(), extensions);
        let presented = Presented::new(found.token(), request.method(), uri, request.headers(), extensions);
        match self.core.validator.validate(presented) {
            Validation::Ready(result) => {
                Authentication::Known(self.accept(result, || Evidence::of(request, &found)))
            }
            Validation::Pending(pending) => Authentication::Pending(pending, Evidence::of(request, &found)),
        }
    }

    /// The result of an outer layer: of this very server, for exactly the credential that is there now, and
    /// judged anew where time may have changed the answer.
    fn validated_before<'a, B>(&self, request: &'a Request<B>) -> Option<&'a ValidatedToken> {
        let token = Mark::of(request.extensions())?.token_for(&self.core, request)?;
        self.core.check_now(token).is_ok().then_some(token)
    }

    /// The last steps of authentication, after any validator and before policy: the binding, and once more
    /// the end of the token.
    pub(super) fn accept(
        &self,
        result: Result<ValidatedToken, ValidationError>,
        evidence: impl FnOnce() -> Evidence,
    ) -> Result<Principal, Rejection> {
        let token = result?;
        check_binding(&token)?;
        self.core.check_now(&token)?;
        Ok(Principal::Fresh(token, evidence()))
    }

    /// Steps 4 and 5: decide, and mark the request. Only what comes out of here reaches the inner service.
    pub(super) fn admit<B>(
        &self,
        mut request: Request<B>,
        principal: Result<Principal, Rejection>,
    ) -> Result<Permitted<B>, Refusal>
    where
        R: Style,
    {
        let principal = principal.and_then(|principal| {
            self.decide(&principal, &request)?;
            Ok(principal)
        });
        let principal = match principal {
            Ok(principal) => principal,
            Err(rejection) => {
                let dialect = Dialect::of(request.method(), request.version(), request.headers());
                return Err(Refusal { rejection, dialect });
            }
        };
        let style = self.respond.style();
        let mut mark = |token| Mark::leave(&mut request, Arc::clone(&self.core), style, token);
        let carrier = match principal {
            Principal::Fresh(token, evidence) => {
                let carrier = evidence.carrier();
                mark(Some((token, evidence)));
                Some(carrier)
            }
            Principal::Anonymous => {
                mark(None);
                None
            }
            // The outer layer's mark stays.
            Principal::Reused(_) => {
                Mark::restyle(&mut request, style);
                None
            }
        };
        Ok(Permitted { request, carrier })
    }

    fn decide<B>(&self, principal: &Principal, request: &Request<B>) -> Result<(), Rejection> {
        let token = match principal {
            Principal::Fresh(token, _) | Principal::Reused(token) => Some(token),
            Principal::Anonymous => None,
        };
        let path = original_uri(request.uri(), request.extensions()).path();
        let (now, leeway) = (self.core.clock.unix_time(), self.core.leeway);
        let input = PolicyInput::new(token, request.method(), path, request.extensions(), now, leeway);
        match self.policy.decide(&input) {
            Decision::Allow => Ok(()),
            // RFC 9110 §15.5.2: whoever may still say who they are is asked to.
            Decision::Deny(denial) if token.is_none() => Err(Reason::Missing(Some(denial)).into()),
            Decision::Deny(denial) => Err(Reason::Denied(denial).into()),
        }
    }

    /// The answer to a refused request.
    pub(super) fn answer<B>(&self, refusal: Refusal) -> Response<B>
    where
        R: Respond<B>,
    {
        answer(refusal, &self.core.challenges, &self.respond)
    }
}
