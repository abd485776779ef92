use serde_json::{Map, Value, json};

use super::signing::base64url;

/// The one respect in which a token is wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Flaw {
    /// `alg: none` and an empty signature.
    AlgNone,
    /// A letter of the signature is changed.
    BadSignature,
    /// Bound to a DPoP key (`cnf.jkt`) of which the request has no proof.
    BoundToKey,
    /// Claims changed after it was signed.
    ChangedClaims,
    /// A critical header parameter (`crit`) that nobody knows.
    CriticalHeader,
    /// The signature is missing.
    EmptySignature,
    /// Five parts: a JWE.
    Encrypted,
    /// Expired an hour ago.
    Expired,
    /// Issued in an hour.
    IssuedInTheFuture,
    /// Brings a key of its own in the header (`jwk`).
    KeyInHeader,
    /// Without `aud`.
    NoAudience,
    /// Without `exp`.
    NoExpiry,
    /// Valid in an hour.
    NotYetValid,
    /// Typed as an OpenID Connect logout token.
    OtherType,
    /// Signed with the right key under a `kid` that the issuer does not have.
    UnknownKey,
    /// For another audience.
    WrongAudience,
    /// From another issuer.
    WrongIssuer,
}

impl Flaw {
    /// Every flaw, to try an API against all of them.
    ///
    /// ```
    /// use portcullis::testing::{Flaw, Issuer, assert_invalid_token};
    /// use portcullis::{Rejection, ResourceServer, TrustedIssuer, authenticated};
    /// use tower::{ServiceExt as _, service_fn};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set()))
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// let service = auth.require(authenticated()).layer(service_fn(async |_: http::Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    /// }));
    /// for flaw in Flaw::ALL {
    ///     let token = issuer.token("https://api.example.com").flaw(flaw).sign();
    ///     let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
    ///     let refused = service.clone().oneshot(request.body(())?).await?;
    ///     assert_invalid_token(&refused);
    ///     assert_eq!(refused.extensions().get::<Rejection>().unwrap().code(), flaw.code());
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub const ALL: [Self; 17] = [
        Self::AlgNone,
        Self::BadSignature,
        Self::BoundToKey,
        Self::ChangedClaims,
        Self::CriticalHeader,
        Self::EmptySignature,
        Self::Encrypted,
        Self::Expired,
        Self::IssuedInTheFuture,
        Self::KeyInHeader,
        Self::NoAudience,
        Self::NoExpiry,
        Self::NotYetValid,
        Self::OtherType,
        Self::UnknownKey,
        Self::WrongAudience,
        Self::WrongIssuer,
    ];

    /// The [code](crate::Rejection::code) of the refusal of a JWT by a server whose keys are in memory.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AlgNone => "algorithm_not_allowed",
            Self::BadSignature | Self::ChangedClaims | Self::EmptySignature => "bad_signature",
            Self::BoundToKey => "binding_not_verified",
            Self::CriticalHeader | Self::KeyInHeader => "refused_header",
            Self::Encrypted => "encrypted",
            Self::Expired => "expired",
            Self::IssuedInTheFuture => "issued_in_the_future",
            Self::NoAudience | Self::NoExpiry => "missing_claim",
            Self::NotYetValid => "not_yet_valid",
            Self::OtherType => "wrong_type",
            Self::UnknownKey => "unknown_key",
            Self::WrongAudience => "wrong_audience",
            Self::WrongIssuer => "wrong_issuer",
        }
    }

    /// Whether it is in the claims, and not in header or signature: then an
    /// [opaque token](super::TokenBuilder::opaque) can have it too. Not each is one there: an answer without `exp` is right
    /// (RFC 7662 §2.2).
    ///
    /// ```
    /// use portcullis::testing::{Flaw, Issuer};
    ///
    /// let issuer = Issuer::offline("https://id.example.com");
    /// for flaw in Flaw::ALL.into_iter().filter(|flaw| flaw.concerns_claims()) {
    ///     let token = issuer.token("https://api.example.com").flaw(flaw).opaque();
    /// #   assert!(!token.is_empty());
    /// }
    /// assert!(Flaw::WrongAudience.concerns_claims() && !Flaw::BadSignature.concerns_claims());
    /// ```
    #[must_use]
    pub fn concerns_claims(self) -> bool {
        match self {
            Self::BoundToKey
            | Self::Expired
            | Self::IssuedInTheFuture
            | Self::NoAudience
            | Self::NoExpiry
            | Self::NotYetValid
            | Self::WrongAudience
            | Self::WrongIssuer => true,
            Self::AlgNone
            | Self::BadSignature
            | Self::ChangedClaims
            | Self::CriticalHeader
            | Self::EmptySignature
            | Self::Encrypted
            | Self::KeyInHeader
            | Self::OtherType
            | Self::UnknownKey => false,
        }
    }

    /// What is wrong before the token is signed.
    pub(super) fn spoil_unsigned(
        self,
        header: &mut Map<String, Value>,
        claims: &mut Map<String, Value>,
        now: u64,
    ) {
        let (target, name, value) = match self {
            Self::AlgNone => (header, "alg", json!("none")),
            Self::BoundToKey => {
                (claims, "cnf", json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }))
            }
            Self::CriticalHeader => (header, "crit", json!(["unheard-of"])),
            Self::Expired => {
                claims.insert("iat".to_owned(), json!(now.saturating_sub(7200)));
                (claims, "exp", json!(now.saturating_sub(3600)))
            }
            Self::IssuedInTheFuture => {
                claims.insert("exp".to_owned(), json!(now + 7200));
                (claims, "iat", json!(now + 3600))
            }
            Self::KeyInHeader => {
                let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
                (header, "jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": x }))
            }
            Self::NoAudience => return drop(claims.remove("aud")),
            Self::NoExpiry => return drop(claims.remove("exp")),
            Self::NotYetValid => {
                claims.insert("exp".to_owned(), json!(now + 7200));
                (claims, "nbf", json!(now + 3600))
            }
            Self::OtherType => (header, "typ", json!("logout+jwt")),
            Self::UnknownKey => (header, "kid", json!("nobody's key")),
            Self::WrongAudience => (claims, "aud", json!("https://another-api.example.com")),
            Self::WrongIssuer => (claims, "iss", json!("https://another-issuer.example.com")),
            Self::BadSignature | Self::ChangedClaims | Self::EmptySignature | Self::Encrypted => return,
        };
        target.insert(name.to_owned(), value);
    }

    /// What is wrong with the signed token.
    pub(super) fn spoil_signed(self, token: &str, claims: &Map<String, Value>) -> String {
        let (input, signature) = token.rsplit_once('.').unwrap_or_default();
        let (header, payload) = input.split_once('.').unwrap_or_default();
        match self {
            Self::AlgNone | Self::EmptySignature => format!("{input}."),
            Self::BadSignature => format!("{input}.{}", with_changed_letter(signature)),
            Self::ChangedClaims => {
                let mut claims = claims.clone();
                claims.insert("sub".to_owned(), json!("somebody else"));
                let payload = base64url(Value::Object(claims).to_string().as_bytes());
                format!("{header}.{payload}.{signature}")
            }
            Self::Encrypted => format!("{header}.{payload}.{payload}.{payload}.{signature}"),
            _ => token.to_owned(),
        }
    }
}

/// Changes the first letter: the text stays canonical base64url of the same length.
fn with_changed_letter(signature: &str) -> String {
    let rest: String = signature.chars().skip(1).collect();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{first}{rest}")
}
