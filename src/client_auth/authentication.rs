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
use crate::fetch::{IdentityFiles, bearer_field};
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
/// # Errors
///
/// `build` fails with `invalid_client_id` for an identifier that is empty or not printable ASCII (RFC 6749 appendix A.1), and
/// with `unreadable_secret`, `unreadable_private_key` or `unreadable_client_certificate` where a request would fail because
/// of the secret, key or certificate.
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
    /// it: for servers that do not decode.
    ///
    /// # Errors
    ///
    /// `build` fails with `invalid_client_id` for an identifier with a colon, behind which the secret would begin.
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
    /// # Errors
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
    /// # Errors
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
            Kind::Bearer(token) => token
                .open(|token| bearer_field(token).ok_or("is no bearer token: not visible ASCII"))
                .map(Method::Field),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use http::{Request, Response};
    use jsonwebtoken::{Algorithm, DecodingKey};
    use rcgen::KeyPair;
    use serde_json::{Value, json};

    use super::*;
    use crate::boxed::BoxFuture;
    use crate::fetch::{Endpoint, FetchError, FetchLimits, FormRequest, HttpClient, LoopbackHttp};
    use crate::jose::SignatureAlgorithm;
    use crate::testing::ManualClock;

    const ISSUER: &str = "https://id.example.com";
    const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    fn open(authentication: &ClientAuthentication) -> Result<Authenticator, Vec<ConfigProblem>> {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(1_800_000_000));
        let mut problems = Problems::default();
        let opened = authentication.open(ISSUER, &clock, &mut problems);
        assert_eq!(opened.is_some(), problems.is_empty());
        opened.ok_or_else(|| problems.into_error().problems().to_vec())
    }

    fn codes(authentication: &ClientAuthentication) -> Vec<&'static str> {
        open(authentication).err().unwrap_or_default().iter().map(ConfigProblem::code).collect()
    }

    #[derive(Debug, Default)]
    struct Server(Mutex<Vec<Request<Bytes>>>);

    impl HttpClient for Server {
        fn send(
            &self,
            request: Request<Bytes>,
            _: FetchLimits,
        ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
            self.0.lock().unwrap().push(request);
            Box::pin(async { Ok(Response::new(Bytes::new())) })
        }
    }

    /// What a server is sent: `Authorization`, and the fields of the form beside `token`.
    type Sent = (Option<String>, Vec<(String, String)>);

    async fn try_send(authenticator: &Authenticator) -> Result<Sent, ConfigProblem> {
        let mut form = FormRequest::default();
        form.append("token", "t");
        authenticator.authenticate(&mut form).await?;
        let server = Server::default();
        let endpoint = Endpoint::parse("https://id.example.com/introspect", LoopbackHttp::Refused).unwrap();
        form.post(&server, &endpoint, FetchLimits::default()).await.unwrap();
        let request = server.0.into_inner().unwrap().remove(0);
        let mut fields: Vec<(String, String)> = form_urlencoded::parse(request.body()).into_owned().collect();
        assert_eq!(fields.remove(0), ("token".into(), "t".into()));
        assert_eq!(request.uri(), endpoint.uri(), "nothing is in the URL");
        assert!(
            !format!("{request:?}").contains("Basic")
                && !format!("{:?}", request.headers()).contains("private")
        );
        let field = request.headers().get("authorization").map(|field| field.to_str().unwrap().to_owned());
        Ok((field, fields))
    }

    async fn sent(authentication: &ClientAuthentication) -> Sent {
        try_send(&open(authentication).unwrap()).await.unwrap()
    }

    fn fields<const N: usize>(fields: [(&str, &str); N]) -> Vec<(String, String)> {
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// What Basic says, as a server decodes it.
    fn basic(field: Option<String>, decode: bool) -> (String, String) {
        let field = field.unwrap();
        let text =
            String::from_utf8(STANDARD.decode(field.strip_prefix("Basic ").unwrap()).unwrap()).unwrap();
        let (id, secret) = text.split_once(':').unwrap();
        let form = |text: &str| {
            let pair = format!("x={text}");
            form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned()
        };
        if decode { (form(id), form(secret)) } else { (id.to_owned(), secret.to_owned()) }
    }

    #[tokio::test]
    async fn basic_encodes_identifier_and_secret_as_in_a_form() {
        // covers: INT-002, INT-003
        for (id, secret) in [
            ("a:b c", "p%\u{e4}+"),
            ("orders", "a:b/%+\u{e9}"),
            ("a~!*'()&=", "\u{1f511}\"\\"),
            ("%41", "%2B+ x"),
        ] {
            let (field, fields) = sent(&ClientAuthentication::basic(id, Secret::new(secret))).await;
            assert_eq!(basic(field, true), (id.to_owned(), secret.to_owned()));
            assert_eq!(fields, [], "no second method");
        }
        let (field, _) = sent(&ClientAuthentication::basic("a:b c", Secret::new("p%\u{e4}+"))).await;
        assert_eq!(basic(field, false), ("a%3Ab+c".into(), "p%25%C3%A4%2B".into()));
    }

    #[tokio::test]
    async fn basic_unencoded_sends_both_as_they_are() {
        // covers: INT-002
        let authentication = ClientAuthentication::basic_unencoded("a b%", Secret::new("p%\u{e4}+:"));
        let (field, fields) = sent(&authentication).await;
        assert_eq!(basic(field, false), ("a b%".into(), "p%\u{e4}+:".into()));
        assert_eq!(fields, []);
        let colon = ClientAuthentication::basic_unencoded("a:b", Secret::new("private"));
        assert_eq!(codes(&colon), ["invalid_client_id"]);
    }

    #[tokio::test]
    async fn post_sends_both_in_the_form_and_no_authorization() {
        // covers: INT-002
        let (field, sent) = sent(&ClientAuthentication::post("a:b c", Secret::new("p%\u{e4}+&"))).await;
        assert_eq!(field, None);
        assert_eq!(sent, fields([("client_id", "a:b c"), ("client_secret", "p%\u{e4}+&")]));
    }

    #[tokio::test]
    async fn a_bearer_token_is_sent_alone_and_is_visible_ascii() {
        // covers: INT-002
        let bearer = |token: &str| ClientAuthentication::bearer(Secret::new(token));
        let (field, sent) = sent(&bearer("a.b~c==\n")).await;
        assert_eq!((field.as_deref(), sent), (Some("Bearer a.b~c=="), Vec::new()));
        assert_eq!(open(&bearer("t")).unwrap().client_id(), None);
        for token in ["private private", "private\u{e9}", " private"] {
            let [problem] = &open(&bearer(token)).err().unwrap()[..] else { panic!("one problem") };
            assert_eq!(problem.code(), "unreadable_secret");
            assert!(!problem.to_string().contains("private"), "{problem}");
        }
    }

    #[tokio::test]
    async fn mutual_tls_names_the_client_in_the_form() {
        // covers: INT-002
        let own = ClientAuthentication::mutual_tls("orders");
        let of_files = ClientAuthentication::mutual_tls_files("orders", "/tls.crt", "/tls.key");
        for authentication in [&own, &of_files] {
            assert_eq!(sent(authentication).await, (None, fields([("client_id", "orders")])));
            assert!(open(authentication).unwrap().is_mutual_tls());
        }
        assert_eq!(open(&own).unwrap().tls_files(), None);
        let files = IdentityFiles { certificate: "/tls.crt".into(), key: "/tls.key".into() };
        assert_eq!(open(&of_files).unwrap().tls_files(), Some(&files));
        assert!(!open(&ClientAuthentication::post("a", Secret::new("b"))).unwrap().is_mutual_tls());
    }

    /// The header and the claims of an assertion that was signed with this key, as somebody else reads them.
    fn verified(sent: &Sent, key: &KeyPair) -> (Value, Value) {
        let (field, fields) = sent;
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((field, &names[..]), (&None, &["client_assertion_type", "client_assertion"][..]));
        assert_eq!(fields[0].1, ASSERTION_TYPE);
        let jwt = &fields[1].1;
        let (input, signature) = jwt.rsplit_once('.').unwrap();
        let decoding = DecodingKey::from_ec_der(key.public_key_raw());
        assert!(
            jsonwebtoken::crypto::verify(signature, input.as_bytes(), &decoding, Algorithm::ES256).unwrap()
        );
        let read = |part: &str| {
            let octets = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
            serde_json::from_slice(&octets).unwrap()
        };
        let (header, claims) = input.split_once('.').unwrap();
        (read(header), read(claims))
    }

    fn private_key(key: &KeyPair) -> PrivateKey {
        PrivateKey::from_pem(key.serialize_pem(), SignatureAlgorithm::Es256)
    }

    #[tokio::test]
    async fn an_assertion_is_of_the_client_for_the_issuer_and_good_for_a_minute() {
        // covers: INT-002
        let key = KeyPair::generate().unwrap();
        let authentication =
            ClientAuthentication::private_key_jwt("orders \"api\"", private_key(&key).key_id("k1"));
        let clock = ManualClock::at(1_800_000_000);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let authenticator = authentication.open(ISSUER, &shared, &mut Problems::default()).unwrap();
        assert_eq!(authenticator.client_id(), Some("orders \"api\""));
        let mut seen = BTreeSet::new();
        for now in (1_800_000_000_u64..).step_by(7).take(20) {
            let (header, mut claims) = verified(&try_send(&authenticator).await.unwrap(), &key);
            assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" }));
            let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
            assert_eq!(jti.as_str().unwrap().len(), 32, "192 bits");
            assert!(seen.insert(jti.to_string()), "used twice");
            let client = "orders \"api\"";
            let expected =
                json!({ "iss": client, "sub": client, "aud": ISSUER, "iat": now, "exp": now + 60 });
            assert_eq!(claims, expected);
            clock.advance(Duration::from_secs(7));
        }
    }

    #[tokio::test]
    async fn an_older_server_may_want_another_audience() {
        let key = KeyPair::generate().unwrap();
        let jwt = || ClientAuthentication::private_key_jwt("orders", private_key(&key));
        let endpoint = "https://id.example.com/token";
        let (header, claims) = verified(&sent(&jwt().assertion_audience(endpoint)).await, &key);
        assert_eq!(claims["aud"], endpoint);
        assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT" }), "no `kid` unless there is one");
        assert_eq!(codes(&jwt().assertion_audience("")), ["empty_audience"]);
        let shared =
            ClientAuthentication::post("orders", Secret::new("private")).assertion_audience(endpoint);
        assert_eq!(codes(&shared), ["no_client_assertion"]);
    }

    #[test]
    fn a_client_identifier_is_printable_ascii_and_every_problem_is_named() {
        for id in ["", "a\nb", "a\u{7f}", "\u{e9}", "a\tb"] {
            assert_eq!(codes(&ClientAuthentication::mutual_tls(id)), ["invalid_client_id"], "{id:?}");
        }
        for id in ["a", " ", "~", "a:b c", "https://orders.example.com/?x#y"] {
            assert_eq!(codes(&ClientAuthentication::mutual_tls(id)), [""; 0], "{id:?}");
        }
        for authentication in [
            ClientAuthentication::basic("", Secret::env("PORTCULLIS_NOT_SET")),
            ClientAuthentication::basic_unencoded("", Secret::new("")),
            ClientAuthentication::post("", Secret::file("/portcullis/missing")),
        ] {
            assert_eq!(codes(&authentication), ["invalid_client_id", "unreadable_secret"]);
        }
        let key = PrivateKey::from_pem("private", SignatureAlgorithm::Es256);
        let jwt = ClientAuthentication::private_key_jwt("", key).assertion_audience("");
        assert_eq!(codes(&jwt), ["invalid_client_id", "empty_audience", "unreadable_private_key"]);
    }

    struct File(std::path::PathBuf);

    impl File {
        fn new(name: &str, text: &str) -> Self {
            let path = std::env::temp_dir().join(format!("portcullis-{name}-{}", std::process::id()));
            std::fs::write(&path, text).unwrap();
            Self(path)
        }

        fn write(&self, text: &str) {
            std::fs::write(&self.0, text).unwrap();
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[tokio::test]
    async fn a_secret_that_was_replaced_is_never_sent_again() {
        let file = File::new("rotated-secret", "private-0\n");
        let secret = || Secret::file(&file.0);
        let methods = [
            ClientAuthentication::basic("orders", secret()),
            ClientAuthentication::basic_unencoded("orders", secret()),
            ClientAuthentication::post("orders", secret()),
            ClientAuthentication::bearer(secret()),
        ];
        let methods = methods.map(|method| open(&method).unwrap());
        for text in ["private-1", "private-2", "private-2", "private-1"] {
            file.write(text);
            for method in &methods {
                let (field, fields) = try_send(method).await.unwrap();
                let shown = match field {
                    Some(field) if field.starts_with("Basic") => basic(Some(field), true).1,
                    Some(field) => field.strip_prefix("Bearer ").unwrap().to_owned(),
                    None => fields[1].1.clone(),
                };
                assert_eq!(shown, text);
            }
        }
        file.write("private\nprivate");
        for method in &methods {
            let problem = try_send(method).await.unwrap_err();
            assert_eq!(problem.code(), "unreadable_secret");
            assert!(!problem.to_string().contains("private\n"), "{problem}");
        }
    }

    #[tokio::test]
    async fn a_key_that_was_replaced_never_signs_again() {
        let keys = [(); 3].map(|()| KeyPair::generate().unwrap());
        let file = File::new("rotated-key", &keys[0].serialize_pem());
        let key = PrivateKey::pem_file(&file.0, SignatureAlgorithm::Es256);
        let authenticator = open(&ClientAuthentication::private_key_jwt("orders", key.clone())).unwrap();
        for key in [&keys[0], &keys[1], &keys[1], &keys[2], &keys[0]] {
            file.write(&key.serialize_pem());
            verified(&try_send(&authenticator).await.unwrap(), key);
        }
        let path = file.0.display().to_string();
        let encrypted = keys[0].serialize_pem().replace("PRIVATE", "ENCRYPTED PRIVATE");
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
        for (text, why) in [
            ("", "exactly one"),
            (&*keys[0].public_key_pem(), "`PUBLIC KEY`"),
            (&encrypted, "`ENCRYPTED PRIVATE KEY`"),
            (&other, "does not go with ES256"),
        ] {
            file.write(text);
            let problem = try_send(&authenticator).await.unwrap_err();
            assert_eq!(problem.code(), "unreadable_private_key");
            assert!(problem.to_string().contains(why) && problem.to_string().contains(&path), "{problem}");
            let jwt = ClientAuthentication::private_key_jwt("orders", key.clone());
            assert_eq!(open(&jwt).err().unwrap(), [problem], "as at the start");
        }
        std::fs::remove_file(&file.0).unwrap();
        assert_eq!(try_send(&authenticator).await.unwrap_err().code(), "unreadable_private_key");
    }

    #[tokio::test]
    async fn many_requests_at_once_all_have_their_secret() {
        let file = File::new("many", "private");
        let authenticator = open(&ClientAuthentication::post("orders", Secret::file(&file.0))).unwrap();
        let sending = (0..500).map(|_| try_send(&authenticator));
        for sent in futures_util::future::join_all(sending).await {
            assert_eq!(sent.unwrap().1[1].1, "private");
        }
    }
}
