use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Response};

use crate::bearer::is_token;

/// One challenge of a `WWW-Authenticate` field, taken apart by the grammar of RFC 9110 §11.6.1.
///
/// ```
/// use portcullis::testing::Challenge;
///
/// let mut headers = http::HeaderMap::new();
/// headers.append("www-authenticate", r#"Bearer realm="a \"b\"", error="insufficient_scope", scope="x y""#.parse()?);
/// let challenges = Challenge::all(&headers);
/// assert_eq!(challenges.len(), 1);
/// assert_eq!(challenges[0].scheme(), "Bearer");
/// assert_eq!(challenges[0].parameter("realm"), Some(r#"a "b""#));
/// assert_eq!(challenges[0].error(), Some("insufficient_scope"));
/// assert_eq!(challenges[0].scopes(), ["x", "y"]);
/// # Ok::<_, http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Every challenge of a response, in order.
    ///
    /// # Panics
    ///
    /// If a field line is not one challenge with at least one parameter, or has a parameter twice: clients would
    /// have to guess.
    #[must_use]
    #[track_caller]
    pub fn all(headers: &HeaderMap) -> Vec<Self> {
        let mut challenges = Vec::new();
        for line in headers.get_all(WWW_AUTHENTICATE) {
            let line = line.to_str().expect("a challenge is printable ASCII");
            challenges.push(Self::parse(line).unwrap_or_else(|| unparsable(line)));
        }
        challenges
    }

    /// The authentication scheme.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The value of a parameter, without its quotes and escapes. Names are compared without regard to case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// `error`.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.parameter("error")
    }

    /// The names in `scope`.
    #[must_use]
    pub fn scopes(&self) -> Vec<&str> {
        self.parameter("scope").map(|scope| scope.split(' ').collect()).unwrap_or_default()
    }

    fn parse(line: &str) -> Option<Self> {
        let (scheme, mut rest) = line.split_once(' ')?;
        let mut this = Self { scheme: token(scheme)?.to_owned(), parameters: Vec::new() };
        loop {
            let (name, after) = rest.split_once('=')?;
            let name = token(name.trim_matches([' ', '\t']))?;
            let (value, after) = value(after.trim_start_matches([' ', '\t']))?;
            if this.parameter(name).is_some() {
                return None;
            }
            this.parameters.push((name.to_owned(), value));
            match after.trim_start_matches([' ', '\t']) {
                "" => return Some(this),
                after => rest = after.strip_prefix(',')?,
            }
        }
    }
}

fn token(text: &str) -> Option<&str> {
    is_token(text.as_bytes()).then_some(text)
}

/// A token or quoted-string at the beginning of `text`, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, _) = text.split_once([',', ' ', '\t']).unwrap_or((text, ""));
        return Some((token(value)?.to_owned(), text.strip_prefix(value)?));
    };
    let (mut value, mut characters) = (String::new(), quoted.chars());
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
}

#[expect(clippy::panic, reason = "a test kit fails where the mistake is")]
#[track_caller]
fn unparsable(line: &str) -> ! {
    panic!("not one challenge with parameters that stand once: {line}")
}

/// Asserts a 401 for a request without a credential: one `Bearer` challenge, without an error code (RFC 6750 §3.1). It
/// panics, as every `assert_*` here does, where the response is another one.
#[track_caller]
pub fn assert_unauthenticated<B>(response: &Response<B>) {
    assert_refused(response, 401, None);
}

/// Asserts a 400 `invalid_request` for a credential that cannot be read unambiguously.
#[track_caller]
pub fn assert_malformed<B>(response: &Response<B>) {
    assert_refused(response, 400, Some("invalid_request"));
}

/// Asserts a 401 `invalid_token`.
#[track_caller]
pub fn assert_invalid_token<B>(response: &Response<B>) {
    assert_refused(response, 401, Some("invalid_token"));
}

/// Asserts a 403 `insufficient_scope` whose challenge names these scopes, in this order. None where no scope would
/// cure the denial.
#[track_caller]
pub fn assert_insufficient_scope<B>(response: &Response<B>, scopes: &[&str]) {
    let challenge = assert_refused(response, 403, Some("insufficient_scope"));
    assert_eq!(challenge.scopes(), scopes, "the scopes of the challenge");
}

/// Asserts a 503 that says when to come back, and nothing about the token.
#[track_caller]
pub fn assert_unavailable<B>(response: &Response<B>) {
    assert_eq!(response.status().as_u16(), 503, "the status");
    assert!(!response.headers().contains_key(WWW_AUTHENTICATE), "nothing is wrong with the credential");
    let seconds =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "`Retry-After` in seconds, and not at once");
    assert_unstored(response);
}

/// Asserts a 403 for a token in a cookie which another site may have sent (code `cross_site`).
#[track_caller]
pub fn assert_cross_site<B>(response: &Response<B>) {
    assert_refused(response, 403, None);
}

#[track_caller]
fn assert_unstored<B>(response: &Response<B>) {
    let said = response.headers().get(CACHE_CONTROL);
    assert!(said.is_some_and(|value| value == "no-store"), "a refusal is not stored");
}

#[track_caller]
fn assert_refused<B>(response: &Response<B>, status: u16, error: Option<&str>) -> Challenge {
    assert_eq!(response.status().as_u16(), status, "the status");
    let mut bearer = Challenge::all(response.headers());
    bearer.retain(|challenge| challenge.scheme.eq_ignore_ascii_case("Bearer"));
    assert_eq!(bearer.len(), 1, "one `Bearer` challenge");
    let challenge = bearer.swap_remove(0);
    assert_eq!(challenge.error(), error, "the error code");
    assert_unstored(response);
    challenge
}
