use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::files::{FetchFiles, IdentityFiles};
use super::reqwest::{Authorities, DefaultClient, Identity};
use crate::boxed::BoxError;
use crate::error::{ConfigProblem, Problems};
use crate::reload::{Fresh, TextFile};

/// In bytes. Several times as large as the bundle of a system.
const LARGEST_BUNDLE: u64 = 1024 * 1024;

/// The default client of what files say about TLS, made anew when one of them changed.
pub(super) struct TlsFiles {
    authorities: Option<Fresh<Arc<Authorities>>>,
    identity: Option<OurFiles>,
    made: Mutex<Option<(Parts, Arc<DefaultClient>)>>,
}

/// The files of our own certificate.
struct OurFiles {
    certificate: Fresh<Arc<str>>,
    key: Fresh<Arc<str>>,
    shown: String,
}

/// What a client is made of. The value of a file is the same one for as long as the file does not change.
struct Parts {
    authorities: Option<Arc<Authorities>>,
    identity: Option<(Arc<str>, Arc<str>)>,
}

impl TlsFiles {
    /// Reads the files for the first time, on this thread. `Some(None)` if there are none, and `None` if one is of no use.
    pub(super) fn open(files: &FetchFiles, problems: &mut Problems) -> Option<Option<Self>> {
        let authorities = problems.note(files.ca.as_deref().map(open_authorities).transpose());
        let identity = problems.note(files.identity.as_ref().map(open_identity).transpose());
        let (authorities, identity) = (authorities?, identity?);
        let read = Parts {
            authorities: authorities.as_ref().map(Fresh::last),
            identity: identity.as_ref().map(|files: &OurFiles| (files.certificate.last(), files.key.last())),
        };
        if read.authorities.is_none() && read.identity.is_none() {
            return Some(None);
        }
        let files = Self { authorities, identity, made: Mutex::default() };
        problems.note(files.make(read)).map(|_| Some(files))
    }

    /// The client for what the files say now.
    pub(super) async fn client(&self) -> Result<Arc<DefaultClient>, ConfigProblem> {
        match self.make(self.read().await?) {
            // Both files of an identity can be replaced at once, but not be read at once: they are looked at again.
            Err(_) => self.make(self.read().await?),
            made => made,
        }
    }

    async fn read(&self) -> Result<Parts, ConfigProblem> {
        let authorities = match &self.authorities {
            Some(file) => Some(file.read().await?),
            None => None,
        };
        let identity = match &self.identity {
            Some(files) => Some((files.certificate.read().await?, files.key.read().await?)),
            None => None,
        };
        Ok(Parts { authorities, identity })
    }

    fn make(&self, parts: Parts) -> Result<Arc<DefaultClient>, ConfigProblem> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, client)) = &*made
            && of.are(&parts)
        {
            return Ok(Arc::clone(client));
        }
        let client = parts.client().map_err(|error| {
            let shown = self.identity.as_ref().map(|files| files.shown.as_str());
            unusable_identity(shown.unwrap_or_default(), &error)
        })?;
        let client = Arc::new(client);
        *made = Some((parts, Arc::clone(&client)));
        Ok(client)
    }
}

impl Parts {
    fn are(&self, other: &Self) -> bool {
        let authorities = match (&self.authorities, &other.authorities) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let identity = match (&self.identity, &other.identity) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.0, &other.0) && Arc::ptr_eq(&one.1, &other.1),
            (one, other) => one.is_none() && other.is_none(),
        };
        authorities && identity
    }

    fn client(&self) -> Result<DefaultClient, BoxError> {
        let identity = self.identity.as_ref().map(|(certificate, key)| Identity::from_pem(certificate, key));
        DefaultClient::with(self.authorities.as_deref(), identity.transpose()?.as_ref())
    }
}

