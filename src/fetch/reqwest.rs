use std::error::Error as _;
use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};

use super::http_client::{FetchError, FetchLimits, HttpClient};
use crate::boxed::{BoxError, BoxFuture};

/// reqwest with rustls, made at the first request.
///
/// Making it reads the system's certificates, which is I/O and may fail: a failure is an outage of ours, not a
/// reason why the service cannot start.
#[derive(Debug, Default)]
pub(crate) struct DefaultClient {
    /// For https. Goes through the system's proxies.
    outward: OnceLock<reqwest::Client>,
    /// For plain http, which is allowed to this machine only: a proxy would be another machine.
    loopback: OnceLock<reqwest::Client>,
}

/// Certificates of who is trusted.
pub(super) struct Authorities(Vec<reqwest::Certificate>);

impl Authorities {
    /// Reads a PEM bundle. Whether every one of them is fit to be trusted is judged where a client is made.
    pub(super) fn from_pem(bundle: &str) -> Result<Self, BoxError> {
        let roots = reqwest::Certificate::from_pem_bundle(bundle.as_bytes()).map_err(cause)?;
        if roots.is_empty() {
            return Err("there is no certificate in it".into());
        }
        Ok(Self(roots))
    }
}

/// A certificate with its private key.
pub(super) struct Identity(reqwest::Identity);

impl Identity {
    /// Reads the PEM of both. Whether they belong together is judged where a client is made.
    pub(super) fn from_pem(certificate: &str, key: &str) -> Result<Self, BoxError> {
        let pem = format!("{certificate}\n{key}");
        reqwest::Identity::from_pem(pem.as_bytes()).map(Self).map_err(cause)
    }
}

impl DefaultClient {
    /// A client that trusts, for https, the certificates of the authorities, where there are any, and no others; and that
    /// presents a certificate to who asks for one, where there is one.
    pub(super) fn with(
        authorities: Option<&Authorities>,
        identity: Option<&Identity>,
    ) -> Result<Self, BoxError> {
        let mut builder = builder();
        if let Some(Authorities(roots)) = authorities {
            builder = builder.tls_certs_only(roots.iter().cloned());
        }
        if let Some(Identity(identity)) = identity {
            builder = builder.identity(identity.clone());
        }
        let client = builder.build().map_err(cause)?;
        Ok(Self { outward: OnceLock::from(client), loopback: OnceLock::new() })
    }

    fn client(&self, scheme: Option<&str>) -> Result<reqwest::Client, FetchError> {
        // reqwest is bound to tokio and would panic outside it.
        tokio::runtime::Handle::try_current().map_err(|error| FetchError::Failed(error.into()))?;
        let outward = scheme == Some("https");
        let client = if outward { &self.outward } else { &self.loopback };
        if let Some(client) = client.get() {
            return Ok(client.clone());
        }
        let builder = if outward { builder() } else { builder().no_proxy() };
        let made = builder.build().map_err(|error| FetchError::Failed(error.into()))?;
        Ok(client.get_or_init(|| made).clone())
    }
}

impl HttpClient for DefaultClient {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        let client = self.client(request.uri().scheme_str());
        Box::pin(async move {
            let mut request = reqwest::Request::try_from(request).map_err(failed)?;
            *request.timeout_mut() = Some(limits.timeout);
            let mut response = client?.execute(request).await.map_err(failed)?;
            let mut body = BytesMut::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if body.len().saturating_add(chunk.len()) > limits.max_body {
                    return Err(FetchError::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            let mut answer = Response::new(body.freeze());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            Ok(answer)
        })
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // The cap holds for what arrives: nothing is unpacked, whatever features the build has.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
}

/// What reqwest has to say beyond that it could not make a client.
fn cause(error: reqwest::Error) -> BoxError {
    let cause = error.source().map(ToString::to_string);
    cause.map_or_else(|| error.into(), Into::into)
}

fn failed(error: reqwest::Error) -> FetchError {
    if error.is_timeout() { FetchError::TimedOut } else { FetchError::Failed(error.without_url().into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_http_client_contract;

    #[tokio::test]
    async fn the_default_client_keeps_the_contract() {
        // covers: INT-025
        assert_http_client_contract(&DefaultClient::default()).await;
    }
}
