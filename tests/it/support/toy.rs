use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, header};
use portcullis::{Claims, InvalidToken, Presented, TokenValidator, Unavailable, ValidatedToken, Validation};
use tower::Service;

/// A validator that knows tokens by name, at once or after a while, and counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Toy {
    validations: Arc<AtomicUsize>,
}

impl Toy {
    pub(crate) fn validations(&self) -> usize {
        self.validations.load(Ordering::SeqCst)
    }
}

impl TokenValidator for Toy {
    fn validate(&self, presented: Presented<'_>) -> Validation {
        self.validations.fetch_add(1, Ordering::SeqCst);
        let token = |extra: &str| {
            let claims = format!(r#"{{"sub":"toy","scope":"x","exp":253402300799{extra}}}"#);
            Ok(ValidatedToken::assertion(Claims::from_json(claims).unwrap()))
        };
        match presented.token.expose_secret() {
            "good" => Validation::Ready(token("")),
            "slow" => Validation::Pending(Box::pin(async move {
                tokio::task::yield_now().await;
                token("")
            })),
            "good-in-10-s" => Validation::Pending(Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(10)).await;
                token("")
            })),
            "never" => Validation::Pending(Box::pin(std::future::pending())),
            "panic" => panic!("a validator with a bug"),
            "slow-panic" => Validation::Pending(Box::pin(async { panic!("a validator with a bug") })),
            "expired" => Validation::Ready(Ok(ValidatedToken::assertion(
                Claims::from_json(r#"{"exp":1000}"#).unwrap(),
            ))),
            "endless" => Validation::Ready(Ok(ValidatedToken::assertion(Claims::from_json("{}").unwrap()))),
            "bound" => Validation::Ready(token(r#","cnf":{"jkt":"x"}"#)),
            "slow-bound" => Validation::Pending(Box::pin(async move { token(r#","cnf":{}"#) })),
            "down" => {
                Validation::Ready(Err(
                    Unavailable::new("the oracle is asleep", Duration::from_millis(1500)).into()
                ))
            }
            "slow-down" => Validation::Pending(Box::pin(async {
                Err(Unavailable::new("the oracle is asleep", Duration::ZERO).into())
            })),
            _ => Validation::Ready(Err(InvalidToken::refused("not one of ours").into())),
        }
    }
}

/// A GET with this bearer token.
pub(crate) fn get(token: &str) -> Request<()> {
    Request::get("/").header(header::AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap()
}

/// A service that counts its calls, and panics when it is called without having been polled ready, as `Buffer` and
/// `ConcurrencyLimit` do.
#[derive(Default)]
pub(crate) struct Strict {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Strict {
    /// How often this service and its clones were called.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being polled ready");
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(Response::default()))
    }
}
