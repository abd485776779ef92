use std::sync::Arc;

use super::context::Context;
use crate::error::Problems;
#[cfg(feature = "reqwest")]
use crate::fetch::FileClient;
use crate::fetch::{Endpoint, FetchFiles, HttpClient};

/// Whom requests are for, and what they are made of.
#[cfg_attr(not(feature = "reqwest"), expect(dead_code, reason = "who is asked matters to files only"))]
pub(super) struct Wanted<'a> {
    pub(super) issuer: &'a str,
    /// The client of this issuer, in place of that of the server.
    pub(super) own: Option<&'a Arc<dyn HttpClient>>,
    pub(super) files: &'a FetchFiles,
    /// Where a token of the files may be sent to.
    pub(super) origins: &'a [Endpoint],
}

/// The client to send them with.
pub(super) fn http_client(
    wanted: &Wanted<'_>,
    context: &Context,
    problems: &mut Problems,
) -> Option<Arc<dyn HttpClient>> {
    let own = wanted.own.or(context.http_client.as_ref());
    let client = own.or(context.default_client.as_ref()).cloned();
    if client.is_none() {
        problems.add(
            "no_http_client",
            "an issuer is asked, but the feature `reqwest` is off and `with_http_client` was not called",
        );
    }
    #[cfg(feature = "reqwest")]
    if !wanted.files.is_empty() {
        if own.is_some() {
            let message = "`fetch_ca_file`, `fetch_token_file` or `mutual_tls_files` beside `with_http_client`: they are settings of the default client";
            problems.add("client_with_fetch_files", message);
        }
        let client = FileClient::open(wanted.files, client?, wanted.issuer, wanted.origins, problems)?;
        return Some(Arc::new(client));
    }
    client
}
