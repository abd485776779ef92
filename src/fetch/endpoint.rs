use http::Uri;

use crate::error::ConfigProblem;

/// How much of a URL is shown, in characters.
const MOST_SHOWN: usize = 200;

/// Whether plain http to this machine is allowed. Elsewhere it never is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LoopbackHttp {
    Allowed,
    Refused,
}

/// An absolute URL that we may send requests to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    uri: Uri,
}

impl Endpoint {
    /// Takes an https URL without user information or fragment; http only to a loopback host, and only if
    /// that was asked for.
    pub(crate) fn parse(text: &str, loopback_http: LoopbackHttp) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        // The authority is a host and at most a port: no user information, and nothing in between.
        let (host, authority) = (uri.host()?, uri.authority()?.as_str());
        let port = authority.strip_prefix(host)?;
        // Digits only: `u16` alone would take a sign, which not everybody reads as part of a port.
        let number =
            |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok();
        let plain_port = port.is_empty() || number(port.strip_prefix(':')?);
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => loopback_http == LoopbackHttp::Allowed && is_loopback(host),
            _ => false,
        };
        let plain = plain_port && is_host(host) && !text.contains(['#', '\\']);
        (secure && plain).then_some(Self { uri })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Whether both have the same origin (RFC 6454 §5): scheme, host and port, the default one written out or not.
    pub(crate) fn is_of_origin(&self, other: &Self) -> bool {
        self.has_origin_of(&other.uri)
    }

    /// The same of a URL that was an endpoint.
    pub(super) fn has_origin_of(&self, other: &Uri) -> bool {
        let port =
            |uri: &Uri| uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
        self.uri.scheme() == other.scheme()
            && host(&self.uri) == host(other)
            && port(&self.uri) == port(other)
    }

    /// For messages and events. Documents of others name endpoints, of any length and in any letters.
    pub(crate) fn shown(&self) -> String {
        shown(&self.uri)
    }
}

/// A URL for messages and events, in part where it is long.
pub(super) fn shown(uri: &Uri) -> String {
    let url = without_secrets(&uri.to_string());
    let mut shown: String = printable(&url).take(MOST_SHOWN.saturating_add(1)).collect();
    if shown.chars().count() > MOST_SHOWN {
        shown.pop();
        shown.push_str("..");
    }
    shown
}

/// An IPv6 address in brackets, or a name or IPv4 address.
fn is_host(host: &str) -> bool {
    let name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    !host.is_empty() && (ipv6(host).is_some() || name(host))
}

fn ipv6(host: &str) -> Option<std::net::Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

fn is_loopback(host: &str) -> bool {
    let ipv4 = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    host == "localhost" || ipv4 || ipv6(host).is_some_and(|address| address.is_loopback())
}

/// An endpoint from the configuration, or the problem with it.
pub(crate) fn configured(
    code: &'static str,
    what: &str,
    text: &str,
    loopback_http: LoopbackHttp,
) -> Result<Endpoint, ConfigProblem> {
    Endpoint::parse(text, loopback_http).ok_or_else(|| {
        let shown = without_secrets(text);
        let message = format!("{what} `{shown}` is not an https URL without user information or fragment");
        let hint = if text.starts_with("http:") {
            " (for tests, `dangerous_allow_loopback_http` allows http to this machine)"
        } else {
            ""
        };
        ConfigProblem::new(code, message + hint)
    })
}

/// A URL for a message: what stands before `@` or after `?` may be a password.
pub(crate) fn without_secrets(url: &str) -> String {
    if url.contains('@') {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let scheme = scheme.filter(|scheme| ["http", "https"].contains(scheme)).unwrap_or_default();
        return format!("{scheme}://..");
    }
    url.split('?').next().unwrap_or_default().to_owned()
}

/// Text of others for a message: what a terminal would obey, and what reorders or hides the rest, is escaped.
pub(super) fn printable(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(|char| {
        // These are escaped for the sake of Rust's syntax only.
        let plain = ['"', '\'', '\\'].contains(&char);
        plain.then_some(char).into_iter().chain((!plain).then(|| char.escape_debug()).into_iter().flatten())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_in_digits() {
        for (port, taken) in
            [("", true), (":443", true), (":0443", true), (":", false), (":+443", false), (":65536", false)]
        {
            let endpoint = Endpoint::parse(&format!("https://id.example.com{port}/"), LoopbackHttp::Refused);
            assert_eq!(endpoint.is_some(), taken, "{port}");
            assert!(
                endpoint.is_none_or(|endpoint| endpoint.uri().port_u16().is_some() != port.is_empty()),
                "{port}"
            );
        }
    }

    #[test]
    fn a_url_is_shown_in_part_and_without_what_would_not_be_seen() {
        // covers: EXT-023
        let shown = |text: &str| Endpoint::parse(text, LoopbackHttp::Refused).unwrap().shown();
        assert_eq!(shown("https://id.example.com/jwks?key=hunter2"), "https://id.example.com/jwks");
        assert_eq!(shown("https://id.example.com/\u{202e}x'"), "https://id.example.com/\\u{202e}x'");
        let of_length = |length: usize| format!("https://id.example.com/{}", "x".repeat(length - 23));
        assert_eq!(shown(&of_length(200)), of_length(200));
        assert_eq!(shown(&of_length(201)), of_length(200) + "..");
        assert_eq!(shown(&of_length(60_000)), of_length(200) + "..");
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let endpoint = |text| Endpoint::parse(text, LoopbackHttp::Allowed).unwrap();
        for (one, other, same) in [
            ("https://id.example.com/jwks", "https://id.example.com/other?x=1", true),
            ("https://id.example.com", "https://id.example.com:443/jwks", true),
            ("https://id.example.com", "https://ID.example.com/", true),
            ("http://localhost/jwks", "http://localhost:80", true),
            ("https://id.example.com", "https://id.example.com:8443", false),
            ("https://id.example.com", "https://www.id.example.com", false),
            ("https://id.example.com", "https://id.example.com.evil.example", false),
            ("https://id.example.com", "https://id.example.com.", false),
            ("http://localhost:443", "https://localhost", false),
        ] {
            assert_eq!(endpoint(one).is_of_origin(&endpoint(other)), same, "{one} {other}");
            assert_eq!(endpoint(other).is_of_origin(&endpoint(one)), same, "{other} {one}");
        }
    }
}
