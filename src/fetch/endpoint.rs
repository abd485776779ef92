use http::Uri;

use crate::error::ConfigProblem;

/// Whether plain http to this machine is allowed. Elsewhere it never is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LoopbackHttp {
    Allowed,
    Refused,
}

/// An absolute URL that we may send requests to.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    uri: Uri,
}

impl Endpoint {
    /// Takes an https URL without user information or fragment; http only to a loopback host, and only if
    /// that was asked for.
    pub(crate) fn parse(text: &str, loopback_http: LoopbackHttp) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let host = uri.host()?;
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => loopback_http == LoopbackHttp::Allowed && is_loopback(host),
            _ => false,
        };
        let plain = !text.contains(['#', '\\']) && !uri.authority()?.as_str().contains('@');
        (secure && plain && !host.is_empty()).then_some(Self { uri })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An endpoint from the configuration, or the problem with it.
pub(crate) fn configured(
    code: &'static str,
    what: &str,
    text: &str,
    loopback_http: LoopbackHttp,
) -> Result<Endpoint, ConfigProblem> {
    Endpoint::parse(text, loopback_http).ok_or_else(|| {
        let message = format!("{what} `{text}` is not an https URL without user information or fragment");
        let hint = if text.starts_with("http:") {
            " (for tests, `dangerous_allow_loopback_http` allows http to this machine)"
        } else {
            ""
        };
        ConfigProblem::new(code, message + hint)
    })
}
