use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::client::{Wanted as WantedClient, http_client};
use super::context::Context;
use crate::client_auth::{Authenticator, ClientAuthentication};
use crate::error::Problems;
use crate::fetch::{Endpoint, FetchFiles, HttpClient, configured, without_secrets};
use crate::introspect::{Introspector, Keeping, Manner, Place, Settings, SignedAnswers};
use crate::jose::AllowedAlgorithms;
use crate::metadata::{MetadataPlace, Wanted};
use crate::token::ClaimMapping;
use crate::validate::{AnswerRules, Introspected, IntrospectedTokens};

/// Whoever has a revoked token can use it for this long at most.
const LONGEST_KEEPING: Duration = Duration::from_secs(300);

/// How an issuer is asked about tokens (RFC 7662), given to [`TrustedIssuer::introspection`](crate::TrustedIssuer::introspection).
///
/// Tokens that have the form of a JWT are validated here, as without this, and all others are introspected, unless
/// [`every_token`](Self::every_token) says otherwise. What a token goes through, step by step, what is kept and what is
/// logged, is on the page [Introspection](crate::docs::introspection).
///
/// A token is admitted where the endpoint says that it is active *and* the answer holds by the rules of the issuer: `iss` and the
/// times, where they are there; `aud`, which must be there unless [`client_as_audience`](Self::client_as_audience) or
/// [`dangerous_without_audience`](Self::dangerous_without_audience) is called. What the endpoint does not call active is 401; an endpoint
/// that does not answer, or not as it should, is 503.
///
/// *Not* checked: revocation while an answer is kept ([`cache_lifetime`](Self::cache_lifetime)); whether what the endpoint says is
/// true; whether somebody else's token is sent to it.
///
/// `Debug` shows the settings without any secret.
///
/// ```
/// use portcullis::testing::{Issuer, validate};
/// use portcullis::{ClientAuthentication, Introspection, ResourceServer, Secret, TrustedIssuer, Validation};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let issuer = Issuer::offline("https://id.example.com");
/// let client = ClientAuthentication::basic("api", Secret::new("secret")); // in production, `Secret::file(..)`
/// let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).introspection(Introspection::new(client)))
///     .audience("https://api.example.com")
///     .with_http_client(issuer.clone())
///     .build()?;
/// let admits = async |token: &str| {
///     let request = http::Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
///     match validate(&auth, &request) {
///         Validation::Ready(result) => result.is_ok(),
///         Validation::Pending(result) => result.await.is_ok(),
///     }
/// };
/// let token = issuer.token("https://api.example.com").opaque();
/// assert!(admits(&token).await && admits(&token).await);
/// assert_eq!(issuer.requests().introspection, 1, "the answer is kept");
///
/// assert!(!admits("never-issued").await);
/// assert!(!admits(&issuer.token("https://another-api.example.com").opaque()).await);
///
/// issuer.revoke(&token);
/// auth.issuers().forget_token(&token); // or 60 s later
/// assert!(!admits(&token).await);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "an issuer introspects tokens when it is given this"]
pub struct Introspection {
    authentication: ClientAuthentication,
    endpoint: Option<String>,
    every_token: bool,
    prefix: Option<String>,
    signed: bool,
    hint: bool,
    keeping: Keeping,
    clients: Vec<String>,
    audience_may_be_missing: bool,
    http_client: Option<Arc<dyn HttpClient>>,
}

/// What the settings of an issuer contribute.
pub(super) struct OfIssuer<'a> {
    pub(super) identifier: &'a str,
    pub(super) metadata: Option<MetadataPlace>,
    pub(super) audiences: &'a [String],
    pub(super) clients: &'a [String],
    pub(super) mapping: Option<&'a ClaimMapping>,
    /// What verifies signed answers.
    pub(super) allowed: Option<&'a AllowedAlgorithms>,
    pub(super) http_client: Option<&'a Arc<dyn HttpClient>>,
    pub(super) fetch_files: &'a FetchFiles,
}

