use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::{ConfigError, Problems};
use crate::fetch::{HttpClient, LoopbackHttp};
use crate::gate_settings::GateSettings;
use crate::issuers::{Context, Issuers, TrustedIssuer};
use crate::jose::SignatureBackend;
use crate::jwks::{KeyTiming, LiveKeys};
use crate::layer::{Core, ResourceServer};
use crate::validate::{DEFAULT_LEEWAY, IssuerValidator};

/// More leeway than this would hide a broken clock.
const LONGEST_LEEWAY: Duration = Duration::from_secs(300);

/// How many key sets are in memory, unless a server says otherwise.
const DEFAULT_LIVE_KEY_SETS: usize = 1024;

/// Configures a [`ResourceServer`]. Required: at least one [`audience`](Self::audience).
///
/// ```
/// use portcullis::{ResourceServer, TrustedIssuer};
/// use std::time::Duration;
///
/// let auth = ResourceServer::builder("https://id.example.com")
///     .issuer(TrustedIssuer::new("https://partners.example.net").max_token_lifetime(Duration::from_secs(600)))
///     .audience("https://api.example.com")
///     .realm("orders")
///     .build()?;
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ResourceServerBuilder {
    issuers: Vec<TrustedIssuer>,
    audiences: Vec<String>,
    leeway: Duration,
    gate: GateSettings,
    backend: SignatureBackend,
    http_client: Option<Arc<dyn HttpClient>>,
    clock: Option<Arc<dyn Clock>>,
    loopback_http: LoopbackHttp,
    timing: KeyTiming,
    max_live_key_sets: usize,
}

impl ResourceServer {
    /// Starts the configuration of a server that takes access tokens of `issuer`: an issuer identifier, from which
    /// metadata and keys are found, or a [`TrustedIssuer`] with settings of its own.
    pub fn builder(issuer: impl Into<TrustedIssuer>) -> ResourceServerBuilder {
        ResourceServerBuilder::of(vec![issuer.into()])
    }
}

impl ResourceServerBuilder {
    /// Begins with these issuers.
    pub(crate) fn of(issuers: Vec<TrustedIssuer>) -> Self {
        Self {
            issuers,
            audiences: Vec::new(),
            leeway: DEFAULT_LEEWAY,
            gate: GateSettings::default(),
            backend: SignatureBackend::default(),
            http_client: None,
            clock: None,
            loopback_http: LoopbackHttp::Refused,
            timing: KeyTiming::default(),
            max_live_key_sets: DEFAULT_LIVE_KEY_SETS,
        }
    }

    /// Takes tokens of this issuer, too. Which of the issuers a token is from, its `iss` says; each has its own keys, and
    /// none is asked about a token of another. [`Issuers`] changes the set while the server runs.
    pub fn issuer(mut self, issuer: impl Into<TrustedIssuer>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// An identifier of this API. A token must name it in `aud`, character by character; with several, any of
    /// them. Choose one that only this deployment has. An issuer may have [its own](TrustedIssuer::audience) instead.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How far the clocks of issuer and API may differ: `exp`, `nbf` and `iat` alike. Default: 30 s; at most 300 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The `realm` of challenges, in printable ASCII. Default: `api`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.gate.realm = Some(realm.into());
        self
    }

    /// The page that explains this server's errors, sent as `error_uri` beside every error code (RFC 6750 §3). An
    /// absolute http or https URI. Default: none.
    pub fn error_uri(mut self, uri: impl Into<String>) -> Self {
        self.gate.error_uri = Some(uri.into());
        self
    }

    /// Also takes tokens from the query parameter with this name (RFC 6750 §2.3 calls it `access_token`). URIs end up
    /// in logs, histories and `Referer` fields, and whoever reads them has the token: OAuth 2.1 §5.1 no longer allows
    /// this. Answers of the service to such requests get `Cache-Control: private`.
    ///
    /// A request that sends a token in two places is refused with 400.
    pub fn dangerous_token_in_query(mut self, name: impl Into<String>) -> Self {
        self.gate.query = Some(name.into());
        self
    }

    /// Also takes tokens from the cookie with this name, for pages of the same origin. Answers of the service to such
    /// requests get `Cache-Control: private`. Use a name that begins with
    /// `__Host-`, and the attributes `Secure`, `HttpOnly` and `SameSite`.
    ///
    /// A browser adds cookies to requests that other sites cause (RFC 6750 §5.3), so a token from a cookie is only
    /// used where the browser says that a page of this origin asked: `Sec-Fetch-Site: same-origin` or `none`, or, where
    /// that field is missing, an `Origin` that is the host of the request. Otherwise the answer is 403 with code
    /// `cross_site`. GET, HEAD, OPTIONS and TRACE need no such proof (unless they open a WebSocket): they must not change
    /// anything. Not checked: the attributes of the cookie, and what other origins of the same site do.
    ///
    /// A request that sends a token in two places is refused with 400.
    pub fn token_in_cookie(mut self, name: impl Into<String>) -> Self {
        self.gate.cookie = Some(name.into());
        self
    }

