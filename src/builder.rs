use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::claims::ClaimPath;
use crate::clock::{Clock, SystemClock};
use crate::error::{ConfigError, Problems};
use crate::fetch::{HttpClient, LoopbackHttp, without_secrets};
use crate::gate_settings::GateSettings;
use crate::jose::{AllowedAlgorithms, HmacKey, JwkSet, SignatureAlgorithm, SignatureBackend};
use crate::key_settings::KeySettings;
use crate::layer::{Core, ResourceServer};
use crate::metadata::Issuer;
use crate::validate::{ClaimRules, DEFAULT_LEEWAY, JwtValidator, Profile};

/// More leeway than this would hide a broken clock.
const LONGEST_LEEWAY: Duration = Duration::from_secs(300);

/// Configures a [`ResourceServer`]. Required: at least one [`audience`](Self::audience).
///
/// ```
/// use portcullis::{Profile, ResourceServer};
/// use std::time::Duration;
///
/// let auth = ResourceServer::builder("https://id.example.com")
///     .audience("https://api.example.com")
///     .profile(Profile::PlainJwt)
///     .roles_at("/realm_access/roles")
///     .max_token_lifetime(Duration::from_secs(3600))
///     .build()?;
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ResourceServerBuilder {
    issuer: String,
    audiences: Vec<String>,
    profile: Profile,
    leeway: Duration,
    max_token_lifetime: Option<Duration>,
    roles_at: String,
    gate: GateSettings,
    keys: KeySettings,
    clock: Option<Arc<dyn Clock>>,
    loopback_http: LoopbackHttp,
}

impl ResourceServer {
    /// Starts the configuration of a server that takes JWT access tokens of `issuer`.
    ///
    /// `issuer` is the issuer identifier (RFC 8414 §2), compared byte by byte: a trailing slash counts. It is
    /// an https URL; from it the metadata and keys are found, unless the builder is told where they are.
    pub fn builder(issuer: impl Into<String>) -> ResourceServerBuilder {
        ResourceServerBuilder::new(issuer.into())
    }
}

impl ResourceServerBuilder {
    fn new(issuer: String) -> Self {
        Self {
            issuer,
            audiences: Vec::new(),
            profile: Profile::default(),
            leeway: DEFAULT_LEEWAY,
            max_token_lifetime: None,
            roles_at: "roles".to_owned(),
            gate: GateSettings::default(),
            keys: KeySettings::default(),
            clock: None,
            loopback_http: LoopbackHttp::Refused,
        }
    }

