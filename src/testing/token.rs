use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::documents::Documents;
use super::flaw::Flaw;
use super::issued::{self, Known};
use super::signing::{authenticate, base64url};
use crate::bearer::BearerToken;
use crate::jose::{HmacKey, SignatureAlgorithm};

/// A token in the making. Made by [`Issuer::token`](super::Issuer::token); it starts out right in every respect.
///
/// [`sign`](Self::sign) makes a JWT of it, [`opaque`](Self::opaque) an opaque token. What concerns header and signature
/// (`algorithm`, `hmac_key`, `header`, `without_header`) means nothing to the latter.
#[derive(Clone)]
#[must_use = "a token is made by `sign` or `opaque`"]
pub struct TokenBuilder {
    documents: Arc<Documents>,
    algorithm: SignatureAlgorithm,
    hmac_key: Option<HmacKey>,
    now: u64,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    flaw: Option<Flaw>,
}

impl TokenBuilder {
    pub(super) fn new(documents: Arc<Documents>, audience: &str, now: u64) -> Self {
        let claims = json!({
            "iss": documents.issuer,
            "aud": audience,
            "sub": "alice",
            "client_id": "client-1",
            "iat": now,
            "exp": now + 300,
            "jti": format!("jti-{now}"),
        });
        let Value::Object(claims) = claims else { return Self::empty(documents, now) };
        Self { claims, ..Self::empty(documents, now) }
    }

    fn empty(documents: Arc<Documents>, now: u64) -> Self {
        let header = Map::from_iter([("typ".to_owned(), json!("at+jwt"))]);
        Self {
            documents,
            algorithm: SignatureAlgorithm::Es256,
            hmac_key: None,
            now,
            header,
            claims: Map::new(),
            flaw: None,
        }
    }

    /// Signs with this algorithm instead of ES256.
    pub fn algorithm(mut self, algorithm: SignatureAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Authenticates with this secret instead of signing with a key of the issuer. `kid` is left out, and is no flaw: a
    /// server that has a secret does not look at it.
    pub fn hmac_key(mut self, key: HmacKey) -> Self {
        self.hmac_key = Some(key);
        self
    }

    /// `sub`. Default: `alice`.
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// `scope`: scopes separated by spaces. Default: no claim.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// `roles`. Default: no claim.
    pub fn roles<const N: usize>(self, roles: [&str; N]) -> Self {
        self.claim("roles", roles.map(Value::from).to_vec())
    }

    /// `exp`, counted from now. Default: five minutes.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        let expires_at = self.now + lifetime.as_secs();
        self.claim("exp", expires_at)
    }

    /// Any claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Any header parameter. `alg` and `kid` are filled in where they are not set.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a header parameter out. `kid` stays out if it is removed here.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.insert(name.to_owned(), Value::Null);
        self
    }

    /// Makes the token wrong in one respect. An opaque one cannot be wrong in all of them:
    /// [`Flaw::concerns_claims`].
    pub fn flaw(mut self, flaw: Flaw) -> Self {
        self.flaw = Some(flaw);
        self
    }

    /// Makes an opaque token: a random text, of which the issuer's introspection endpoint says what is claimed here, with
    /// `active` (`true`) and `token_type` (`Bearer`) filled in where they are not set. It has characters that must be
    /// encoded in a form or a URL.
    ///
    /// A [flaw](Self::flaw) is one of the answer. Of a token that has expired or is not yet valid, the endpoint says no more
    /// than that it is not active.
    ///
    /// ```
    /// use portcullis::testing::{Flaw, Issuer};
    ///
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let token = issuer.token("https://api.example.com").scope("orders:read");
    /// assert_ne!(token.clone().opaque(), token.clone().opaque());
    /// let foreign = token.clone().flaw(Flaw::WrongAudience).opaque();
    /// assert!(token.opaque_with_prefix("gho_").starts_with("gho_") && !foreign.starts_with("gho_"));
    /// ```
    ///
    /// # Panics
    ///
    /// If the flaw is none of [the claims](Flaw::concerns_claims).
    #[must_use]
    #[track_caller]
    pub fn opaque(self) -> String {
        self.opaque_with_prefix("")
    }

    /// The same, with a text that begins with `prefix`, as tokens of some issuers do.
    ///
    /// # Panics
    ///
    /// If the flaw is none of [the claims](Flaw::concerns_claims), or the prefix has a character that a bearer token
    /// cannot have.
    #[must_use]
    #[track_caller]
    pub fn opaque_with_prefix(mut self, prefix: &str) -> String {
        if let Some(flaw) = self.flaw {
            let possible = flaw.concerns_claims();
            assert!(possible, "an opaque token has neither header nor signature, so it cannot have {flaw:?}");
            flaw.spoil_unsigned(&mut self.header, &mut self.claims, self.now);
        }
        let token = issued::new_text(prefix);
        assert!(BearerToken::parse(&token).is_some(), "no bearer token begins with {prefix:?}");
        self.documents.introspection.issued.set(&token, Known::Claims(self.claims));
        token
    }

    /// Signs the token.
    #[must_use]
    pub fn sign(mut self) -> String {
        if let Some(flaw) = self.flaw {
            flaw.spoil_unsigned(&mut self.header, &mut self.claims, self.now);
        }
        let claims = Value::Object(self.claims.clone()).to_string();
        let mut header = self.header;
        if let Some(key) = &self.hmac_key {
            header.entry("alg").or_insert_with(|| key.algorithm().name().into());
        } else {
            header.entry("alg").or_insert_with(|| self.algorithm.name().into());
            header.entry("kid").or_insert_with(|| self.documents.key(self.algorithm).key_id().into());
        }
        header.retain(|_, value| !value.is_null());
        let header = Value::Object(header).to_string();
        let token = match &self.hmac_key {
            Some(key) => {
                let input = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
                format!("{input}.{}", base64url(&authenticate(key, input.as_bytes())))
            }
            None => self.documents.sign(self.algorithm, &header, claims.as_bytes()),
        };
        self.flaw.map_or(token.clone(), |flaw| flaw.spoil_signed(&token, &self.claims))
    }
}

impl fmt::Debug for TokenBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBuilder").field("issuer", &self.documents.issuer).finish_non_exhaustive()
    }
}