fn open_authorities(path: &Path) -> Result<Fresh<Arc<Authorities>>, ConfigProblem> {
    let unreadable = |message| ConfigProblem::new("unreadable_ca_file", message);
    let shown = path.display().to_string();
    Fresh::open(TextFile::new(path, LARGEST_BUNDLE, unreadable, move |text| {
        let authorities = Authorities::from_pem(text).and_then(|authorities| {
            // Whether they can be trusted, a client tells.
            DefaultClient::with(Some(&authorities), None).map(|_| Arc::new(authorities))
        });
        authorities.map_err(|error| unreadable(format!("`{shown}` cannot be used: {error}")))
    }))
}

fn open_identity(files: &IdentityFiles) -> Result<OurFiles, ConfigProblem> {
    let open =
        |path| Fresh::open(TextFile::new(path, LARGEST_BUNDLE, unreadable_identity, |text| Ok(text.into())));
    let (certificate, key) = (open(&files.certificate)?, open(&files.key)?);
    Ok(OurFiles {
        certificate,
        key,
        shown: format!("`{}` and `{}`", files.certificate.display(), files.key.display()),
    })
}

fn unusable_identity(shown: &str, error: &BoxError) -> ConfigProblem {
    unreadable_identity(format!("{shown} cannot be used: {error}"))
}