    /// An identifier of this API. A token must name it in `aud`, character by character; with several, any of
    /// them. Choose one that only this deployment has.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// What kind of access token the issuer sends. Default: [`Profile::Rfc9068`].
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The only algorithms to take. Default: all that the [backend](Self::with_signature_backend) has, every one
    /// asymmetric; [`SignatureAlgorithm::ALL`] without another backend.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = SignatureAlgorithm>) -> Self {
        self.keys.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// How far the clocks of issuer and API may differ: `exp`, `nbf` and `iat` alike. Default: 30 s; at most 300 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Refuses tokens that live longer than this from `iat` (or from now, where `iat` is missing) to `exp`.
    /// Default: no limit.
    pub fn max_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_token_lifetime = Some(lifetime);
        self
    }

    /// The claim that lists roles: a name (`roles`, `https://example.com/roles`) or a JSON Pointer (RFC 6901)
    /// to a nested member (`/realm_access/roles`). Default: `roles`.
    pub fn roles_at(mut self, path: impl Into<String>) -> Self {
        self.roles_at = path.into();
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

    /// Where the keys are, for an issuer without metadata. An https URL.
    pub fn jwks_uri(mut self, uri: impl Into<String>) -> Self {
        self.keys.jwks_uri = Some(uri.into());
        self
    }

    /// The keys themselves, from JSON or (feature `pem`) PEM. Nothing is fetched, and nothing changes until the program is built anew.
    pub fn jwk_set(mut self, set: JwkSet) -> Self {
        self.keys.jwk_set = Some(set);
        self
    }

    /// The one secret that every token is authenticated with, for exactly its algorithm and whatever `kid` a token
    /// names. Nothing is fetched, and no key that anybody publishes is ever used with HMAC.
    pub fn hmac_key(mut self, key: HmacKey) -> Self {
        self.keys.hmac_key = Some(key);
        self
    }

    /// Verifies signatures with this library instead of `aws-lc-rs`.
    pub fn with_signature_backend(mut self, backend: SignatureBackend) -> Self {
        self.keys.backend = backend;
        self
    }

    /// Fetches metadata and keys with this client instead of the default one.
    pub fn with_http_client(mut self, client: impl HttpClient) -> Self {
        self.keys.http_client = Some(Arc::new(client));
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
    /// so starting up does not depend on the issuer, and this may run outside a runtime.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] with every problem there is, by code: `insecure_issuer` or `invalid_issuer` (not an https
    /// URL, or one with a query), `missing_audience`, `empty_audience`, `no_algorithm`,
    /// `unsupported_algorithm` (which the backend does not have), `two_algorithm_sources`, `excessive_leeway` (above
    /// 300 s), `zero_token_lifetime`, `ambiguous_claim_path` or `invalid_claim_path`, `invalid_realm` (not printable
    /// ASCII), `invalid_error_uri`, `invalid_carrier_name`, `insecure_jwks_uri`, `two_key_sources`, `no_usable_key`, `too_many_keys_without_id` (more than four), `invalid_key_timing`, `no_http_client`.
    pub fn build(self) -> Result<ResourceServer, ConfigError> {
        let mut problems = Problems::default();
        let issuer = problems.note(Issuer::parse(&self.issuer, self.loopback_http));
        let allowed = self.check_values(&mut problems);
        let roles_at = problems.note(ClaimPath::parse(&self.roles_at));
        let challenges = self.gate.challenges(&mut problems);
        let carriers = self.gate.carriers(&mut problems);
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock::new()));
        let (issuer_found, loopback_http) = (issuer.as_ref(), self.loopback_http);
        let keys = self.keys.keys(issuer_found, loopback_http, allowed.as_ref(), &clock, &mut problems);
        let (Some(issuer), Some(allowed), Some(roles_at), Some(keys), true) =
            (issuer, allowed, roles_at, keys, problems.is_empty())
        else {
            return Err(problems.into_error());
        };
        let rules = ClaimRules {
            issuer: issuer.as_str().into(),
            audiences: self.audiences.into_iter().map(Into::into).collect(),
            profile: self.profile,
            leeway: self.leeway,
            max_token_lifetime: self.max_token_lifetime,
        };
        let validator = JwtValidator::new(rules, allowed, keys, roles_at, Arc::clone(&clock));
        let validator = Box::new(validator);
        Ok(ResourceServer::new(Core { validator, carriers, challenges, clock, leeway: self.leeway }))
    }

    /// Settings that can be judged by themselves, in their order; the algorithms are among them.
    fn check_values(&self, problems: &mut Problems) -> Option<AllowedAlgorithms> {
        if self.audiences.is_empty() {
            problems.add("missing_audience", "no audience: call `audience` with the identifier of this API");
        }
        if self.audiences.iter().any(String::is_empty) {
            problems.add("empty_audience", "an audience is the empty text");
        }
        let allowed = self.keys.allowed(problems);
        if self.leeway > LONGEST_LEEWAY {
            problems.add("excessive_leeway", format!("a leeway above {} s", LONGEST_LEEWAY.as_secs()));
        }
        if self.max_token_lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
            problems.add("zero_token_lifetime", "a `max_token_lifetime` of zero refuses every token");
        }
        allowed
    }
}

impl fmt::Debug for ResourceServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceServerBuilder")
            .field("issuer", &without_secrets(&self.issuer))
            .field("audiences", &self.audiences)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
