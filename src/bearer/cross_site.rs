use http::{HeaderMap, Method, Uri, header};

/// Whether a request whose credential a browser adds by itself (a cookie) was made by the site's own pages.
///
/// RFC 6750 §5.3 asks for a defence against cross-site request forgery where a token is stored in a cookie. This one is
/// the fetch metadata that browsers send and pages cannot forge (W3C Fetch Metadata §2.1: `Sec-Fetch-Site`), and where
/// that is missing the `Origin` field (RFC 6454 §7). Where both are missing nothing shows who asked: not own.
pub(super) fn is_own(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    // A page of another site can cause a GET, and gets nothing from it that it may read. A handshake is a GET that
    // opens a channel which it may read (RFC 6455 §10.2), so it counts as an action.
    let reads_only = method.is_safe() && !headers.contains_key(header::UPGRADE);
    reads_only || by_fetch_metadata(headers).unwrap_or_else(|| is_own_origin(uri, headers))
}

fn by_fetch_metadata(headers: &HeaderMap) -> Option<bool> {
    let mut lines = headers.get_all("sec-fetch-site").iter();
    let site = lines.next()?.as_bytes();
    // `same-site` is not own: a sibling domain may be somebody else's.
    Some(matches!(site, b"same-origin" | b"none") && lines.next().is_none())
}

/// Whether `Origin` names the host that was asked. The scheme is not compared: behind a proxy we do not know ours.
fn is_own_origin(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let host = match uri.authority() {
        // HTTP/2: `:authority` has taken the place of `Host` (RFC 9113 §8.3.1).
        Some(authority) => authority.as_str().as_bytes(),
        None => headers.get(header::HOST).map_or(b"".as_slice(), |host| host.as_bytes()),
    };
    let asked = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| origin.as_bytes().strip_prefix(scheme.as_bytes()));
    !host.is_empty() && asked.is_some_and(|asked| asked.eq_ignore_ascii_case(host))
}
