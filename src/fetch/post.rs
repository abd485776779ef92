use std::fmt;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};

use super::endpoint::Endpoint;
use super::exchange::exchange;
use super::http_client::{FetchError, FetchLimits, HttpClient};

/// A form in the making, as OAuth endpoints take it (RFC 6749 appendix B). Tokens and secrets are in it.
#[derive(Default)]
pub(crate) struct FormRequest {
    headers: HeaderMap,
    body: String,
}

impl FormRequest {
    /// Adds a field.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        Serializer::new(&mut self.body).append_pair(name, value);
    }

    /// Sets a header field.
    pub(crate) fn set_header(&mut self, name: header::HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// Sends the form. Whatever the status is, it is an answer.
    pub(crate) async fn post(
        self,
        client: &dyn HttpClient,
        endpoint: &Endpoint,
        limits: FetchLimits,
    ) -> Result<Response<Bytes>, FetchError> {
        let mut request = Request::new(Bytes::from(self.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.uri().clone();
        *request.headers_mut() = self.headers;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form);
        exchange(client, request, limits).await
    }
}

impl fmt::Debug for FormRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormRequest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_percent_encoded_and_not_printed() {
        // covers: INT-001
        let mut form = FormRequest::default();
        form.add("token", "a+/=&b c");
        form.add("client_secret", "p%\u{e4}");
        assert_eq!(form.body, "token=a%2B%2F%3D%26b+c&client_secret=p%25%C3%A4");
        assert_eq!(format!("{form:?}"), "FormRequest { .. }");
    }
}