    /// Verifies signatures with this library instead of `aws-lc-rs`.
    pub fn with_signature_backend(mut self, backend: SignatureBackend) -> Self {
        self.backend = backend;
        self
    }

    /// Fetches metadata and keys with this client instead of the default one.
    pub fn with_http_client(mut self, client: impl HttpClient) -> Self {
        self.http_client = Some(Arc::new(client));
        self
    }

    /// How long fetched keys are used, and how often their issuers are asked. Default: [`KeyTiming::default`].
    pub fn key_timing(mut self, timing: KeyTiming) -> Self {
        self.timing = timing;
        self
    }

    /// How many issuers have fetched keys in memory at a time. Default: 1024; at least 1. Beyond it, keys of other issuers make
    /// room: those that never verified a token first, then those that did so longest ago. They are fetched again when a
    /// token needs them, but no sooner than a cooldown after the last time; until then the answer is 503. Choose more than are
    /// in use at a time. Only with as many as there are issuers does [`ready`](crate::Issuers::ready) mean that no token waits.
    pub fn max_live_key_sets(mut self, sets: usize) -> Self {
        self.max_live_key_sets = sets;
        self
    }

    /// Reads time from this clock instead of the system's.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Allows plain http for an issuer or `jwks_uri` on this very machine (`localhost`, 127.0.0.0/8, `::1`), for
    /// tests and development. Whoever else can listen on the port can then name keys.
    pub fn dangerous_allow_loopback_http(mut self) -> Self {
        self.loopback_http = LoopbackHttp::Allowed;
        self
    }

    /// Checks the configuration. No network I/O, no task: keys are fetched when the first token needs them,
    /// so starting up does not depend on the issuer, and this may run outside a runtime. Files are read, once.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] with every problem there is, by code: `insecure_issuer` or `invalid_issuer` (not an https
    /// URL, or one with a query), `missing_audience`, `empty_audience`, `missing_issuer` (of a policy file that
    /// has none, and `issuer` was not called), `duplicate_issuer`, `too_many_issuers`, `no_algorithm`,
    /// `unsupported_algorithm` (which the backend does not have), `two_algorithm_sources`, `excessive_leeway` (above
    /// 300 s), `zero_token_lifetime`, `ambiguous_claim_path` or `invalid_claim_path`, `invalid_realm` (not printable
    /// ASCII), `invalid_error_uri`, `invalid_carrier_name`, `insecure_metadata_url`, `insecure_jwks_uri`, `two_key_sources`, `unreadable_key_file`, `no_usable_key`, `too_many_keys_without_id` (more than four), `invalid_key_timing`, `no_live_key_sets` (none may be in memory), `no_http_client`, `unreadable_ca_file`, `unreadable_token_file`, `client_with_fetch_files`;
    /// of introspection `insecure_introspection_endpoint`, `excessive_cache_lifetime` (above 300 s), `no_cached_tokens`, `invalid_token_prefix`,
    /// `ambiguous_introspection` and `unused_keys`;
    /// of a provider's preset `invalid_tenant`, `invalid_domain`, `invalid_user_pool`, `missing_client`,
    /// `invalid_authorization_server`, `org_authorization_server`, `preset_with_profile`, `no_client_roles` and
    /// `two_places_of_roles`; of client authentication `unreadable_secret`, `unreadable_private_key`,
    /// `unreadable_client_certificate`, `invalid_client_id` and `no_client_assertion`.
    pub fn build(self) -> Result<ResourceServer, ConfigError> {
        let mut problems = Problems::default();
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let context = Context {
            audiences: self.audiences,
            leeway: self.leeway,
            backend: self.backend,
            http_client: self.http_client,
            default_client: default_client(),
            clock: Arc::clone(&clock),
            loopback_http: self.loopback_http,
            timing: self.timing,
            live: Arc::new(LiveKeys::new(self.max_live_key_sets)),
        };
        if self.issuers.is_empty() {
            problems.add("missing_issuer", "no issuer: neither the policy file nor the program names one");
        }
        let issuers = Issuers::new(self.issuers, context, &mut problems);
        if self.leeway > LONGEST_LEEWAY {
            problems.add("excessive_leeway", format!("a leeway above {} s", LONGEST_LEEWAY.as_secs()));
        }
        problems.note(self.timing.check());
        if self.max_live_key_sets == 0 {
            problems.add("no_live_key_sets", "`max_live_key_sets` is 0: no keys could be fetched and kept");
        }
        let challenges = self.gate.challenges(&mut problems);
        let carriers = self.gate.carriers(&mut problems);
        if !problems.is_empty() {
            return Err(problems.into_error());
        }
        let validator = Box::new(IssuerValidator::new(Arc::clone(issuers.directory()), Arc::clone(&clock)));
        Ok(ResourceServer::new(Core { validator, issuers, carriers, challenges, clock, leeway: self.leeway }))
    }
}

impl fmt::Debug for ResourceServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceServerBuilder")
            .field("issuers", &self.issuers)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

fn default_client() -> Option<Arc<dyn HttpClient>> {
    #[cfg(feature = "reqwest")]
    return Some(Arc::new(crate::fetch::DefaultClient::default()));
    #[cfg(not(feature = "reqwest"))]
    None
}
