use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{IntrospectionError, SignatureError, TYP};
use crate::claims::Claims;
use crate::jose::{AllowedAlgorithms, JoseError, JoseHeader, UnverifiedJws, VerifiedJws};
use crate::jwks::{Keys, Lookup, Missing};

/// What a signed answer must say (RFC 9701 §5).
pub(crate) struct SignedAnswers {
    pub(crate) issuer: Box<str>,
    /// What this resource server is called: the client that asks, and the audiences of its tokens.
    pub(crate) own_names: Vec<Box<str>>,
    pub(crate) allowed: AllowedAlgorithms,
    pub(crate) leeway: Duration,
    /// How long it takes at most to fetch keys.
    pub(crate) keys_within: Duration,
}

/// The one member that answers. Whatever else the JWT says is said of the JWT.
#[derive(Deserialize)]
struct Enveloped<'a> {
    #[serde(borrow)]
    token_introspection: &'a RawValue,
}

/// When a question was put and answered, as time since the Unix epoch.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) at: Duration,
    pub(super) now: Duration,
}

impl SignedAnswers {
    /// The object that answers, out of a JWT that its issuer signed for us, now.
    pub(super) async fn open(
        &self,
        jwt: &str,
        keys: &Keys,
        asked: Asked,
    ) -> Result<String, IntrospectionError> {
        let proof = self.verify(jwt, keys).await?;
        self.checked(&proof, jwt, asked).map_err(IntrospectionError::Signature)
    }

    async fn verify(&self, jwt: &str, keys: &Keys) -> Result<VerifiedJws, IntrospectionError> {
        let untrusted = |error: SignatureError| IntrospectionError::Signature(error);
        let jws = UnverifiedJws::split(jwt).map_err(|error| untrusted(error.into()))?;
        let header = JoseHeader::parse(&jws, &self.allowed).map_err(|error| untrusted(error.into()))?;
        // RFC 8725 §3.11: an ID token of the same issuer must not answer, nor anything else that it signs.
        if !header.typ().is_some_and(|typ| typ.is(TYP)) {
            return Err(untrusted(SignatureError::WrongType));
        }
        let mut may_wait = true;
        loop {
            let verified = keys.lookup(&header, None, |keys| keys.verify(&jws).map(|proof| (proof, ())));
            let missing = match verified {
                Lookup::Found(Ok((proof, ()))) => return Ok(proof),
                // Without `kid`, a key that we do not have yet looks like a forgery.
                Lookup::Found(Err(JoseError::BadSignature)) if may_wait && header.key_id().is_none() => {
                    keys.missing()
                }
                Lookup::Found(Err(error)) => return Err(untrusted(error.into())),
                Lookup::Missing(missing) => missing,
            };
            match missing {
                Missing::Unknown => {
                    return Err(untrusted(JoseError::UnknownKey(header.algorithm()).into()));
                }
                Missing::Unavailable { retry_after } => {
                    return Err(IntrospectionError::NoKeys { retry_after });
                }
                Missing::Fetch => {
                    if !std::mem::take(&mut may_wait) {
                        return Err(IntrospectionError::NoKeys { retry_after: Duration::ZERO });
                    }
                    if let Some(mut waiting) = keys.fetch() {
                        waiting.landed().await;
                    }
                }
            }
        }
    }

    /// What a JWT says, whose signature was verified.
    fn checked(&self, _: &VerifiedJws, jwt: &str, asked: Asked) -> Result<String, SignatureError> {
        let payload = UnverifiedJws::split(jwt)?.payload_text()?;
        let claims = Claims::from_json(payload.as_str())?;
        if claims.issuer() != Some(&self.issuer) {
            return Err(SignatureError::OtherIssuer);
        }
        if !claims.audience().any(|audience| self.own_names.iter().any(|own| **own == *audience)) {
            return Err(SignatureError::OtherAudience);
        }
        let issued_at = claims.issued_at().ok_or(SignatureError::Undated)?.since_epoch();
        // Recent, and no more than that: RFC 9701 ties an answer to no question and no token, so it may be that of another
        // one, put up to the leeway ago. Who dates by whole seconds dates by the one that has begun.
        let since = Duration::from_secs(asked.at.saturating_sub(self.leeway).as_secs());
        let latest = asked.now.saturating_add(self.leeway);
        if !(since..=latest).contains(&issued_at) {
            return Err(SignatureError::NotRecent);
        }
        // RFC 7519 §4.1.4 and §4.1.5, which hold of every JWT.
        if claims.not_before().is_some_and(|not_before| not_before.since_epoch() > latest) {
            return Err(SignatureError::NotYetValid);
        }
        if claims.expires_at().is_some_and(|expires_at| expires_at.since_epoch() <= asked.now) {
            return Err(SignatureError::Expired);
        }
        let enveloped: Enveloped<'_> = serde_json::from_str(&payload).map_err(|_| SignatureError::Silent)?;
        let answer = enveloped.token_introspection.get();
        if answer.starts_with('{') { Ok(answer.to_owned()) } else { Err(SignatureError::Silent) }
    }
}