impl Introspection {
    /// Asks as this client (RFC 7662 §2.1): without authentication there is no introspection. The endpoint is found through the
    /// issuer's metadata, when the first token needs it, unless [`endpoint`](Self::endpoint) says where it is.
    ///
    /// # Errors
    ///
    /// `build` (or [`insert`](crate::Issuers::insert)) fails with the problems of the [`ClientAuthentication`]; with
    /// `ambiguous_introspection` where two issuers introspect and neither has a [`token_prefix`](Self::token_prefix); and with
    /// `no_http_client` without the feature `reqwest` and a client of your own.
    pub fn new(authentication: ClientAuthentication) -> Self {
        Self {
            authentication,
            endpoint: None,
            every_token: false,
            prefix: None,
            signed: false,
            hint: true,
            keeping: Keeping::default(),
            clients: Vec::new(),
            audience_may_be_missing: false,
            http_client: None,
        }
    }

    /// Where the endpoint is (RFC 7662 §2): an https URL. Default: `introspection_endpoint` of the issuer's metadata (RFC 8414
    /// §2; with mutual TLS first that of `mtls_endpoint_aliases`, RFC 8705 §5), which must be on an origin of the issuer or of its metadata:
    /// tokens and credentials go there. One on any other origin has to be configured here, and is trusted as it is.
    ///
    /// *Not* checked: whether it is that issuer's.
    ///
    /// # Errors
    ///
    /// `build` fails with `insecure_introspection_endpoint` for anything but an https URL without user information and fragment.
    /// (Where [that is allowed](crate::ResourceServerBuilder::dangerous_allow_loopback_http), http to this machine is taken, but not
    /// with mutual TLS, which needs TLS.)
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Introspects JWTs as well, instead of validating them here: so a revocation counts, and each token costs a question. Which
    /// issuer a JWT is sent to, its `iss` says, which must be that of a trusted one. Default: JWTs are validated here.
    ///
    /// *Not* checked then: anything of the JWT itself, be it signature, header or [profile](crate::Profile). Keys are fetched only where
    /// [answers are signed](Self::signed_answers).
    ///
    /// Many servers know nothing of the JWTs they issue. They call them inactive, or refuse the question: 401 for all of them.
    ///
    /// # Errors
    ///
    /// `build` fails with `unused_keys` for an issuer that has keys or algorithms in its settings which nothing would be verified
    /// with.
    pub fn every_token(mut self) -> Self {
        self.every_token = true;
        self
    }

    /// What the opaque tokens of this issuer begin with, such as `gho_`: others are not sent to it. Default: it is asked about all that
    /// no other issuer's prefix claims. Needed where several issuers introspect, by all of them but one. A JWT is one
    /// whatever it begins with.
    ///
    /// *Not* checked: whether somebody else's tokens begin with it, too.
    ///
    /// # Errors
    ///
    /// `build` fails with `invalid_token_prefix` for the empty text and for one that no token can begin with (letters, digits and
    /// `-._~+/`, RFC 6750 §2.1), and with `ambiguous_introspection` where it begins with that of another issuer, or is the same.
    ///
    /// ```
    /// use portcullis::testing::{Issuer, validate};
    /// use portcullis::{ClientAuthentication, Introspection, ResourceServer, Secret, TrustedIssuer, Validation};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let (own, partner) = (Issuer::offline("https://id.example.com"), Issuer::offline("https://partner.example.net"));
    /// let introspection = || Introspection::new(ClientAuthentication::basic("api", Secret::new("secret")));
    /// let trusted = |issuer: &Issuer, introspection| {
    ///     TrustedIssuer::new(issuer.url()).introspection(introspection).with_http_client(issuer.clone())
    /// };
    /// let auth = ResourceServer::builder(trusted(&own, introspection()))
    ///     .issuer(trusted(&partner, introspection().token_prefix("ptn_")))
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// let admits = async |token: String| {
    ///     let request = http::Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
    ///     let Validation::Pending(result) = validate(&auth, &request) else { panic!("somebody is asked") };
    ///     result.await.is_ok()
    /// };
    /// assert!(admits(partner.token("https://api.example.com").opaque_with_prefix("ptn_")).await);
    /// assert!(admits(own.token("https://api.example.com").opaque()).await);
    /// // A token of the partner without its prefix: the other issuer is asked, and does not know it.
    /// assert!(!admits(partner.token("https://api.example.com").opaque()).await);
    /// assert_eq!((partner.requests().introspection, own.requests().introspection), (1, 2));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn token_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Takes signed answers only (RFC 9701): JWTs of the type `token-introspection+jwt` for this client or an audience of this server,
    /// issued now, and signed with the keys and algorithms that the issuer's tokens are verified with. A plain answer is 503 then, as is
    /// one whose signature does not hold. Default: plain JSON.
    ///
    /// *Not* taken: encrypted answers.
    pub fn signed_answers(mut self) -> Self {
        self.signed = true;
        self
    }

