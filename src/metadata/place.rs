use super::issuer::Issuer;
use super::well_known::{appended, inserted};
use crate::fetch::{Endpoint, LoopbackHttp};

/// Where an issuer's metadata is, and whose it must be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct MetadataPlace {
    /// What the member `issuer` must be, byte by byte. A template (`https://login.example/{tenantid}/v2.0`) is compared
    /// like any other text.
    pub(crate) issuer_in_document: Box<str>,
    /// Asked in this order, until one has the document.
    pub(crate) candidates: Vec<Endpoint>,
}

impl MetadataPlace {
    /// Where the standards put it.
    ///
    /// First what nearly every server has, OpenID Connect Discovery §4; then RFC 8414 §3.1; and for an issuer with a
    /// path, at last, the document of the one at the place of the other (RFC 8414 §5).
    pub(crate) fn well_known(issuer: &Issuer, loopback_http: LoopbackHttp) -> Self {
        let text = issuer.as_str();
        let mut urls = vec![
            appended(text, "openid-configuration"),
            inserted(text, "oauth-authorization-server"),
            inserted(text, "openid-configuration"),
        ];
        // Without a path both rules lead there.
        if urls.first() == urls.last() {
            urls.pop();
        }
        let candidates = urls.iter().filter_map(|url| Endpoint::parse(url, loopback_http)).collect();
        Self { issuer_in_document: text.into(), candidates }
    }

    /// Whether an endpoint has the origin of the issuer, or of its metadata.
    pub(crate) fn is_home_of(&self, endpoint: &Endpoint, loopback_http: LoopbackHttp) -> bool {
        // A template is no URL, and no home.
        let issuer = Endpoint::parse(&self.issuer_in_document, loopback_http);
        self.candidates.iter().chain(&issuer).any(|home| endpoint.is_of_origin(home))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_with_a_path_has_three_places_and_one_without_has_two() {
        // covers: DSC-001, DSC-002, DSC-003
        let places = |issuer| {
            let issuer = Issuer::parse(issuer, LoopbackHttp::Allowed).unwrap();
            let place = MetadataPlace::well_known(&issuer, LoopbackHttp::Allowed);
            assert_eq!(&*place.issuer_in_document, issuer.as_str());
            place.candidates.iter().map(|endpoint| endpoint.uri().to_string()).collect::<Vec<_>>()
        };
        for issuer in ["https://as", "https://as/"] {
            assert_eq!(
                places(issuer),
                [
                    "https://as/.well-known/openid-configuration",
                    "https://as/.well-known/oauth-authorization-server"
                ]
            );
        }
        for issuer in ["http://localhost:9/t1", "http://localhost:9/t1/"] {
            assert_eq!(
                places(issuer),
                [
                    "http://localhost:9/t1/.well-known/openid-configuration",
                    "http://localhost:9/.well-known/oauth-authorization-server/t1",
                    "http://localhost:9/.well-known/openid-configuration/t1"
                ]
            );
        }
    }
}
