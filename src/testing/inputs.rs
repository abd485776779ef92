use http::{Request, header};

use crate::bearer::BearerToken;
use crate::layer::ResourceServer;
use crate::validate::{Presented, Validation};

/// What a validator of your own is given for this request, which has one `Authorization` field with a bearer token.
///
/// # Panics
///
/// If it has none.
#[must_use]
#[track_caller]
pub fn presented<B>(request: &Request<B>) -> Presented<'_> {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer ")).and_then(BearerToken::parse);
    let token = token.expect("a request with `Authorization: Bearer` and a token");
    Presented::new(token, request.method(), request.uri(), request.headers(), request.extensions())
}

/// What a server's validator says of this request's token, before binding and policy.
///
/// # Panics
///
/// If the request has no bearer token.
#[track_caller]
pub fn validate<R, B>(server: &ResourceServer<R>, request: &Request<B>) -> Validation {
    server.validator().validate(presented(request))
}
