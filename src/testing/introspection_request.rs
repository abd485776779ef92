use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};

/// A request as an issuer's introspection endpoint saw it. Credentials and a token are in it, so `Debug` shows neither
/// header fields nor values.
#[derive(Clone)]
#[non_exhaustive]
pub struct IntrospectionRequest {
    /// The method, which should be POST.
    pub method: Method,
    /// Where it went, below the issuer, with its query if it has one.
    pub uri: Uri,
    /// Its header fields.
    pub headers: HeaderMap,
    /// The fields of its form, decoded, as they came.
    pub form: Vec<(String, String)>,
}

impl IntrospectionRequest {
    pub(super) fn read(request: &Request<Bytes>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            form: form_urlencoded::parse(request.body()).into_owned().collect(),
        }
    }

    /// The field of the form with this name, the first if there are several.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find_map(|(own, value)| (own == name).then_some(&**value))
    }

    /// The header field with this name, if it is a text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for IntrospectionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.form.iter().map(|(name, _)| name).collect();
        f.debug_struct("IntrospectionRequest")
            .field("method", &self.method)
            .field("path", &self.uri.path())
            .field("form", &names)
            .finish_non_exhaustive()
    }
}
