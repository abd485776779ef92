use super::clients::Credential;
use super::fault::Fault;
use super::introspection_request::IntrospectionRequest;
use super::issued::Known;
use super::issuer::Issuer;
use crate::jose::JwkSet;

/// Introspection (RFC 7662): the endpoint is `{issuer}/introspect`, which the metadata names. It answers as a right
/// server does:
///
/// - It takes a POST of a form with one `token`, and nothing secret in the URL.
/// - The client authenticates. From the start there is one, `api` with the secret `secret`, over HTTP Basic or in the form.
/// - [`opaque`](super::TokenBuilder::opaque) tokens are active until they expire by the issuer's clock or are
///   [revoked](Self::revoke). So are access tokens that the issuer signed, while it publishes the key.
/// - Whatever else there is, is `{"active":false}`.
/// - Where `Accept` lists `application/token-introspection+jwt`, the answer is signed with ES256 (RFC 9701), with the
///   client as its audience.
///
/// Any client may ask about any token; `token_type_hint` is not looked at, nor is the `jti` of an assertion.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use portcullis::testing::Issuer;
/// use portcullis::{FetchLimits, HttpClient};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let issuer = Issuer::offline("https://id.example.com");
/// let token = issuer.token("https://api.example.com").scope("orders:read").opaque();
/// let introspect = async || {
///     let form: String = form_urlencoded::Serializer::new(String::new())
///         .extend_pairs([("token", &*token), ("client_id", "api"), ("client_secret", "secret")])
///         .finish();
///     let request = Request::post("https://id.example.com/introspect")
///         .header("content-type", "application/x-www-form-urlencoded")
///         .body(Bytes::from(form))
///         .unwrap();
///     let answer = issuer.send(request, FetchLimits::default()).await.unwrap().into_body();
///     serde_json::from_slice::<serde_json::Value>(&answer).unwrap()
/// };
///
/// let answer = introspect().await;
/// assert_eq!((&answer["active"], &answer["scope"]), (&true.into(), &"orders:read".into()));
///
/// issuer.revoke(&token);
/// assert_eq!(introspect().await, serde_json::json!({ "active": false }));
///
/// assert_eq!(issuer.requests().introspection, 2);
/// assert_eq!(issuer.last_introspection().unwrap().field("token"), Some(&*token));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
impl Issuer {
    /// Lets this client introspect with this secret, over HTTP Basic or in the form (RFC 6749 §2.3.1). A client has one
    /// credential: this replaces what it had.
    pub fn client(&self, client_id: &str, secret: &str) {
        self.endpoint().clients.set(client_id, Credential::Secret(secret.to_owned()));
    }

    /// Lets this client introspect with this bearer token (RFC 7662 §2.1), and with nothing else.
    pub fn client_token(&self, client_id: &str, token: &str) {
        self.endpoint().clients.set(client_id, Credential::Token(token.to_owned()));
    }

    /// Lets this client introspect with assertions that one of these keys signed (`private_key_jwt`, RFC 7523 §3), and
    /// with nothing else. `iss` and `sub` are the client; `aud` is the issuer or the endpoint; `exp` is in the future.
    pub fn client_keys(&self, client_id: &str, keys: JwkSet) {
        self.endpoint().clients.set(client_id, Credential::Keys(keys));
    }

    /// From now on, this token is not active, whoever made it. A server that validates a JWT by its signature learns
    /// nothing of this.
    pub fn revoke(&self, token: &str) {
        self.endpoint().issued.set(token, Known::Revoked);
    }

    /// From now on, introspection of this token is answered by this text, whatever it is, as the media type that was
    /// asked for. For a signed answer it is a JWT, which [`sign`](Self::sign) makes. Clients must authenticate all the
    /// same; for other media types and statuses there is [`Fault::answer`].
    ///
    /// ```
    /// # use portcullis::testing::Issuer;
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let token = issuer.token("https://api.example.com").opaque();
    /// // To a service that takes anything but the boolean for `true`, this token is active.
    /// issuer.answer_introspection(&token, r#"{"active":"true"}"#);
    /// ```
    pub fn answer_introspection(&self, token: &str, text: impl Into<String>) {
        self.endpoint().issued.set(token, Known::Answered(text.into()));
    }

    /// From now on, every request for introspection meets this fault, until [`mend`](Self::mend). Metadata and keys do not.
    pub fn fail_introspection(&self, fault: Fault) {
        self.endpoint().faults.set(Some(fault));
    }

    /// The last request for introspection, if there was one: also one that was refused, or met a fault.
    #[must_use]
    pub fn last_introspection(&self) -> Option<IntrospectionRequest> {
        self.endpoint().last()
    }
}
