use crate::error::ConfigProblem;
use crate::fetch::{Endpoint, LoopbackHttp, configured, without_secrets};

/// An issuer identifier: an https URL without query or fragment (RFC 8414 §2), compared byte by byte.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    text: Box<str>,
}

impl Issuer {
    pub(crate) fn parse(text: &str, loopback_http: LoopbackHttp) -> Result<Self, ConfigProblem> {
        configured("insecure_issuer", "issuer", text, loopback_http)?;
        if text.contains('?') {
            return Err(ConfigProblem::new(
                "invalid_issuer",
                format!("issuer `{}` has a query", without_secrets(text)),
            ));
        }
        Ok(Self { text: text.into() })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// OpenID Connect Discovery §4: appended to the issuer, after removing a terminating slash.
    pub(crate) fn openid_configuration(&self, loopback_http: LoopbackHttp) -> Option<Endpoint> {
        let issuer = self.text.strip_suffix('/').unwrap_or(&self.text);
        Endpoint::parse(&format!("{issuer}/.well-known/openid-configuration"), loopback_http)
    }

    /// RFC 8414 §3.1: inserted between host and path, after removing a terminating slash of the path.
    pub(crate) fn oauth_authorization_server(&self, loopback_http: LoopbackHttp) -> Option<Endpoint> {
        let issuer = self.text.strip_suffix('/').unwrap_or(&self.text);
        let (scheme, rest) = issuer.split_once("://")?;
        let path_starts = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(path_starts)?;
        Endpoint::parse(
            &format!("{scheme}://{host}/.well-known/oauth-authorization-server{path}"),
            loopback_http,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> Issuer {
        Issuer::parse(text, LoopbackHttp::Refused).unwrap()
    }

    #[test]
    fn openid_configuration_is_appended() {
        // covers: DSC-003
        for (text, expected) in [
            ("https://op", "https://op/.well-known/openid-configuration"),
            ("https://op/", "https://op/.well-known/openid-configuration"),
            ("https://op/i1/", "https://op/i1/.well-known/openid-configuration"),
            ("https://op:8443/a/b", "https://op:8443/a/b/.well-known/openid-configuration"),
        ] {
            let endpoint = issuer(text).openid_configuration(LoopbackHttp::Refused).unwrap();
            assert_eq!(endpoint.uri().to_string(), expected);
        }
    }

    #[test]
    fn authorization_server_metadata_is_inserted() {
        // covers: DSC-001, DSC-002
        for (text, expected) in [
            ("https://as", "https://as/.well-known/oauth-authorization-server"),
            ("https://as/", "https://as/.well-known/oauth-authorization-server"),
            ("https://as/t1", "https://as/.well-known/oauth-authorization-server/t1"),
            ("https://as/t1/", "https://as/.well-known/oauth-authorization-server/t1"),
            ("https://as:8443/a/b", "https://as:8443/.well-known/oauth-authorization-server/a/b"),
        ] {
            let endpoint = issuer(text).oauth_authorization_server(LoopbackHttp::Refused).unwrap();
            assert_eq!(endpoint.uri().to_string(), expected);
        }
    }

    #[test]
    fn an_issuer_is_an_https_url_without_query_or_fragment() {
        // covers: DSC-006
        for text in [
            "",
            "id.example.com",
            "http://id.example.com",
            "http://127.0.0.1:9",
            "https://id.example.com?x=1",
            "https://id.example.com/#f",
            "https://user@id.example.com",
            "https://a\\b",
            "file:///etc/passwd",
            "https://",
        ] {
            assert!(Issuer::parse(text, LoopbackHttp::Refused).is_err(), "{text}");
        }
        for text in ["http://127.0.0.1:9", "http://localhost:9/x", "http://[::1]:9"] {
            assert!(Issuer::parse(text, LoopbackHttp::Allowed).is_ok(), "{text}");
        }
        let strange = [
            "https://*",
            "https://id.example.com:99999",
            "https://[::1]evil.com",
            "https://a:b@c",
            "https://a b",
        ];
        for text in strange.into_iter().chain(["http://[::1]evil.com", "http://127.0.0.1@evil.com"]) {
            assert!(Issuer::parse(text, LoopbackHttp::Allowed).is_err(), "{text}");
        }
        let problem = Issuer::parse("https://admin:hunter2@id.example.com?x=secret", LoopbackHttp::Refused)
            .unwrap_err();
        assert!(
            !problem.to_string().contains("hunter2") && !problem.to_string().contains("secret"),
            "{problem}"
        );
        for text in ["http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.example.com"] {
            assert!(Issuer::parse(text, LoopbackHttp::Allowed).is_err(), "{text}");
        }
    }
}
