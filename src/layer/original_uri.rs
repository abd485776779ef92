use http::{Extensions, Uri};

/// The URI as the client sent it: below axum's `Router::nest`, the request's own has lost its prefix.
pub(super) fn original_uri<'a>(uri: &'a Uri, extensions: &'a Extensions) -> &'a Uri {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(original)) = extensions.get() {
        return original;
    }
    #[cfg(not(feature = "axum"))]
    let _ = extensions;
    uri
}
