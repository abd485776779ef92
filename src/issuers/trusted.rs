use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::introspection::{Introspection, OfIssuer};
use super::key_settings::{KeySettings, Origin};
use super::preset::{Metadata, Preset};
use crate::claims::ClaimPath;
use crate::error::{ConfigProblem, Place, Problems};
use crate::fetch::{Endpoint, HttpClient, LoopbackHttp, without_secrets};
use crate::jose::{HmacKey, JwkSet, SignatureAlgorithm};
use crate::jwks::{KeyFile, KeyFormat};
use crate::metadata::{Issuer, MetadataPlace};
use crate::token::{ClaimMapping, RolesAs};
use crate::validate::{AudienceRule, ClaimRules, IssuerName, IssuerNames, KnownIssuer, Profile, TokenKind};

/// An issuer whose tokens are taken, and what its tokens must be like.
///
/// A plain issuer identifier is one already, with the defaults: `ResourceServer::builder("https://id.example.com")`.
/// Whatever differs from issuer to issuer is said here; what is the API's own (realm, carriers, clock and so on) at the
/// [builder](crate::ResourceServerBuilder).
///
/// ```
/// use portcullis::{Profile, ResourceServer, TrustedIssuer};
/// use std::time::Duration;
///
/// let staff = TrustedIssuer::new("https://id.example.com")
///     .profile(Profile::PlainJwt)
///     .roles_at("/realm_access/roles")
///     .max_token_lifetime(Duration::from_secs(3600));
/// let auth = ResourceServer::builder(staff)
///     .issuer(TrustedIssuer::new("https://partners.example.net").audience("https://api.example.com/partners"))
///     .audience("https://api.example.com")
///     .build()?;
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "an issuer is trusted by the server that it is given to"]
pub struct TrustedIssuer {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    profile: Option<Profile>,
    pub(super) preset: Option<Preset>,
    pub(super) scopes_at: Option<String>,
    pub(super) roles_at: Option<String>,
    pub(super) roles_as: RolesAs,
    max_token_lifetime: Option<Duration>,
    pub(super) keys: KeySettings,
    pub(super) introspection: Option<Introspection>,
    /// What is wrong with the arguments of a preset.
    problems: Vec<ConfigProblem>,
    /// Where it stands, if that is in a file.
    pub(super) place: Option<Place>,
}