    /// Does not send `token_type_hint=access_token` (RFC 7662 §2.1), for servers that refuse what they do not know. Default: it is
    /// sent. Servers need not look at it: it keeps no refresh token out.
    pub fn without_hint(mut self) -> Self {
        self.hint = false;
        self
    }

    /// For how long an answer is kept that says "active", from when the question was put and never beyond `exp` (RFC 7662 §4): as long
    /// can a revoked token be used. Default: 60 s. At most 300 s. Zero keeps no answers, and each request costs a question.
    ///
    /// # Errors
    ///
    /// `build` fails with `excessive_cache_lifetime` above 300 s.
    pub fn cache_lifetime(mut self, lifetime: Duration) -> Self {
        self.keeping.active = lifetime;
        self
    }

    /// For how long an answer is kept that refuses a token: as long is a token refused that becomes active. Default: 10 s. At most 300 s,
    /// and never longer than [`cache_lifetime`](Self::cache_lifetime), whatever is said here. Zero keeps none.
    ///
    /// # Errors
    ///
    /// `build` fails with `excessive_cache_lifetime` above 300 s.
    pub fn inactive_lifetime(mut self, lifetime: Duration) -> Self {
        self.keeping.inactive = lifetime;
        self
    }

    /// How many answers about active tokens are kept, and apart from them as many that refuse one. Default: 10 000; at least 1. An
    /// active token counts as the memory of its answer, and as 4 KiB at least, so all of them take about 40 MB at most. Beyond
    /// that, those in frequent use stay, and the others are asked about again.
    ///
    /// # Errors
    ///
    /// `build` fails with `no_cached_tokens` for 0. To keep no answer, set [`cache_lifetime`](Self::cache_lifetime) to zero.
    pub fn max_cached_tokens(mut self, tokens: u32) -> Self {
        self.keeping.entries = tokens;
        self
    }

    /// Takes tokens of this client where the answer has no `aud`: for servers that never say it. The answer's `client_id` is
    /// compared character by character; with several, any of them. An `aud` that is there must be right all the same, and then clients
    /// do not matter. Default: an answer without `aud` is refused (401 `missing_claim`).
    ///
    /// *Not* checked: whether such a token is for this API, or an access token at all. Servers call refresh tokens active, too, and
    /// nothing but the missing `aud` may tell them apart: list only clients that have none
    /// ([an example](crate::docs::introspection#servers-that-leave-members-out)).
    ///
    /// # Errors
    ///
    /// `build` fails with `missing_client` for the empty text.
    pub fn client_as_audience(mut self, client_id: impl Into<String>) -> Self {
        self.clients.push(client_id.into());
        self
    }

    /// Takes answers without `aud`, whoever the client is: each active token of the issuer that does not say whom it is for, those for
    /// other APIs and [refresh tokens](Self::client_as_audience) included. An `aud` that is there must be right all the same, so an audience is
    /// configured nevertheless. Default: such answers are refused (RFC 9700 §2.3).
    pub fn dangerous_without_audience(mut self) -> Self {
        self.audience_may_be_missing = true;
        self
    }

    /// Asks with this client, in place of [that of the issuer](crate::TrustedIssuer::with_http_client) or
    /// [of the server](crate::ResourceServerBuilder::with_http_client): for metadata (where the endpoint is looked up) and answers, and not for
    /// keys. For mutual TLS, say. It is held to [its contract](HttpClient): above all it follows no redirect, as it sends tokens.
    ///
    /// # Errors
    ///
    /// `build` fails with `client_with_fetch_files` beside `mutual_tls_files`, which are settings of the default client. (Those of
    /// [`fetch_ca_file`](crate::TrustedIssuer::fetch_ca_file) are for keys then.)
    pub fn with_http_client(mut self, client: impl HttpClient) -> Self {
        self.http_client = Some(Arc::new(client));
        self
    }

    /// Whether nothing is verified here: every token and no answer is.
    pub(super) fn needs_no_keys(&self) -> bool {
        self.every_token && !self.signed
    }

