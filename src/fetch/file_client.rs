use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::bearer_field::bearer_field;
use super::endpoint::{Endpoint, shown};
use super::files::FetchFiles;
use super::http_client::{FetchError, FetchLimits, HttpClient};
use super::tls_files::TlsFiles;
use crate::boxed::BoxFuture;
use crate::error::{ConfigProblem, Problems};
use crate::reload::{Fresh, TextFile};

/// What servers take at most as one header field, more or less.
const LARGEST_TOKEN: u64 = 16 * 1024;

/// The default client with the files of one issuer, which are read for each request: so none is sent with a token or a
/// certificate that was replaced, and certificates that are no longer in their file are no longer trusted.
pub(crate) struct FileClient {
    issuer: Box<str>,
    /// Where the configuration says that fetches begin. The token is for these origins (RFC 6454 §5): a document that
    /// somebody could change must not choose who gets to see it.
    origins: Vec<Endpoint>,
    client: Arc<dyn HttpClient>,
    /// In place of `client`.
    tls: Option<Arc<TlsFiles>>,
    token: Option<Token>,
}

struct Token {
    path: PathBuf,
    /// The whole field, marked as sensitive.
    field: Fresh<HeaderValue>,
}

impl FileClient {
    /// Reads the files for the first time, on this thread. The token goes to `origins` only. `None` if a file is of no
    /// use: without it, the client would trust or send something else.
    pub(crate) fn open(
        files: &FetchFiles,
        client: Arc<dyn HttpClient>,
        issuer: &str,
        origins: &[Endpoint],
        problems: &mut Problems,
    ) -> Option<Self> {
        let tls = TlsFiles::open(files, problems);
        let token = problems.note(files.token.as_deref().map(open_token).transpose());
        let (tls, token) = (tls?.map(Arc::new), token?);
        Some(Self { issuer: issuer.into(), origins: origins.to_vec(), client, tls, token })
    }

    fn token_for(&self, request: &Request<Bytes>) -> Option<&Token> {
        let token = self.token.as_ref()?;
        if self.origins.iter().any(|origin| origin.has_origin_of(request.uri())) {
            return Some(token);
        }
        let (issuer, path) = (&*self.issuer, token.path.display());
        let to = shown(request.uri());
        tracing::warn!(target: "portcullis::files", event = "token_withheld", issuer, %path, to, "the token is not sent to a host that only the metadata names");
        None
    }
}

impl HttpClient for FileClient {
    fn send(
        &self,
        mut request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let token = self.token_for(&request).map(|token| token.field.read());
        let (tls, client) = (self.tls.clone(), Arc::clone(&self.client));
        let exchange = async move {
            if let Some(token) = token {
                request.headers_mut().insert(header::AUTHORIZATION, of_file(token.await)?);
            }
            match tls {
                Some(tls) => of_file(tls.client().await)?.send(request, limits).await,
                None => client.send(request, limits).await,
            }
        };
        Box::pin(async move {
            // As the default client: tokio's time would panic outside it.
            Handle::try_current().map_err(|error| FetchError::Failed(error.into()))?;
            timeout(limits.timeout, exchange).await.unwrap_or(Err(FetchError::TimedOut))
        })
    }
}

impl fmt::Debug for FileClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileClient").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A file that is of no use now is a failed fetch.
fn of_file<T>(result: Result<T, ConfigProblem>) -> Result<T, FetchError> {
    result.map_err(|problem| FetchError::Failed(problem.to_string().into()))
}

fn open_token(path: &Path) -> Result<Token, ConfigProblem> {
    let unreadable = |message| ConfigProblem::new("unreadable_token_file", message);
    let shown = path.display().to_string();
    let file = TextFile::new(path, LARGEST_TOKEN, unreadable, move |text| {
        // What is wrong with it is said without a character of it.
        let message = || format!("`{shown}` is not one line of visible ASCII characters");
        bearer_field(text).ok_or_else(|| unreadable(message()))
    });
    Ok(Token { path: path.to_owned(), field: Fresh::open(file)? })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::fetch::LoopbackHttp;

    /// A file with the token `secret`.
    struct TokenFile(PathBuf);

    impl TokenFile {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("portcullis-token-{name}-{}", std::process::id()));
            std::fs::write(&path, "secret").unwrap();
            Self(path)
        }

        fn client(&self, answers: bool) -> FileClient {
            let origins = ["https://id.example.com/jwks", "http://localhost:9/metadata"];
            let origins = origins.map(|text| Endpoint::parse(text, LoopbackHttp::Allowed).unwrap());
            let files = FetchFiles { ca: None, token: Some(self.0.clone()), identity: None };
            let (echo, mut problems) = (Arc::new(Echo { answers }), Problems::default());
            FileClient::open(&files, echo, "https://id.example.com", &origins, &mut problems).unwrap()
        }
    }

    impl Drop for TokenFile {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    /// Answers with the field that it was sent, or never.
    #[derive(Debug)]
    struct Echo {
        answers: bool,
    }

    impl HttpClient for Echo {
        fn send(
            &self,
            request: Request<Bytes>,
            _: FetchLimits,
        ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
            if !self.answers {
                return Box::pin(std::future::pending());
            }
            let field = request.headers().get(header::AUTHORIZATION);
            let body = field.map(|field| Bytes::copy_from_slice(field.as_bytes())).unwrap_or_default();
            Box::pin(std::future::ready(Ok(Response::new(body))))
        }
    }

    fn request(uri: &str) -> Request<Bytes> {
        Request::get(uri).body(Bytes::new()).unwrap()
    }

    #[tokio::test]
    async fn the_token_is_sent_to_the_configured_origins_and_no_other() {
        // covers: PRV-030
        let file = TokenFile::new("origins");
        let client = file.client(true);
        for (uri, sent) in [
            ("https://id.example.com/jwks", true),
            ("https://ID.example.com:443/other?x", true),
            ("http://localhost:9/", true),
            ("https://id.example.com:8443/jwks", false),
            ("https://id.example.com./jwks", false),
            ("https://id.example.com.evil.example/jwks", false),
            ("https://jwks.id.example.com/jwks", false),
            ("http://id.example.com/jwks", false),
            ("http://id.example.com:443/jwks", false),
            ("http://localhost/", false),
            ("https://localhost:9/", false),
            ("http://127.0.0.1:9/", false),
        ] {
            let answer = client.send(request(uri), FetchLimits::default()).await.unwrap();
            assert_eq!(&answer.body()[..], if sent { &b"Bearer secret"[..] } else { b"" }, "{uri}");
        }
        assert!(!format!("{client:?}").contains("secret"));
    }

    #[tokio::test]
    async fn the_limit_of_time_holds_for_files_and_exchange_together() {
        let file = TokenFile::new("limits");
        let client = file.client(false);
        let limits = FetchLimits { timeout: Duration::from_millis(20), ..FetchLimits::default() };
        let result = client.send(request("https://id.example.com/jwks"), limits).await;
        assert!(matches!(result, Err(FetchError::TimedOut)), "{result:?}");
    }

    #[test]
    fn without_a_runtime_a_request_fails() {
        let file = TokenFile::new("runtime");
        let sending = file.client(true).send(request("https://id.example.com/jwks"), FetchLimits::default());
        assert!(matches!(sending.now_or_never(), Some(Err(FetchError::Failed(_)))));
    }
}
