#[cfg(feature = "reqwest")]
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderValue;

use super::assertion::Assertion;
use super::authenticator::{Authenticator, Method};
use super::basic;
use super::private_key::PrivateKey;
use crate::clock::Clock;
use crate::error::{ConfigProblem, Problems};
use crate::fetch::IdentityFiles;
use crate::reload::Setting;
use crate::secret::{Secret, SecretText};

/// How this service says who it is at an authorization server whose client it is (RFC 6749 §2.3).
///
/// A request has exactly one of these methods. Which one a client has is part of its registration; of those that the server
/// offers, [`private_key_jwt`](Self::private_key_jwt) and [`mutual_tls`](Self::mutual_tls) send nothing that
/// another could use. Secrets, keys and certificates in files are read again for each request, so that they can be
/// replaced without a restart.
///
/// `Debug` shows the method and where its secret is from, and never the secret.
///
/// ```
/// use portcullis::{ClientAuthentication, PrivateKey, Secret, SignatureAlgorithm};
///
/// let shared = ClientAuthentication::basic("orders-api", Secret::file("/run/secrets/orders-api"));
/// let signed = ClientAuthentication::private_key_jwt(
///     "orders-api",
///     PrivateKey::pem_file("/run/secrets/orders-api.pem", SignatureAlgorithm::Es256),
/// );
/// # let vault = ClientAuthentication::post("orders-api", Secret::new("hunter2"));
/// # assert!(!format!("{shared:?} {signed:?} {vault:?}").contains("hunter2"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a way to authenticate does nothing until something is configured with it"]
pub struct ClientAuthentication {
    /// `None` for a bearer token.
    client_id: Option<String>,
    kind: Kind,
    assertion_audience: Option<String>,
}

#[derive(Clone, Debug)]
enum Kind {
    Basic(Secret),
    BasicUnencoded(Secret),
    Post(Secret),
    PrivateKeyJwt(PrivateKey),
    MutualTls(Option<IdentityFiles>),
    Bearer(Secret),
}

impl ClientAuthentication {
    /// A client secret by HTTP Basic (`client_secret_basic`, RFC 6749 §2.3.1): what every server takes. Identifier and secret are
    /// form-urlencoded first, as that section says, so that any character can be in them.
    ///
    /// *Not* checked: whether the server decodes them. Few do not, and where no character needs encoding nobody
    /// notices; for the others there is [`basic_unencoded`](Self::basic_unencoded).
    pub fn basic(client_id: impl Into<String>, secret: Secret) -> Self {
        Self::of_client(client_id, Kind::Basic(secret))
    }

    /// A client secret by HTTP Basic without the encoding that RFC 6749 §2.3.1 asks for, as RFC 7617 alone would have
    /// it: for servers that do not decode. The identifier must not have a colon, behind which the secret begins.
    pub fn basic_unencoded(client_id: impl Into<String>, secret: Secret) -> Self {
        Self::of_client(client_id, Kind::BasicUnencoded(secret))
    }

    /// A client secret in the form (`client_secret_post`, RFC 6749 §2.3.1), for servers that do not take it by HTTP
    /// Basic. There are more logs that have bodies in them than `Authorization`.
    pub fn post(client_id: impl Into<String>, secret: Secret) -> Self {
        Self::of_client(client_id, Kind::Post(secret))
    }

    /// An assertion that the client signs with its private key (`private_key_jwt`, RFC 7523 §2.2, OpenID Connect Core §9). Each
    /// request has its own: a JWT from and about the client, for the issuer identifier of the server as its one
    /// audience, with a random `jti`, that expires after 60 s.
    ///
    /// *Not* checked: whether the clock of this machine is right, which the server judges it by.
    pub fn private_key_jwt(client_id: impl Into<String>, key: PrivateKey) -> Self {
        Self::of_client(client_id, Kind::PrivateKeyJwt(key))
    }

    /// The audience of assertions in place of the server's issuer identifier: for servers that know only the URL of
    /// one of their endpoints. An assertion for an endpoint's URL is refused by those that follow FAPI 2.0 §5.3.3.1.
    ///
    /// `build` fails with `no_client_assertion` beside another method than [`private_key_jwt`](Self::private_key_jwt), and with
    /// `empty_audience` for the empty text.
    pub fn assertion_audience(mut self, audience: impl Into<String>) -> Self {
        self.assertion_audience = Some(audience.into());
        self
    }

    /// The certificate that the HTTP client presents (RFC 8705 §2), with the client's identifier in the form. The
    /// certificate is the business of the client of your own that the requests are sent with; for the default one there
    /// is [`mutual_tls_files`](Self::mutual_tls_files).
    ///
    /// *Not* checked: whether that client presents any.
    pub fn mutual_tls(client_id: impl Into<String>) -> Self {
        Self::of_client(client_id, Kind::MutualTls(None))
    }