fn unreadable_identity(message: String) -> ConfigProblem {
    ConfigProblem::new("unreadable_client_certificate", message)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::Ipv4Addr;
    use std::path::PathBuf;

    use bytes::Bytes;
    use http::Request;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::crypto::aws_lc_rs;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::rustls::server::WebPkiClientVerifier;
    use tokio_rustls::rustls::{RootCertStore, ServerConfig};

    use super::*;
    use crate::fetch::{FetchError, FetchLimits, FileClient, HttpClient as _};

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// A certificate of an authority, and its key.
    fn certificate(name: &str, authority: &Authority) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, authority).unwrap(), key)
    }

    /// A server that wants a certificate of the authority, and answers with the one it was shown. Returns its URL.
    async fn start(authority: &Authority) -> String {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let (own, key) = certificate("localhost", authority);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![own.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Who shows no certificate gets no further.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let length = shown.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
                let _ = stream.write_all(&[head.as_bytes(), &shown].concat()).await;
                let _ = stream.shutdown().await;
            }
        });
        format!("https://localhost:{port}/introspect")
    }

    /// A folder with the files of a client.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str, authority: &Authority) -> Self {
            let path = std::env::temp_dir().join(format!("portcullis-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            fs::write(path.join("ca.crt"), authority.pem()).unwrap();
            Self(path)
        }

        fn files(&self) -> FetchFiles {
            let [ca, certificate, key] = ["ca.crt", "tls.crt", "tls.key"].map(|name| self.0.join(name));
            let identity = Some(IdentityFiles { certificate, key });
            FetchFiles { ca: Some(ca), token: None, identity }
        }

        fn write(&self, certificate: &rcgen::Certificate, key: &KeyPair) {
            fs::write(self.0.join("tls.crt"), certificate.pem()).unwrap();
            fs::write(self.0.join("tls.key"), key.serialize_pem()).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn open(files: &FetchFiles) -> Result<FileClient, Vec<ConfigProblem>> {
        let mut problems = Problems::default();
        let client = FileClient::open(files, Arc::new(DefaultClient::default()), "id", &[], &mut problems);
        client.ok_or_else(|| problems.into_error().problems().to_vec())
    }

    async fn shown(client: &FileClient, url: &str) -> Result<Bytes, FetchError> {
        let request = Request::post(url).body(Bytes::new()).unwrap();
        client.send(request, FetchLimits::default()).await.map(http::Response::into_body)
    }

    #[tokio::test]
    async fn the_certificate_in_the_files_is_presented_and_no_other() {
        // covers: INT-002
        let (ours, stranger) = (authority(), authority());
        let (url, folder) = (start(&ours).await, Folder::new("identity", &ours));
        let bare = open(&FetchFiles { identity: None, ..folder.files() }).unwrap();
        assert!(matches!(shown(&bare, &url).await, Err(FetchError::Failed(_))));

        let [(first, first_key), (second, second_key)] = ["a", "b"].map(|name| certificate(name, &ours));
        folder.write(&first, &first_key);
        let client = open(&folder.files()).unwrap();
        for _ in 0..2 {
            assert_eq!(shown(&client, &url).await.unwrap(), first.der().to_vec());
        }
        // Between the one file and the other.
        folder.write(&second, &first_key);
        let FetchError::Failed(error) = shown(&client, &url).await.unwrap_err() else {
            panic!("it was sent")
        };
        assert!(
            error.to_string().contains("tls.crt") && error.to_string().contains("cannot be used"),
            "{error}"
        );
        folder.write(&second, &second_key);
        assert_eq!(shown(&client, &url).await.unwrap(), second.der().to_vec());

        let (foreign, foreign_key) = certificate("a", &stranger);
        folder.write(&foreign, &foreign_key);
        assert!(matches!(shown(&client, &url).await, Err(FetchError::Failed(_))));
        folder.write(&first, &first_key);
        assert_eq!(shown(&client, &url).await.unwrap(), first.der().to_vec());
        // The server counts as before.
        fs::write(folder.0.join("ca.crt"), stranger.pem()).unwrap();
        assert!(matches!(shown(&client, &url).await, Err(FetchError::Failed(_))));
    }

    #[tokio::test]
    async fn a_client_is_made_anew_only_where_a_file_changed() {
        let ours = authority();
        let folder = Folder::new("made", &ours);
        let (certificate, key) = certificate("a", &ours);
        folder.write(&certificate, &key);
        let files = TlsFiles::open(&folder.files(), &mut Problems::default()).unwrap().unwrap();
        let first = files.client().await.unwrap();
        folder.write(&certificate, &key);
        assert!(Arc::ptr_eq(&first, &files.client().await.unwrap()));
        fs::write(folder.0.join("ca.crt"), ours.pem() + "\n").unwrap();
        assert!(!Arc::ptr_eq(&first, &files.client().await.unwrap()));
    }

    #[tokio::test]
    async fn what_is_no_certificate_with_its_key_is_a_problem_and_not_printed() {
        let ours = authority();
        let (url, folder) = (start(&ours).await, Folder::new("problems", &ours));
        let (certificate, key) = certificate("a", &ours);
        folder.write(&certificate, &key);
        let client = open(&folder.files()).unwrap();
        let encrypted = key.serialize_pem().replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let other = KeyPair::generate().unwrap().serialize_pem();
        let pem = certificate.pem();
        let broken = pem.replace("MII", "AAA");
        for (name, content) in [
            ("tls.crt", None),
            ("tls.key", None),
            ("tls.crt", Some("")),
            ("tls.crt", Some("hunter2")),
            ("tls.crt", Some(&*broken)),
            ("tls.crt", Some(&*other)),
            ("tls.key", Some("")),
            ("tls.key", Some(&*encrypted)),
            ("tls.key", Some(&*other)),
            ("tls.key", Some(&*pem)),
        ] {
            folder.write(&certificate, &key);
            assert!(shown(&client, &url).await.is_ok());
            match content {
                Some(content) => fs::write(folder.0.join(name), content).unwrap(),
                None => fs::remove_file(folder.0.join(name)).unwrap(),
            }
            let Err(problems) = open(&folder.files()) else { panic!("{name}: {content:?}") };
            let [problem] = &problems[..] else { panic!("{problems:?}") };
            assert_eq!(problem.code(), "unreadable_client_certificate");
            let Err(FetchError::Failed(error)) = shown(&client, &url).await else {
                panic!("{name}: {content:?}")
            };
            assert_eq!(error.to_string(), problem.to_string());
            assert!(problem.to_string().contains(name), "{problem}");
            for line in key.serialize_pem().lines().chain(other.lines()).chain(["hunter2"]) {
                assert!(line.starts_with("---") || !problem.to_string().contains(line), "{problem}");
            }
        }
    }
}