    /// Checks the settings. `None` if there is any problem with them.
    pub(super) fn introspected(
        self,
        issuer: OfIssuer<'_>,
        context: &Context,
        problems: &mut Problems,
    ) -> Option<Introspected> {
        let before = problems.len();
        self.note_problems(problems);
        let identifier = issuer.identifier;
        let authenticator = self.authentication.open(identifier, &context.clock, problems);
        let configured = self.endpoint.as_deref().map(|url| {
            problems.note(configured(
                "insecure_introspection_endpoint",
                "`endpoint`",
                url,
                context.loopback_http,
            ))
        });
        let over_tls = configured.as_ref().and_then(Option::as_ref).is_none_or(Endpoint::is_https);
        if authenticator.as_ref().is_some_and(Authenticator::is_mutual_tls) && !over_tls {
            let message = "mutual TLS with an endpoint of plain http: there is no certificate on either side";
            problems.add("insecure_introspection_endpoint", message);
        }
        // The token of the files is for who serves keys; for the endpoint, this server has credentials of its own.
        let identity = authenticator.as_ref().and_then(Authenticator::tls_files).cloned();
        let files = FetchFiles {
            ca: issuer.fetch_files.ca.clone().filter(|_| self.http_client.is_none()),
            token: None,
            identity,
        };
        let own = self.http_client.as_ref().or(issuer.http_client);
        let wanted = WantedClient { issuer: identifier, own, files: &files, origins: &[] };
        let client = http_client(&wanted, context, problems);
        let (authenticator, allowed) = (authenticator?, issuer.allowed?);
        let audiences = issuer.audiences.iter().map(String::as_str);
        let signed = self.signed.then(|| SignedAnswers {
            issuer: identifier.into(),
            own_names: audiences.chain(authenticator.client_id()).map(Into::into).collect(),
            allowed: allowed.clone(),
            leeway: context.leeway,
            keys_within: context.timing.lost_after(),
        });
        let place = match configured {
            Some(endpoint) => Place::Configured(endpoint?),
            None => Place::discovered(
                identifier,
                issuer.metadata?,
                wanted_of(&authenticator),
                context.loopback_http,
            ),
        };
        let (client, mapping) = (client?, issuer.mapping?.clone());
        // A wrong setting gets no further: not all that is made of them takes any value.
        if problems.len() != before {
            return None;
        }
        let introspector = Introspector::new(Settings {
            issuer: identifier.into(),
            place,
            client,
            manner: Manner { authenticator, hint: self.hint },
            signed,
            mapping: ClaimMapping { answered_by: Some(identifier.into()), ..mapping },
            clock: Arc::clone(&context.clock),
            keeping: self.keeping.capped(),
        });
        let clients =
            self.clients.iter().chain(issuer.clients).map(|client| client.as_str().into()).collect();
        let rules = AnswerRules { clients, audience_may_be_missing: self.audience_may_be_missing };
        let tokens =
            IntrospectedTokens { jwts: self.every_token, prefix: self.prefix.unwrap_or_default().into() };
        Some(Introspected { introspector, rules, tokens })
    }

    fn note_problems(&self, problems: &mut Problems) {
        if self.keeping.active.max(self.keeping.inactive) > LONGEST_KEEPING {
            let message = format!(
                "answers of the introspection endpoint are kept for {} s at most",
                LONGEST_KEEPING.as_secs()
            );
            problems.add("excessive_cache_lifetime", message);
        }
        if self.keeping.entries == 0 {
            problems.add(
                "no_cached_tokens",
                "`max_cached_tokens` is 0: to keep no answer, set `cache_lifetime` to zero",
            );
        }
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if self.prefix.as_deref().is_some_and(|prefix| prefix.is_empty() || !prefix.bytes().all(is_token)) {
            problems.add("invalid_token_prefix", "`token_prefix` is empty, or no token can begin with it");
        }
        if self.clients.iter().any(String::is_empty) {
            problems
                .add("missing_client", "a client of `Introspection::client_as_audience` is the empty text");
        }
    }
}

fn wanted_of(authenticator: &Authenticator) -> Wanted {
    if authenticator.is_mutual_tls() {
        Wanted::IntrospectionEndpointForCertificates
    } else {
        Wanted::IntrospectionEndpoint
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.endpoint.as_deref().map(without_secrets);
        f.debug_struct("Introspection")
            .field("authentication", &self.authentication)
            .field("endpoint", &endpoint)
            .field("every_token", &self.every_token)
            .field("token_prefix", &self.prefix)
            .field("signed_answers", &self.signed)
            .finish_non_exhaustive()
    }
}