impl TrustedIssuer {
    /// An issuer by its identifier (RFC 8414 §2), compared byte by byte: a trailing slash counts. It is an https URL;
    /// from it the metadata and keys are found, unless told where they are.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: Vec::new(),
            profile: None,
            preset: None,
            scopes_at: None,
            roles_at: None,
            roles_as: RolesAs::default(),
            max_token_lifetime: None,
            keys: KeySettings::default(),
            introspection: None,
            problems: Vec::new(),
            place: None,
        }
    }

    /// An identifier of this API in the tokens of this issuer, in place of
    /// [those of the server](crate::ResourceServerBuilder::audience). With several, any of them.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// What kind of access token the issuer sends. Default: [`Profile::Rfc9068`], and never beside a provider's preset,
    /// which says just that.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The only algorithms to take. Default: all that the
    /// [backend](crate::ResourceServerBuilder::with_signature_backend) has, every one asymmetric;
    /// [`SignatureAlgorithm::ALL`] without another backend. A provider's preset takes only those that the provider uses.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = SignatureAlgorithm>) -> Self {
        self.keys.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Refuses tokens that live longer than this from `iat` (or from now, where `iat` is missing) to `exp`.
    /// Default: no limit.
    pub fn max_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_token_lifetime = Some(lifetime);
        self
    }

    /// The claim that holds scopes, in place of `scope` or what a provider's preset says: a name (`scp`, `permissions`) or a
    /// JSON Pointer, as for [`roles_at`](Self::roles_at). A string with spaces between the scopes, or an array of strings;
    /// anything else can neither meet a requirement nor its `not`. The other claim is not read then, so rights of two
    /// kinds are never mixed.
    ///
    /// ```
    /// use portcullis::testing::{Issuer, validate};
    /// use portcullis::{Decision, Policy as _, PolicyInput, ResourceServer, TrustedIssuer, Validation, scope};
    ///
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let trusted = TrustedIssuer::new(issuer.url()).scopes_at("scp").jwk_set(issuer.jwk_set());
    /// let auth = ResourceServer::builder(trusted).audience("https://api.example.com").build()?;
    ///
    /// let token = issuer.token("https://api.example.com").claim("scp", ["read"]).scope("write").sign();
    /// let request = http::Request::get("/").header("authorization", format!("Bearer {token}")).body(())?;
    /// let Validation::Ready(Ok(token)) = validate(&auth, &request) else { panic!("a valid token") };
    /// assert_eq!(scope("read").decide(&PolicyInput::of(Some(&token), &request)), Decision::Allow);
    /// assert_ne!(scope("write").decide(&PolicyInput::of(Some(&token), &request)), Decision::Allow);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn scopes_at(mut self, path: impl Into<String>) -> Self {
        self.scopes_at = Some(path.into());
        self
    }

    /// The claim that lists roles: a name (`roles`, `https://example.com/roles`) or a JSON Pointer (RFC 6901)
    /// to a nested member (`/realm_access/roles`). Default: `roles`, or what a provider's preset says.
    pub fn roles_at(mut self, path: impl Into<String>) -> Self {
        self.roles_at = Some(path.into());
        self
    }

    /// How that claim names roles. Default: [`RolesAs::Array`].
    pub fn roles_as(mut self, shape: RolesAs) -> Self {
        self.roles_as = shape;
        self
    }

    /// Asks the issuer about tokens (RFC 7662): about those that are no JWTs, unless [told otherwise](Introspection::every_token).
    /// Default: nobody is asked, and such tokens are 401 `malformed_token`.
    ///
    /// What an answer says is judged by the settings here: `audience`, `max_token_lifetime`, `scopes_at`, `roles_at` and where a
    /// preset finds scopes, roles and client; not by what its profile or preset requires of a JWT.
    ///
    /// # Errors
    ///
    /// `build` fails with the problems of the [`Introspection`], each beside the method that causes it.
    ///
    /// ```no_run
    /// use portcullis::{ClientAuthentication, Introspection, ResourceServer, Secret, TrustedIssuer};
    ///
    /// let client = ClientAuthentication::basic("orders-api", Secret::file("/run/secrets/orders-api"));
    /// let trusted = TrustedIssuer::new("https://id.example.com").introspection(Introspection::new(client));
    /// let auth = ResourceServer::builder(trusted).audience("https://api.example.com").build()?;
    /// # Ok::<_, portcullis::ConfigError>(())
    /// ```
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = Some(introspection);
        self
    }

    /// Where the metadata is, if not at a usual place of the issuer: behind an internal host name, say. An https URL. The
    /// document must name the issuer that is configured here, all the same.
    pub fn metadata_url(mut self, url: impl Into<String>) -> Self {
        self.keys.metadata_url = Some(url.into());
        self
    }

    /// Where the keys are, for an issuer without metadata. An https URL.
    pub fn jwks_uri(mut self, uri: impl Into<String>) -> Self {
        self.keys.jwks_uri = Some(uri.into());
        self
    }

    /// The keys themselves, from JSON or (feature `pem`) PEM. Nothing is fetched, and nothing changes until the
    /// issuer is given anew.
    pub fn jwk_set(mut self, set: JwkSet) -> Self {
        self.keys.jwk_set = Some(set);
        self
    }

    /// A file with the keys, as a JWK Set (RFC 7517 §5) of at most 256 KiB. Nothing is fetched.
    ///
    /// It is read by `build` (or [`insert`](crate::Issuers::insert)), on the calling thread, and again while requests
    /// come, at most every 5 s; symbolic links are followed each time. A request that comes 10 s or more after the last
    /// look at it waits for the next one. So a key that is no longer in the file stops verifying within 10 s, and
    /// `{"keys":[]}` withdraws every key. Replace the file by renaming a new one over it, so that nobody meets one that is
    /// half written.
    ///
    /// Content that is no JWK Set, or of whose keys none can be used, changes nothing; nor does a file that cannot be
    /// read within 5 s. The last good keys stay in use for those 10 s and the
    /// [`stale_bound`](crate::KeyTiming::stale_bound) (1 h), from when they were last seen in the file; tokens by other
    /// keys, and from then on all tokens, are answered with 503. An event of the target `portcullis::files` says so, as
    /// it says when the file changes.
    ///
    /// *Not* checked: who may write the file, or a folder on its path. They can name keys.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use portcullis::testing::{Issuer, ManualClock, validate};
    /// use portcullis::{ResourceServer, TrustedIssuer, Validation};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (clock, issuer) = (ManualClock::at(1_800_000_000), Issuer::offline("https://id.example.com"));
    /// let issuer = issuer.with_clock(clock.clone());
    /// let path = std::env::temp_dir().join(format!("portcullis-{}.json", std::process::id()));
    /// std::fs::write(&path, issuer.jwks_json().to_string())?;
    ///
    /// let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).jwk_set_file(&path))
    ///     .audience("https://api.example.com")
    ///     .with_clock(clock.clone())
    ///     .build()?;
    /// let admits = async |token: &str| {
    ///     let request = http::Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
    ///     match validate(&auth, &request) {
    ///         Validation::Ready(result) => result.is_ok(),
    ///         Validation::Pending(result) => result.await.is_ok(),
    ///     }
    /// };
    /// let old = issuer.token("https://api.example.com").sign();
    /// assert!(admits(&old).await);
    ///
    /// issuer.rotate();
    /// std::fs::write(&path, issuer.jwks_json().to_string())?;
    /// clock.advance(Duration::from_secs(10));
    /// assert!(admits(&issuer.token("https://api.example.com").sign()).await);
    /// assert!(!admits(&old).await);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `build` fails with `unreadable_key_file` where there is no such regular file, it cannot be read, is too large or is
    /// not a JWK Set; and with `no_usable_key` or `too_many_keys_without_id`, as for [`jwk_set`](Self::jwk_set).
    pub fn jwk_set_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.keys.key_files.push(KeyFile { path: path.into(), format: KeyFormat::JwkSet });
        self
    }

    /// A file with the keys, as [PEM](JwkSet::from_pem). Otherwise as [`jwk_set_file`](Self::jwk_set_file), but that a
    /// file without any key is not a PEM file: it cannot withdraw the last one.
    #[cfg(feature = "pem")]
    pub fn pem_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.keys.key_files.push(KeyFile { path: path.into(), format: KeyFormat::Pem });
        self
    }

    /// The one secret that every token of this issuer is authenticated with, for exactly its algorithm and whatever
    /// `kid` a token names. Nothing is fetched, and no key that anybody publishes is ever used with HMAC.
    pub fn hmac_key(mut self, key: HmacKey) -> Self {
        self.keys.hmac_key = Some(key);
        self
    }

    /// Fetches this issuer's metadata and keys with this client, in place of
    /// [that of the server](crate::ResourceServerBuilder::with_http_client): for an issuer behind another proxy, or with
    /// certificates on both sides. (For a private authority or a bearer token there are [`fetch_ca_file`](Self::fetch_ca_file)
    /// and [`fetch_token_file`](Self::fetch_token_file).)
    pub fn with_http_client(mut self, client: impl HttpClient) -> Self {
        self.keys.http_client = Some(Arc::new(client));
        self
    }

    /// A file with the certificates of the authorities to trust, as PEM of at most 1 MiB, when this issuer's metadata and keys
    /// are fetched: *only* these, on whatever host the metadata names, and not those of the system. So nobody but the
    /// cluster, say, can vouch for its API server. Where keys are on a host of a public authority, put that into the file,
    /// too. A setting of the default client (feature `reqwest`); without effect where nothing is fetched.
    ///
    /// It is read by `build` (or [`insert`](crate::Issuers::insert)), on the calling thread, and again for each fetch, so a
    /// new bundle counts from the next one on. While it cannot be read, is no PEM, or has a certificate that nobody could
    /// trust, fetches fail: keys in memory stay in use within their bounds, and other tokens are answered with 503.
    ///
    /// # Errors
    ///
    /// `build` fails with `unreadable_ca_file` where a fetch would fail because of the file, and with
    /// `client_with_fetch_files` beside a client of your own, for this issuer or for the server.
    #[cfg(feature = "reqwest")]
    pub fn fetch_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.keys.fetch_files.ca = Some(path.into());
        self
    }

    /// A file with a bearer token for those who serve this issuer's metadata and keys, and want to know who asks
    /// (`Authorization: Bearer`, RFC 6750 §2.1): one line of visible ASCII, at most 16 KiB, and white space behind it. A
    /// setting of the default client (feature `reqwest`); without effect where nothing is fetched.
    ///
    /// The token is sent to the origin (scheme, host and port) of [`jwks_uri`](Self::jwks_uri), or else of
    /// [`metadata_url`](Self::metadata_url), or else of the issuer: to what is configured, over https (or, where
    /// [that is allowed](crate::ResourceServerBuilder::dangerous_allow_loopback_http), to this machine). Keys on another host,
    /// which only the metadata names, are fetched without it; each time a warning of the target `portcullis::files` says
    /// so. If that host wants the token, configure it as `jwks_uri`. Nothing prints the token.
    ///
    /// The file is read by `build` (or [`insert`](crate::Issuers::insert)), on the calling thread, and again for each
    /// request, so a token that was replaced is not sent any more. While there is no token in it, or it cannot be
    /// read, fetches fail and nothing is sent.
    ///
    /// *Not* checked: what the token is, when it expires, and who else may read the file.
    ///
    /// ```no_run
    /// use portcullis::{ResourceServer, TrustedIssuer};
    ///
    /// // What every pod of Kubernetes has.
    /// let account = std::path::Path::new("/var/run/secrets/kubernetes.io/serviceaccount");
    /// let cluster = TrustedIssuer::kubernetes("https://kubernetes.default.svc.cluster.local")
    ///     .jwks_uri("https://kubernetes.default.svc/openid/v1/jwks")
    ///     .fetch_ca_file(account.join("ca.crt"))
    ///     .fetch_token_file(account.join("token"));
    /// let auth = ResourceServer::builder(cluster).audience("https://orders.example.com").build()?;
    /// # Ok::<_, portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `build` fails with `unreadable_token_file` where a fetch would fail because of the file, and with
    /// `client_with_fetch_files` beside a client of your own, for this issuer or for the server.
    #[cfg(feature = "reqwest")]
    pub fn fetch_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.keys.fetch_files.token = Some(path.into());
        self
    }

    pub(super) fn of_preset(issuer: String, kind: &'static TokenKind) -> Self {
        let preset =
            Preset { kind, names: Vec::new(), metadata: None, clients: Vec::new(), client_roles: None };
        Self { preset: Some(preset), ..Self::new(issuer) }
    }

    pub(super) fn with_preset(mut self, change: impl FnOnce(&mut Preset)) -> Self {
        self.preset.as_mut().map(change);
        self
    }

    /// Keeps what is wrong with an argument, until somebody can be told.
    pub(super) fn unless(mut self, wrong: bool, problem: impl FnOnce() -> ConfigProblem) -> Self {
        self.problems.extend(wrong.then(problem));
        self
    }

    pub(super) fn kind(&self) -> &'static TokenKind {
        let preset = self.preset.as_ref().map(|preset| preset.kind);
        preset.unwrap_or_else(|| self.profile.unwrap_or_default().kind())
    }

    /// Checks the settings. `None` if there is any problem with them.
    pub(super) fn known(self, context: &Context, problems: &mut Problems) -> Option<KnownIssuer> {
        let before = problems.len();
        let (kind, is_preset) = (self.kind(), self.preset.is_some());
        let (mut names, metadata, clients, client_roles) = match self.preset {
            Some(preset) => (preset.names, preset.metadata, preset.clients, preset.client_roles),
            None => (Vec::new(), None, Vec::new(), None),
        };
        let origin = if self.problems.is_empty() {
            origin(&self.issuer, metadata, context.loopback_http, problems)
        } else {
            None
        };
        let origin = self.keys.moved(origin, context.loopback_http, problems);
        for problem in self.problems {
            problems.note(Err::<(), _>(problem));
        }
        if is_preset && self.profile.is_some() {
            problems.add("preset_with_profile", "a provider's preset is a profile: `profile` says it twice");
        }
        let audiences = if self.audiences.is_empty() { context.audiences.clone() } else { self.audiences };
        if audiences.is_empty() && matches!(kind.audience, AudienceRule::Audience) {
            problems.add("missing_audience", "no audience: call `audience` with the identifier of this API");
        }
        if audiences.iter().any(String::is_empty) {
            problems.add("empty_audience", "an audience is the empty text");
        }
        let allowed = self.keys.allowed(kind.algorithms, &context.backend, problems);
        if self.max_token_lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
            problems.add("zero_token_lifetime", "a `max_token_lifetime` of zero refuses every token");
        }
        let scopes_at = problems.note(self.scopes_at.as_deref().map(ClaimPath::parse).transpose());
        if self.roles_at.is_some() && client_roles.is_some() {
            problems.add(
                "two_places_of_roles",
                "both `roles_at` and `client_roles`: roles are read from one place",
            );
        }
        let configured = self.roles_at.or(client_roles);
        let roles_at = configured.as_deref().or(kind.layout.roles).map(ClaimPath::parse).transpose();
        let roles_at = problems.note(roles_at);
        let keys = match &self.introspection {
            Some(introspection) if introspection.needs_no_keys() => self.keys.unused(problems),
            _ => self.keys.keys(origin.clone(), allowed.as_ref(), context, problems),
        };
        let mapping = scopes_at.zip(roles_at).map(|(scopes_at, roles_at)| ClaimMapping {
            layout: &kind.layout,
            scopes_at,
            roles_at,
            roles_as: self.roles_as,
            answered_by: None,
        });
        let introspected = self.introspection.map(|introspection| {
            let issuer = OfIssuer {
                identifier: &self.issuer,
                metadata: origin.map(|origin| origin.metadata),
                audiences: &audiences,
                clients: &clients,
                mapping: mapping.as_ref(),
                allowed: allowed.as_ref(),
                http_client: self.keys.http_client.as_ref(),
                fetch_files: &self.keys.fetch_files,
            };
            introspection.introspected(issuer, context, problems)
        });
        let introspected = introspected.map_or(Some(None), |introspected| introspected.map(Some));
        let (allowed, mapping, keys, introspected) = (allowed?, mapping?, keys?, introspected?);
        if names.is_empty() {
            names.push(IssuerName { iss: self.issuer.as_str().into(), tenant: None });
        }
        let rules = ClaimRules {
            issuers: IssuerNames::new(names),
            audiences: audiences.into_iter().map(Into::into).collect(),
            clients: clients.into_iter().map(Into::into).collect(),
            kind,
            leeway: context.leeway,
            max_token_lifetime: self.max_token_lifetime,
        };
        let identifier = self.issuer.into();
        (problems.len() == before).then_some(KnownIssuer {
            identifier,
            rules,
            allowed,
            keys,
            mapping,
            introspected,
        })
    }

    /// The identifier, for messages.
    pub(super) fn shown(&self) -> String {
        without_secrets(&self.issuer)
    }
}

/// Where an issuer is asked, by what it is called or as a preset says.
fn origin(
    identifier: &str,
    metadata: Option<Metadata>,
    loopback_http: LoopbackHttp,
    problems: &mut Problems,
) -> Option<Origin> {
    let metadata = match metadata {
        Some(Metadata { issuer, url }) => MetadataPlace {
            issuer_in_document: issuer.into(),
            candidates: Endpoint::parse(&url, loopback_http).into_iter().collect(),
        },
        None => {
            let issuer = problems.note(Issuer::parse(identifier, loopback_http))?;
            MetadataPlace::well_known(&issuer, loopback_http)
        }
    };
    Some(Origin { issuer: identifier.into(), metadata })
}

impl From<&str> for TrustedIssuer {
    fn from(issuer: &str) -> Self {
        Self::new(issuer)
    }
}

impl From<String> for TrustedIssuer {
    fn from(issuer: String) -> Self {
        Self::new(issuer)
    }
}
