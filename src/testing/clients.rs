use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use serde_json::{Map, Value};

use super::introspection_request::IntrospectionRequest;
use super::verified::verified;
use crate::jose::JwkSet;

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a client of an issuer authenticates with.
pub(super) enum Credential {
    Secret(String),
    /// A bearer token (RFC 7662 §2.1).
    Token(String),
    /// The keys that sign its assertions (`private_key_jwt`).
    Keys(JwkSet),
}

/// Why a request is not of a known client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NoClient {
    /// RFC 6749 §2.3: one method for each request.
    SeveralMethods,
    /// Without credentials, or with wrong ones.
    Unauthenticated,
    /// RFC 6750 §3.1: with a bearer token that is none.
    WrongToken,
}

/// Who may introspect, by client identifier.
pub(super) struct Clients(Mutex<HashMap<String, Credential>>);

impl Default for Clients {
    fn default() -> Self {
        let secret = Credential::Secret("secret".to_owned());
        Self(Mutex::new(HashMap::from([("api".to_owned(), secret)])))
    }
}

/// What assertions are held against.
pub(super) struct Expected<'a> {
    /// Either may be the audience.
    pub(super) audiences: [&'a str; 2],
    pub(super) now: u64,
}

impl Clients {
    pub(super) fn set(&self, client_id: &str, credential: Credential) {
        self.known().insert(client_id.to_owned(), credential);
    }

    /// The client that sent this request.
    pub(super) fn authenticate(
        &self,
        request: &IntrospectionRequest,
        expected: &Expected<'_>,
    ) -> Result<String, NoClient> {
        let authorization = request.headers.get(header::AUTHORIZATION);
        let (secret, assertion) = (request.field("client_secret"), request.field("client_assertion"));
        let methods = [authorization.is_some(), secret.is_some(), assertion.is_some()];
        if methods.into_iter().filter(|used| *used).count() > 1 {
            return Err(NoClient::SeveralMethods);
        }
        if let Some(authorization) = authorization {
            let (scheme, rest) = authorization
                .to_str()
                .ok()
                .and_then(|text| text.split_once(' '))
                .ok_or(NoClient::Unauthenticated)?;
            if scheme.eq_ignore_ascii_case("Bearer") {
                return self.by_token(rest).ok_or(NoClient::WrongToken);
            }
            let basic = scheme.eq_ignore_ascii_case("Basic").then(|| basic(rest)).flatten();
            let (id, secret) = basic.ok_or(NoClient::Unauthenticated)?;
            return self.by_secret(&id, &secret).ok_or(NoClient::Unauthenticated);
        }
        let id = request.field("client_id");
        let client = match (secret, assertion) {
            (Some(secret), _) => id.and_then(|id| self.by_secret(id, secret)),
            (None, Some(assertion)) if request.field("client_assertion_type") == Some(ASSERTION_TYPE) => {
                self.by_assertion(assertion, expected).filter(|known| id.is_none_or(|id| id == known))
            }
            _ => None,
        };
        client.ok_or(NoClient::Unauthenticated)
    }

    fn by_token(&self, token: &str) -> Option<String> {
        let is_it = |known: &Credential| matches!(known, Credential::Token(own) if own == token);
        self.known().iter().find_map(|(id, known)| is_it(known).then(|| id.clone()))
    }

    fn by_secret(&self, id: &str, secret: &str) -> Option<String> {
        let clients = self.known();
        let Credential::Secret(own) = clients.get(id)? else { return None };
        (own == secret).then(|| id.to_owned())
    }

    /// RFC 7523 §3.
    fn by_assertion(&self, assertion: &str, expected: &Expected<'_>) -> Option<String> {
        let clients = self.known();
        clients.iter().find_map(|(id, known)| {
            let Credential::Keys(keys) = known else { return None };
            let claims = verified(assertion, keys, &[None, Some("JWT"), Some("client-authentication+jwt")])?;
            is_of_client(&claims, id, expected).then(|| id.clone())
        })
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Credential>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_of_client(claims: &Map<String, Value>, id: &str, expected: &Expected<'_>) -> bool {
    let is = |name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
    let for_us = match claims.get("aud") {
        Some(Value::String(audience)) => expected.audiences.contains(&&**audience),
        Some(Value::Array(all)) => {
            all.iter().filter_map(Value::as_str).any(|one| expected.audiences.contains(&one))
        }
        _ => false,
    };
    let expires_at = claims.get("exp").and_then(Value::as_u64);
    is("iss", id) && is("sub", id) && for_us && expires_at.is_some_and(|at| at > expected.now)
}

/// RFC 6749 §2.3.1: identifier and secret, each encoded as in a form, and then as RFC 7617 has it.
fn basic(credentials: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

/// One value of a form, or nothing if it was not encoded as one.
fn form_decoded(text: &str) -> Option<String> {
    let encoded = !text.contains(['&', '=']);
    let decode = || form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned());
    encoded.then(decode)?
}
