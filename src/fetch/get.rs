use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use super::endpoint::Endpoint;
use super::entity_tag::EntityTag;
use super::exchange::exchange;
use super::http_client::{FetchError, FetchLimits, HttpClient};

/// What became of a document that was asked for again.
pub(crate) enum Revalidated<T> {
    Changed { document: Response<Bytes>, tag: Option<EntityTag> },
    Unchanged { held: T, headers: HeaderMap },
}

/// Gets a JSON document. Only a 200 is an answer.
pub(crate) async fn get_json(
    client: &dyn HttpClient,
    endpoint: &Endpoint,
    limits: FetchLimits,
) -> Result<Response<Bytes>, FetchError> {
    let response = get(client, endpoint, None, limits).await?;
    if response.status() == StatusCode::OK {
        Ok(response)
    } else {
        Err(FetchError::Status(response.status()))
    }
}

/// Gets a JSON document, unless it is still the `held` one of this tag (RFC 9110 §13.1.2). A 304 is an answer only to
/// that question: one with another tag says nothing of what is held (RFC 9111 §4.3.4), and the document is asked for
/// whole. Servers that compress on the way are known to answer so, always, so a failure would stay one.
pub(crate) async fn get_json_if_changed<T>(
    client: &dyn HttpClient,
    endpoint: &Endpoint,
    held: Option<(T, EntityTag)>,
    limits: impl Fn() -> FetchLimits,
) -> Result<Revalidated<T>, FetchError> {
    let mut response = get(client, endpoint, held.as_ref().map(|(_, tag)| tag), limits()).await?;
    if let Some((held, known)) = held
        && response.status() == StatusCode::NOT_MODIFIED
    {
        if known.is_of_answer(response.headers()) {
            return Ok(Revalidated::Unchanged { held, headers: response.into_parts().0.headers });
        }
        response = get(client, endpoint, None, limits()).await?;
    }
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let tag = EntityTag::of(response.headers());
    Ok(Revalidated::Changed { document: response, tag })
}

async fn get(
    client: &dyn HttpClient,
    endpoint: &Endpoint,
    known: Option<&EntityTag>,
    limits: FetchLimits,
) -> Result<Response<Bytes>, FetchError> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = endpoint.uri().clone();
    // RFC 7517 §8.5: a JWK Set has a media type of its own, and servers use both.
    let accept = HeaderValue::from_static("application/json, application/jwk-set+json");
    request.headers_mut().insert(header::ACCEPT, accept);
    if let Some(tag) = known {
        request.headers_mut().insert(header::IF_NONE_MATCH, tag.value());
    }
    exchange(client, request, limits).await
}
