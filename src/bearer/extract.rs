use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, HeaderValue, Method, Uri, header};

use super::carrier::{Carrier, Carriers, is_token};
use super::cross_site;
use super::token::BearerToken;

/// The largest credential that is looked at, in bytes: the `Authorization` value, or the token where it stands elsewhere.
const MAX_CREDENTIAL: usize = 16 * 1024;

/// What a request says about who is asking.
#[derive(Debug)]
pub(crate) enum Credential<'a> {
    /// No credential of a scheme and a carrier that we support.
    Absent,
    /// Exactly one bearer token.
    Bearer(CarriedToken<'a>),
}

/// A token, and where it stood.
pub(crate) struct CarriedToken<'a> {
    text: Cow<'a, str>,
    carrier: Carrier,
}

/// A request whose credential cannot be read unambiguously (RFC 6750 §3.1 `invalid_request`), or may not be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The token is in a cookie, and nothing shows that a page of this site made the request.
    #[error("the token is in a cookie and the request may come from another site")]
    CrossSite,
    /// Not one token of the grammar `token68`, or not one scheme and spaces before it.
    #[error("the credential is malformed")]
    Malformed,
    /// More than one `Authorization` field line, query parameter, or cookie.
    #[error("the request has more than one credential of the same kind")]
    Repeated,
    /// Tokens in more than one place: the `Authorization` field, the query (its parameter `access_token` always
    /// counts), and whatever else the server was told to read.
    #[error("the request sends a token by more than one method")]
    SeveralMethods,
    /// The value is larger than 16 KiB.
    #[error("the credential is larger than {MAX_CREDENTIAL} bytes")]
    TooLarge,
}

/// Finds the one credential of a request.
pub(crate) fn credential<'a>(
    method: &Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    carriers: &Carriers,
) -> Result<Credential<'a>, CredentialError> {
    let field = in_field(headers)?;
    let query = uri.query().unwrap_or_default();
    let parameter = match &carriers.query {
        Some(name) => in_query(query, name)?,
        None => None,
    };
    let cookie = match &carriers.cookie {
        Some(name) => in_cookies(headers, name)?,
        None => None,
    };
    // RFC 6750 §2: one method per request. A token that stands *only* where we do not read is no credential at
    // all (OAuth 2.1 §5.1), so it is neither read nor refused.
    let stray = !query.is_empty()
        && carriers.query.as_deref() != Some("access_token")
        && parameters(query, "access_token").next().is_some();
    let found =
        [field, parameter, cookie].into_iter().flatten().try_fold(None, |found, token| match found {
            None => Ok(Some(token)),
            Some(_) => Err(CredentialError::SeveralMethods),
        })?;
    match found {
        None => Ok(Credential::Absent),
        Some(_) if stray => Err(CredentialError::SeveralMethods),
        Some(token) if token.carrier == Carrier::Cookie && !cross_site::is_own(method, uri, headers) => {
            Err(CredentialError::CrossSite)
        }
        Some(token) => Ok(Credential::Bearer(token)),
    }
}

/// The token of the `Authorization` field; `None` without one, or with one of another scheme.
fn in_field(headers: &HeaderMap) -> Result<Option<CarriedToken<'_>>, CredentialError> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = lines.next() else { return Ok(None) };
    // RFC 9110 §5.3: Authorization is not a list, so a second line is never a continuation. Taking the first
    // or the last would let two parties see two different requests.
    if lines.next().is_some() {
        return Err(CredentialError::Repeated);
    }
    if value.len() > MAX_CREDENTIAL {
        return Err(CredentialError::TooLarge);
    }
    bearer(value)
}

/// The token of a `Bearer` value; `None` for another scheme.
fn bearer(value: &HeaderValue) -> Result<Option<CarriedToken<'_>>, CredentialError> {
    let bytes = value.as_bytes();
    let scheme_ends = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
    let (scheme, rest) = bytes.split_at_checked(scheme_ends).unwrap_or((bytes, b""));
    if !is_token(scheme) {
        return Err(CredentialError::Malformed);
    }
    // RFC 9110 §11.1: the scheme is compared without regard to case.
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Ok(None);
    }
    // RFC 9110 §11.4: 1*SP, and only SP, before the token68. RFC 6750 §3.1: a scheme without a token is malformed.
    let text = std::str::from_utf8(rest).map_err(|_| CredentialError::Malformed)?;
    CarriedToken::parse(text.trim_start_matches(' ').into(), Carrier::Authorization).map(Some)
}

/// The token of the query parameter with this name.
fn in_query<'a>(query: &'a str, name: &str) -> Result<Option<CarriedToken<'a>>, CredentialError> {
    single(parameters(query, name), |text| CarriedToken::parse(text, Carrier::Query))
}

/// The values of all parameters with this name, however their letters are percent-encoded.
fn parameters<'a>(query: &'a str, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
    form_urlencoded::parse(query.as_bytes()).filter_map(move |(own, value)| (own == name).then_some(value))
}

/// The token of the cookie with this name. RFC 6265 §4.2.1; HTTP/2 may split the field into lines (RFC 9113 §8.2.3).
fn in_cookies<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<CarriedToken<'a>>, CredentialError> {
    let pairs =
        headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    single(values, |value| {
        let text = std::str::from_utf8(value).map_err(|_| CredentialError::Malformed)?;
        CarriedToken::parse(text.into(), Carrier::Cookie)
    })
}

/// RFC 6750 §3.1: a repeated parameter is malformed, even if the values are equal.
fn single<V, T>(
    mut values: impl Iterator<Item = V>,
    parse: impl FnOnce(V) -> Result<T, CredentialError>,
) -> Result<Option<T>, CredentialError> {
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(CredentialError::Repeated);
    }
    parse(value).map(Some)
}

impl<'a> CarriedToken<'a> {
    fn parse(text: Cow<'a, str>, carrier: Carrier) -> Result<Self, CredentialError> {
        if text.len() > MAX_CREDENTIAL {
            return Err(CredentialError::TooLarge);
        }
        BearerToken::parse(&text).ok_or(CredentialError::Malformed)?;
        Ok(Self { text, carrier })
    }

    pub(crate) fn token(&self) -> BearerToken<'_> {
        BearerToken::of_grammar(&self.text)
    }

    pub(crate) fn carrier(&self) -> Carrier {
        self.carrier
    }
}

impl fmt::Debug for CarriedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CarriedToken").field("carrier", &self.carrier).finish_non_exhaustive()
    }
}
