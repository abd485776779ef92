//! The default client against TLS servers on loopback: which certificates it takes, with the platform's own verifier.
//!
//! What the platform trusts is a setting of the process: on Linux, `SSL_CERT_FILE`. So the test starts its own binary
//! again, once with an authority of ours as the only trusted one.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod cluster;

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use portcullis::testing::Issuer;
use portcullis::{Rejection, ResourceServer, authenticated};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tower::{ServiceExt as _, service_fn};
use tracing_subscriber::filter::LevelFilter;

const AUDIENCE: &str = "https://api.example.com";
/// Set in the process that does the work: where it finds the authority it trusts.
const TRUSTED: &str = "SSL_CERT_FILE";
const STARTED_AGAIN: &str = "PORTCULLIS_TLS_TEST";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for this name, from this authority or from itself, changed by `change`.
fn certificate(
    name: &str,
    authority: Option<&Authority>,
    change: impl FnOnce(&mut CertificateParams),
) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    let certificate = match authority {
        Some(authority) => params.signed_by(&key, authority),
        None => params.self_signed(&key),
    };
    let chain = vec![certificate.unwrap().der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

/// An issuer on loopback with this certificate. Returns it, and what was asked of it once TLS stood.
async fn start(config: ServerConfig) -> (Issuer, Arc<Mutex<Vec<String>>>) {
    let (listener, url) = listen().await;
    let issuer = Issuer::offline(&url);
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let (documents, log) = (issuer.clone(), Arc::clone(&asked));
    serve(listener, config, move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = if path == "/jwks" { documents.jwks_json() } else { documents.metadata_json() };
        log.lock().unwrap().push(path);
        ("200 OK", body.to_string())
    });
    (issuer, asked)
}

/// A port on loopback, and the origin of who serves there.
async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    (listener, url)
}

/// Answers the head of each request, once TLS stands, with a status and JSON.
fn serve(
    listener: TcpListener,
    config: ServerConfig,
    respond: impl Fn(&str) -> (&'static str, String) + Send + 'static,
) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not like the certificate hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let (status, body) = respond(&String::from_utf8(head).unwrap());
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            // The client may have hung up by now.
            let _ = stream.shutdown().await;
        }
    });
}

/// What an API that knows only the issuer answers to its token: status and code.
async fn answer(issuer: &Issuer) -> (u16, &'static str) {
    let server = ResourceServer::builder(issuer.url()).audience(AUDIENCE).build().unwrap();
    answer_of(&server, issuer).await
}

/// What this API answers to a token of this issuer: status and code.
async fn answer_of(server: &ResourceServer, issuer: &Issuer) -> (u16, &'static str) {
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())));
    let token = issuer.token(AUDIENCE).sign();
    let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
    let layer = server.require(authenticated());
    let response = tower::Layer::layer(&layer, inner).oneshot(request).await.unwrap();
    let code = response.extensions().get().map_or("admitted", Rejection::code);
    (response.status().as_u16(), code)
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn of_this_process() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
        subscriber.with_writer(move || writer.clone()).init();
        log
    }

    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

#[test]
fn the_default_client_takes_a_valid_certificate_for_the_host_and_no_other() {
    // covers: DSC-016
    in_a_process(
        "the_default_client_takes_a_valid_certificate_for_the_host_and_no_other",
        judge_certificates,
    );
}

/// Runs the work of this test of ours, in a process of its own that trusts what the work writes into a file.
fn in_a_process(test: &str, work: impl FnOnce(&Path)) {
    match std::env::var_os(STARTED_AGAIN) {
        Some(_) => work(Path::new(&std::env::var_os(TRUSTED).unwrap())),
        None => start_again(test),
    }
}

/// Runs one test of this binary in a process that trusts what it will write into a file.
fn start_again(test: &str) {
    let trusted = Trusted(std::env::temp_dir().join(format!(
        "portcullis-tls-{}-{}.pem",
        std::process::id(),
        test.replace(':', "-")
    )));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(STARTED_AGAIN, "yes").env(TRUSTED, &trusted.0);
    // Nothing else is trusted, and nobody stands in between.
    command.env_remove("SSL_CERT_DIR").env("NO_PROXY", "*").env("no_proxy", "*");
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}{errors}");
}

struct Trusted(PathBuf);

impl Drop for Trusted {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn on_a_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

fn judge_certificates(trusted: &Path) {
    let [ours, stranger, impostor] = ["Ours", "Stranger", "Ours"].map(authority);
    std::fs::write(trusted, ours.pem()).unwrap();
    let log = Log::of_this_process();
    on_a_runtime(async {
        let as_is = |_: &mut CertificateParams| {};
        let right = || certificate("localhost", Some(&ours), as_is);
        let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
        let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(2100, 1, 1);
        let refused = [
            ("another name", certificate("id.example.com", Some(&ours), as_is), "not valid for name"),
            ("a name below it", certificate("*.localhost", Some(&ours), as_is), "not valid for name"),
            ("another address", certificate("127.0.0.1", Some(&ours), as_is), "not valid for name"),
            ("from itself", certificate("localhost", None, as_is), "UnknownIssuer"),
            ("from a stranger", certificate("localhost", Some(&stranger), as_is), "UnknownIssuer"),
            ("from an impostor", certificate("localhost", Some(&impostor), as_is), "BadSignature"),
            ("expired", certificate("localhost", Some(&ours), expired), "expired"),
            ("not yet valid", certificate("localhost", Some(&ours), future), "not valid yet"),
        ];
        for (name, config, reason) in refused {
            let (issuer, asked) = start(config).await;
            assert_eq!(answer(&issuer).await, (503, "unavailable"), "{name}");
            let log = log.take();
            assert!(log.contains("keys could not be loaded") && log.contains(reason), "{name}: {log}");
            assert_eq!(*asked.lock().unwrap(), [""; 0], "{name}: the issuer was asked");
            // The same with a right certificate: it was that, and nothing else.
            let (issuer, asked) = start(right()).await;
            assert_eq!(answer(&issuer).await, (200, "admitted"), "{name}: {log}");
            assert_eq!(*asked.lock().unwrap(), ["/.well-known/openid-configuration", "/jwks"]);
        }
    });
}
