use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::error::IntrospectionError;
use crate::client_auth::Authenticator;
use crate::fetch::{Endpoint, FetchError, FetchLimits, FormRequest, HttpClient, is_of_media_type};
use crate::json::Document;

/// The largest answer, in bytes. One that is signed is a third larger than what it says.
pub(super) const LARGEST_ANSWER: usize = 64 * 1024;

/// `Retry-After` is believed up to here: a date, or a century, is not what a client should be told.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(super) const JSON: &str = "application/json";
/// RFC 9701 §4.
pub(super) const SIGNED: &str = "application/token-introspection+jwt";

/// What an endpoint answered.
pub(super) enum Said {
    /// The body of a 200, of the type that was asked for.
    Body(String),
    /// The endpoint does not introspect tokens of this kind.
    NotTaken,
}

/// How an endpoint is asked (RFC 7662 §2.1).
pub(crate) struct Manner {
    pub(crate) authenticator: Authenticator,
    /// Whether `token_type_hint` is sent.
    pub(crate) hint: bool,
}

/// Asks about a token. `accepted` is the one media type to take.
pub(super) async fn ask(
    client: &dyn HttpClient,
    endpoint: &Endpoint,
    manner: &Manner,
    token: &str,
    accepted: &'static str,
    limits: impl Fn() -> FetchLimits,
) -> Result<Said, IntrospectionError> {
    let mut form = FormRequest::default();
    form.append("token", token);
    if manner.hint {
        form.append("token_type_hint", "access_token");
    }
    form.set_header(header::ACCEPT, HeaderValue::from_static(accepted));
    manner.authenticator.authenticate(&mut form).await.map_err(IntrospectionError::NoCredentials)?;
    let answer = form.post(client, endpoint, limits()).await.map_err(IntrospectionError::Fetch)?;
    match answer.status() {
        StatusCode::OK => body(answer, accepted).map(Said::Body),
        StatusCode::BAD_REQUEST => match error(&answer).as_deref() {
            // Servers that keep nothing of the JWTs they issue say so with the code of RFC 7009 §2.2.1. It speaks of the
            // token, and of nothing else.
            Some("unsupported_token_type") => Ok(Said::NotTaken),
            Some("invalid_client") => Err(IntrospectionError::CredentialsRefused(StatusCode::BAD_REQUEST)),
            _ => Err(IntrospectionError::Fetch(FetchError::Status(StatusCode::BAD_REQUEST))),
        },
        // RFC 7662 §2.3, RFC 6749 §5.2. Servers also say 403, and either without a body.
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Err(IntrospectionError::CredentialsRefused(status))
        }
        status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
            Err(IntrospectionError::Overloaded { status, retry_after: retry_after(answer.headers()) })
        }
        status => Err(IntrospectionError::Fetch(FetchError::Status(status))),
    }
}

fn body(answer: Response<Bytes>, accepted: &'static str) -> Result<String, IntrospectionError> {
    // RFC 9701 §5: who asked for a signed answer does not take a plain one, which anybody on the way could have written.
    if !is_of_media_type(answer.headers(), accepted) {
        return Err(IntrospectionError::OtherMediaType(accepted));
    }
    String::from_utf8(answer.into_body().into()).map_err(|_| IntrospectionError::NotText)
}

/// The code of an answer that is an error (RFC 6749 §5.2).
fn error(answer: &Response<Bytes>) -> Option<String> {
    let text =
        std::str::from_utf8(answer.body()).ok().filter(|_| is_of_media_type(answer.headers(), JSON))?;
    let document = Document::parse(text).ok()?;
    document.root().as_object()?.get("error")?.as_str().map(str::to_owned)
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default()).min(LONGEST_PAUSE)
}
