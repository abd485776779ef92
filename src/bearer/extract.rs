use http::{HeaderMap, HeaderValue, Uri, header};

use super::token::BearerToken;

/// The largest `Authorization` value that is looked at, in bytes.
const MAX_CREDENTIAL: usize = 16 * 1024;

/// What a request says about who is asking.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Credential<'a> {
    /// No credential of a scheme we support.
    Absent,
    /// Exactly one bearer token.
    Bearer(BearerToken<'a>),
}

/// A request whose credential cannot be read unambiguously (RFC 6750 §3.1 `invalid_request`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The `Authorization` value is not one scheme followed by spaces and one `token68`.
    #[error("the `Authorization` value is malformed")]
    Malformed,
    /// More than one `Authorization` field line.
    #[error("the request has more than one `Authorization` field")]
    Repeated,
    /// A bearer token in the field and another credential in the query parameter `access_token`.
    #[error("the request sends a token by more than one method")]
    SeveralMethods,
    /// The value is larger than 16 KiB.
    #[error("the `Authorization` value is larger than {MAX_CREDENTIAL} bytes")]
    TooLarge,
}

/// Finds the one credential of a request. Only the `Authorization` field is a source of tokens.
pub(crate) fn credential<'a>(headers: &'a HeaderMap, uri: &Uri) -> Result<Credential<'a>, CredentialError> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = lines.next() else { return Ok(Credential::Absent) };
    // RFC 9110 §5.3: Authorization is not a list, so a second line is never a continuation. Taking the first
    // or the last would let two parties see two different requests.
    if lines.next().is_some() {
        return Err(CredentialError::Repeated);
    }
    if value.len() > MAX_CREDENTIAL {
        return Err(CredentialError::TooLarge);
    }
    let Some(token) = bearer(value)? else { return Ok(Credential::Absent) };
    // RFC 6750 §2: one method per request. A token that stands *only* in the query is no credential at all
    // (OAuth 2.1 §5.1), so it is neither read nor refused.
    if uri.query().is_some_and(names_access_token) {
        return Err(CredentialError::SeveralMethods);
    }
    Ok(Credential::Bearer(token))
}

/// The token of a `Bearer` value; `None` for another scheme.
fn bearer(value: &HeaderValue) -> Result<Option<BearerToken<'_>>, CredentialError> {
    let bytes = value.as_bytes();
    let scheme_ends = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
    let (scheme, rest) = bytes.split_at_checked(scheme_ends).unwrap_or((bytes, b""));
    if scheme.is_empty() || !scheme.iter().copied().all(is_tchar) {
        return Err(CredentialError::Malformed);
    }
    // RFC 9110 §11.1: the scheme is compared without regard to case.
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Ok(None);
    }
    // RFC 9110 §11.4: 1*SP, and only SP, before the token68. RFC 6750 §3.1: a scheme without a token is malformed.
    let text = std::str::from_utf8(rest).map_err(|_| CredentialError::Malformed)?;
    BearerToken::parse(text.trim_start_matches(' ')).map(Some).ok_or(CredentialError::Malformed)
}

/// RFC 9110 §5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a query has a parameter named `access_token`, however its letters are percent-encoded.
fn names_access_token(query: &str) -> bool {
    query.split('&').any(|parameter| {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        percent_decoded(name.as_bytes()).eq(b"access_token".iter().copied())
    })
}

fn percent_decoded(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', rest.get(1..)?),
            },
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        rest = after;
        Some(byte)
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
