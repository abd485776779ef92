use std::fmt;
use std::str::FromStr;

use super::generic::{PLAIN_JWT, RFC_9068};
use super::kind::TokenKind;

/// What kind of access token an issuer sends.
///
/// Both profiles check issuer, audience, expiry and signature. They differ in how they know an access token
/// from the other tokens that the same issuer signs with the same keys: ID tokens, logout tokens, security
/// events, DPoP proofs and more: by its type, or by claims that only the other kind has.
///
/// ```
/// use portcullis::testing::{Issuer, validate};
/// use portcullis::{Profile, ResourceServer, TrustedIssuer, Validation};
///
/// let issuer = Issuer::offline("https://id.example.com");
/// let admits = |profile: Profile, token: String| {
///     let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set()).profile(profile))
///         .audience("https://api.example.com")
///         .build()
///         .unwrap();
///     let request = http::Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
///     matches!(validate(&auth, &request), Validation::Ready(Ok(_)))
/// };
/// let token = issuer.token("https://api.example.com");
/// assert!(admits(Profile::Rfc9068, token.clone().sign()));
/// let plain = token.header("typ", "JWT");
/// assert!(!admits(Profile::Rfc9068, plain.clone().sign()));
/// assert!(admits(Profile::PlainJwt, plain.clone().sign()));
/// // An ID token is never an access token.
/// assert!(!admits(Profile::PlainJwt, plain.claim("nonce", "n-0S6_WzA2Mj").sign()));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Profile {
    /// RFC 9068: `typ` is `at+jwt`, and `sub`, `client_id`, `iat` and `jti` are required beside `iss`, `aud`
    /// and `exp`. The default.
    #[default]
    Rfc9068,
    /// JWTs without an explicit type, as many issuers send them: `typ` may also be `JWT` or missing. Claims
    /// that mark another kind of token are refused: those of ID tokens (`nonce`, `at_hash`, `c_hash`, `s_hash`,
    /// `token_use` or `typ` with the value for it), of logout tokens and security events (`events`), of
    /// authorization responses (`code`), introspection answers (`token_introspection`), DPoP proofs (`htm`,
    /// `htu`) and presentations (`vp`, `vc`).
    ///
    /// Not checked, because nothing shows it: an ID token without any of these claims looks like an access
    /// token. It is refused by its audience, which is the client's identifier, as long as you do not use the
    /// client's identifier as the audience of your API.
    PlainJwt,
}

impl Profile {
    const ALL: [Self; 2] = [Self::Rfc9068, Self::PlainJwt];

    pub(crate) fn kind(self) -> &'static TokenKind {
        match self {
            Self::Rfc9068 => &RFC_9068,
            Self::PlainJwt => &PLAIN_JWT,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name)
    }
}

/// A text that names no profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("neither `rfc9068` nor `plain_jwt`")]
pub struct UnknownProfile(());

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::ALL.into_iter().find(|profile| profile.kind().name == name).ok_or(UnknownProfile(()))
    }
}
