use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use super::endpoint::Endpoint;
use super::http_client::{FetchError, FetchLimits, HttpClient};

/// Gets a JSON document. Only a 200 is an answer.
pub(crate) async fn get_json(
    client: &dyn HttpClient,
    endpoint: &Endpoint,
    limits: FetchLimits,
) -> Result<Response<Bytes>, FetchError> {
    if limits.timeout.is_zero() {
        return Err(FetchError::TimedOut);
    }
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = endpoint.uri().clone();
    // RFC 7517 §8.5: a JWK Set has a media type of its own, and servers use both.
    let accept = HeaderValue::from_static("application/json, application/jwk-set+json");
    request.headers_mut().insert(header::ACCEPT, accept);
    let response = client.send(request, limits).await?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    // A client that broke its contract is caught here, before its answer costs a parse.
    if response.body().len() > limits.max_body {
        return Err(FetchError::TooLarge);
    }
    Ok(response)
}
