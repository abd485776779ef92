/// Where a request carries its token. Each is a *method* in the sense of RFC 6750 §2: a request uses one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Carrier {
    /// The `Authorization` field (RFC 6750 §2.1).
    Authorization,
    /// A parameter of the query (RFC 6750 §2.3).
    Query,
    /// A cookie. No RFC has it as a method; it is treated like one.
    Cookie,
}

/// The carriers that a server reads beside the `Authorization` field. None, unless its builder was told so.
///
/// Deliberately not among them: the form body (RFC 6750 §2.2). A layer would have to buffer the body of a request
/// that nobody has authenticated yet, and OAuth 2.1 §5.1 no longer has the method.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carriers {
    /// The name of the query parameter.
    pub(crate) query: Option<Box<str>>,
    /// The name of the cookie.
    pub(crate) cookie: Option<Box<str>>,
}

/// Whether this is a `token` of RFC 9110 §5.6.2: the name of a scheme, a parameter or a cookie.
pub(crate) fn is_token(octets: &[u8]) -> bool {
    let is_tchar = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    !octets.is_empty() && octets.iter().all(is_tchar)
}