    /// A certificate that the default client presents (RFC 8705 §2), with the client's identifier in the form: one file
    /// with the certificate and those between it and its authority, and one with its private key (PKCS#8, PKCS#1 or
    /// SEC 1), both as PEM of at most 1 MiB.
    ///
    /// Both are read by `build`, on the calling thread, and again for each request: one that begins after the files were
    /// replaced is sent over a connection with the new certificate. While they do not belong together, as between
    /// the writing of one and the other, nothing is sent and requests fail.
    ///
    /// *Not* checked: whether the certificate is still valid, and who else may read the key.
    ///
    /// `build` fails with `unreadable_client_certificate` where a request would fail because of the files.
    #[cfg(feature = "reqwest")]
    pub fn mutual_tls_files(
        client_id: impl Into<String>,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        let files = IdentityFiles { certificate: certificate.into(), key: key.into() };
        Self::of_client(client_id, Kind::MutualTls(Some(files)))
    }

    /// A bearer token of this service (RFC 6750 §2.1), for endpoints that take one in place of client credentials, as RFC 7662
    /// §2.1 allows: visible ASCII. Nothing is known of the client's identifier, and nothing renews the token but
    /// whoever writes its file.
    pub fn bearer(token: Secret) -> Self {
        Self { client_id: None, kind: Kind::Bearer(token), assertion_audience: None }
    }

    fn of_client(client_id: impl Into<String>, kind: Kind) -> Self {
        Self { client_id: Some(client_id.into()), kind, assertion_audience: None }
    }

    /// Reads for the first time what the method needs, and finds every problem. `issuer` is who is asked.
    pub(crate) fn open(
        &self,
        issuer: &str,
        clock: &Arc<dyn Clock>,
        problems: &mut Problems,
    ) -> Option<Authenticator> {
        let before = problems.len();
        self.check_client_id(problems);
        let audience = self.audience(issuer, problems);
        let method = problems.note(self.method(audience, clock));
        let client_id = self.client_id.as_deref().map(Into::into);
        method.filter(|_| problems.len() == before).map(|method| Authenticator { client_id, method })
    }

    fn check_client_id(&self, problems: &mut Problems) {
        let Some(client_id) = &self.client_id else { return };
        // RFC 6749 appendix A.1: VSCHAR.
        if client_id.is_empty() || !client_id.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            problems
                .add("invalid_client_id", "a client identifier is one or more printable ASCII characters");
        } else if matches!(self.kind, Kind::BasicUnencoded(_)) && client_id.contains(':') {
            problems.add("invalid_client_id", "with `basic_unencoded`, a client identifier has no colon");
        }
    }

    fn audience<'a>(&'a self, issuer: &'a str, problems: &mut Problems) -> &'a str {
        let Some(audience) = &self.assertion_audience else { return issuer };
        if !matches!(self.kind, Kind::PrivateKeyJwt(_)) {
            let message = "`assertion_audience` beside another method than `private_key_jwt`";
            problems.add("no_client_assertion", message);
        } else if audience.is_empty() {
            problems.add("empty_audience", "`assertion_audience` is the empty text");
        }
        audience
    }

    fn method(&self, audience: &str, clock: &Arc<dyn Clock>) -> Result<Method, ConfigProblem> {
        match &self.kind {
            Kind::Basic(secret) => self.basic_field(secret, basic::encoded).map(Method::Field),
            Kind::BasicUnencoded(secret) => self.basic_field(secret, basic::unencoded).map(Method::Field),
            Kind::Bearer(token) => token.open(bearer_field).map(Method::Field),
            Kind::Post(secret) => secret.open(|text| Ok(SecretText::new(text))).map(Method::Post),
            Kind::PrivateKeyJwt(key) => key.open().map(|signer| {
                let (client_id, clock) = (self.client_id().into(), Arc::clone(clock));
                Method::Assertion(Box::new(Assertion { client_id, audience: audience.into(), signer, clock }))
            }),
            Kind::MutualTls(files) => Ok(Method::MutualTls(files.clone())),
        }
    }

    fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or_default()
    }

    fn basic_field(
        &self,
        secret: &Secret,
        field: fn(&str, &str) -> Option<HeaderValue>,
    ) -> Result<Setting<HeaderValue>, ConfigProblem> {
        let client_id = self.client_id().to_owned();
        secret.open(move |secret| field(&client_id, secret).ok_or("cannot be sent"))
    }
}

/// Visible ASCII: what could be more than a token is none.
fn bearer_field(token: &str) -> Result<HeaderValue, &'static str> {
    let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    let field = basic::field("Bearer", token).filter(|_| visible);
    field.ok_or("is no bearer token: not visible ASCII")
}
