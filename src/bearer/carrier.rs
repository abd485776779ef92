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

/// Whether a cookie can have this name, and a query parameter can without escapes: `token` of RFC 9110 §5.6.2.
pub(crate) fn is_carrier_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_tchar)
}

/// RFC 9110 §5.6.2.
pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
