use bytes::Bytes;
use http::{Request, Response};

use super::http_client::{FetchError, FetchLimits, HttpClient};

/// One exchange, within its limits whatever the client makes of them.
pub(super) async fn exchange(
    client: &dyn HttpClient,
    request: Request<Bytes>,
    limits: FetchLimits,
) -> Result<Response<Bytes>, FetchError> {
    if limits.timeout.is_zero() {
        return Err(FetchError::TimedOut);
    }
    let response = client.send(request, limits).await?;
    // A client that broke its contract is caught here, before its answer costs a parse.
    if response.body().len() > limits.max_body {
        return Err(FetchError::TooLarge);
    }
    Ok(response)
}
