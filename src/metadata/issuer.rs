use crate::error::ConfigProblem;
use crate::fetch::{LoopbackHttp, configured, without_secrets};

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
}

#[cfg(test)]
mod tests {
    use super::*;

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
