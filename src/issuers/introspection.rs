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

/// Whoever has a revoked token can use it for so long.
const LONGEST_KEEPING: Duration = Duration::from_secs(300);

/// How an issuer is asked about tokens (RFC 7662).
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
    /// Asks as this client. The endpoint is found through the issuer's metadata.
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

    /// Where the endpoint is. An https URL.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Introspects JWTs as well, instead of validating them here: so a revocation counts, and each token costs a request.
    pub fn every_token(mut self) -> Self {
        self.every_token = true;
        self
    }

    /// What the opaque tokens of this issuer begin with, where several issuers have such tokens.
    pub fn token_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Takes signed answers only (RFC 9701).
    pub fn signed_answers(mut self) -> Self {
        self.signed = true;
        self
    }

    /// Does not send `token_type_hint=access_token` (RFC 7662 §2.1), for servers that refuse what they do not know.
    pub fn without_hint(mut self) -> Self {
        self.hint = false;
        self
    }

    /// For how long an answer is kept that says "active". Default: 60 s. At most 300 s; zero: not at all.
    pub fn cache_lifetime(mut self, lifetime: Duration) -> Self {
        self.keeping.active = lifetime;
        self
    }

    /// For how long an answer is kept that refuses a token. Default: 10 s.
    pub fn inactive_lifetime(mut self, lifetime: Duration) -> Self {
        self.keeping.inactive = lifetime;
        self
    }

    /// How many answers are kept. Default: 10 000.
    pub fn max_cached_tokens(mut self, tokens: u32) -> Self {
        self.keeping.entries = tokens;
        self
    }

    /// Takes tokens of this client where the answer has no `aud`.
    pub fn client(mut self, client_id: impl Into<String>) -> Self {
        self.clients.push(client_id.into());
        self
    }

    /// Takes answers without `aud`.
    pub fn dangerous_without_audience(mut self) -> Self {
        self.audience_may_be_missing = true;
        self
    }

    /// Asks with this client, in place of that of the issuer.
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
        let files = FetchFiles { ca: issuer.fetch_files.ca.clone(), token: None, identity };
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
        });
        let place = match configured {
            Some(endpoint) => Place::Configured(endpoint?),
            None => Place::discovered(issuer.metadata?, wanted_of(&authenticator), context.loopback_http),
        };
        let introspector = Introspector::new(Settings {
            issuer: identifier.into(),
            place,
            client: client?,
            manner: Manner { authenticator, hint: self.hint },
            signed,
            mapping: ClaimMapping { issuer: Some(identifier.into()), ..issuer.mapping?.clone() },
            clock: Arc::clone(&context.clock),
            keeping: self.keeping.capped(),
        });
        let clients =
            self.clients.iter().chain(issuer.clients).map(|client| client.as_str().into()).collect();
        let rules = AnswerRules { clients, audience_may_be_missing: self.audience_may_be_missing };
        let tokens =
            IntrospectedTokens { jwts: self.every_token, prefix: self.prefix.unwrap_or_default().into() };
        (problems.len() == before).then_some(Introspected { introspector, rules, tokens })
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
            problems.add("missing_client", "a client of `Introspection::client` is the empty text");
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
