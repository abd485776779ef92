use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, Request, Response, StatusCode, header};
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{
    Policy, Rejection, RequireLayer, ResourceServer, ResourceServerBuilder, TrustedIssuer, ValidatedToken,
};
use tower::{ServiceExt as _, service_fn};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// An API behind one layer: a service that counts its calls and answers with the subject it was handed.
pub(crate) struct Api {
    layer: RequireLayer,
    calls: Arc<AtomicUsize>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) rejection: Option<Rejection>,
    /// How often the inner service was called for this request.
    pub(crate) inner_calls: usize,
}

impl Api {
    pub(crate) fn new(layer: RequireLayer) -> Self {
        Self { layer, calls: Arc::default() }
    }

    /// An issuer with fixed keys, its server (to be configured further), and the clock of both.
    pub(crate) fn parts() -> (Issuer, ResourceServerBuilder, ManualClock) {
        Self::trusting(|issuer| issuer)
    }

    /// The same, where the server trusts the issuer with further settings.
    pub(crate) fn trusting(
        configure: impl FnOnce(TrustedIssuer) -> TrustedIssuer,
    ) -> (Issuer, ResourceServerBuilder, ManualClock) {
        let clock = ManualClock::at(super::NOW);
        let issuer = Issuer::offline(ISSUER).with_clock(clock.clone());
        let trusted = configure(TrustedIssuer::new(ISSUER).jwk_set(issuer.jwk_set()));
        let server = ResourceServer::builder(trusted).audience(AUDIENCE).with_clock(clock.clone());
        (issuer, server, clock)
    }

    /// An issuer with fixed keys and an API that requires `policy`.
    pub(crate) fn requiring(policy: impl Policy) -> (Issuer, Self) {
        let (issuer, server, _) = Self::parts();
        (issuer, Self::new(server.build().unwrap().require(policy)))
    }

    /// How often the inner service was called so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) async fn send(&self, request: Request<()>) -> Answer {
        let before = self.calls.load(Ordering::SeqCst);
        let calls = Arc::clone(&self.calls);
        let inner = service_fn(move |request: Request<()>| {
            calls.fetch_add(1, Ordering::SeqCst);
            let subject = match ValidatedToken::of(request.extensions()) {
                Some(token) => token.subject().unwrap_or("nobody"),
                None => "anonymous",
            };
            let subject = subject.to_owned();
            async { Ok::<_, Infallible>(Response::new(subject)) }
        });
        let response = self.layer.layer(inner).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
            rejection: parts.extensions.get().cloned(),
            inner_calls: self.calls.load(Ordering::SeqCst) - before,
        }
    }

    /// A GET with this `Authorization` value.
    pub(crate) async fn authorization(&self, value: impl AsRef<[u8]>) -> Answer {
        let value = http::HeaderValue::from_bytes(value.as_ref()).unwrap();
        self.send(Request::get("/").header(header::AUTHORIZATION, value).body(()).unwrap()).await
    }

    /// A GET with this bearer token.
    pub(crate) async fn token(&self, token: impl AsRef<str>) -> Answer {
        self.authorization(format!("Bearer {}", token.as_ref())).await
    }
}

impl Answer {
    pub(crate) fn code(&self) -> &'static str {
        self.rejection.as_ref().map_or("admitted", Rejection::code)
    }

    pub(crate) fn challenge(&self) -> &str {
        let mut values = self.headers.get_all(header::WWW_AUTHENTICATE).iter();
        let value = values.next().map_or("", |value| value.to_str().unwrap());
        assert!(values.next().is_none(), "one challenge per scheme");
        value
    }

    #[track_caller]
    pub(crate) fn assert_admitted(&self) {
        self.assert_let_through();
        assert_ne!(self.body, "anonymous", "an admitted request carries its token");
    }

    /// Admitted without a token.
    #[track_caller]
    pub(crate) fn assert_anonymous(&self) {
        self.assert_let_through();
        assert_eq!(self.body, "anonymous");
    }

    #[track_caller]
    fn assert_let_through(&self) {
        assert_eq!((self.status, self.code(), self.inner_calls), (StatusCode::OK, "admitted", 1));
        assert_eq!(self.challenge(), "");
    }

    /// Status, challenge, code, and that the inner service never ran.
    #[track_caller]
    fn assert_refused(&self, status: u16, error: Option<&str>, code: &str) {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{:?}", self.rejection);
        let (promised_status, promised_error) = super::promised(code);
        assert_eq!((promised_status, promised_error.as_deref()), (status, error), "docs/codes.md");
        assert_eq!(self.inner_calls, 0, "a refused request does not reach the inner service");
        assert_eq!(self.body, "");
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        let expected = error.map_or("Bearer realm=\"api\"".to_owned(), |error| {
            format!("Bearer realm=\"api\", error=\"{error}\", error_description=\"")
        });
        assert!(self.challenge().starts_with(&expected), "{} / {expected}", self.challenge());
        if error.is_none() {
            assert_eq!(self.challenge(), expected);
        }
    }

    /// 400 `invalid_request`.
    #[track_caller]
    pub(crate) fn assert_malformed(&self, code: &str) {
        self.assert_refused(400, Some("invalid_request"), code);
    }

    /// 401 without an error code.
    #[track_caller]
    pub(crate) fn assert_unauthenticated(&self) {
        self.assert_refused(401, None, "missing_credential");
    }

    /// 403 with a bare challenge: the token is in a cookie, and another site may have made the request.
    #[track_caller]
    pub(crate) fn assert_cross_site(&self) {
        self.assert_refused(403, None, "cross_site");
    }

    /// 401 `invalid_token`.
    #[track_caller]
    pub(crate) fn assert_invalid(&self, code: &str) {
        self.assert_refused(401, Some("invalid_token"), code);
        assert!(!self.challenge().contains("scope="));
    }

    /// 403 `insufficient_scope`, naming these scopes (or none).
    #[track_caller]
    pub(crate) fn assert_denied(&self, scopes: Option<&str>) {
        self.assert_refused(403, Some("insufficient_scope"), "denied");
        let ending = scopes.map(|scopes| format!("scope=\"{scopes}\""));
        match ending {
            Some(ending) => assert!(self.challenge().ends_with(&ending), "{} / {ending}", self.challenge()),
            None => assert!(!self.challenge().contains("scope="), "{}", self.challenge()),
        }
    }

    /// 401 `insufficient_user_authentication`, naming exactly this in this order.
    #[track_caller]
    pub(crate) fn assert_step_up(&self, named: &[(&str, &str)]) {
        self.assert_refused(401, Some("insufficient_user_authentication"), "step_up_required");
        let challenges = super::Challenge::list(self.challenge()).unwrap();
        assert_eq!(challenges.len(), 1);
        // Behind `realm`, `error` and `error_description`.
        let parameters = challenges[0].parameters.iter().skip(3);
        let parameters: Vec<_> = parameters.map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(parameters, named);
    }

    /// 503 with `Retry-After` in seconds, and nothing said about the token.
    #[track_caller]
    pub(crate) fn assert_unavailable(&self, retry_after: u64) {
        assert_eq!((self.status.as_u16(), self.code()), (503, "unavailable"));
        assert_eq!(super::promised("unavailable"), (503, None));
        assert_eq!(self.inner_calls, 0);
        assert_eq!(self.challenge(), "");
        assert_eq!(self.headers[header::RETRY_AFTER], retry_after.to_string());
    }
}
