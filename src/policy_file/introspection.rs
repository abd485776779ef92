use super::client::authentication;
use super::members::Members;
use super::node::{Node, Reading};
use crate::client_auth::ClientAuthentication;
use crate::issuers::Introspection;

/// How an issuer is asked about tokens. `None` is told.
pub(super) fn introspection(node: &Node, reading: &mut Reading) -> Option<Introspection> {
    let mut members = Members::of(node, "an introspection", reading)?;
    let authentication = authentication(&mut members, reading);
    let is_known = authentication.is_some();
    // Without a client, its members are read all the same.
    let nobody = || ClientAuthentication::mutual_tls("");
    let mut asked = Introspection::new(authentication.unwrap_or_else(nobody));
    if let Some(url) = members.text("endpoint", reading) {
        asked = asked.endpoint(url);
    }
    if let Some(prefix) = members.text("token_prefix", reading) {
        asked = asked.token_prefix(prefix);
    }
    type Change = fn(Introspection) -> Introspection;
    let flags: [(&'static str, Change); 4] = [
        ("every_token", Introspection::every_token),
        ("signed_answers", Introspection::signed_answers),
        ("without_hint", Introspection::without_hint),
        ("dangerous_without_audience", Introspection::dangerous_without_audience),
    ];
    for (name, change) in flags {
        if members.flag(name, reading) {
            asked = change(asked);
        }
    }
    if let Some(lifetime) = members.seconds("cache_lifetime", reading) {
        asked = asked.cache_lifetime(lifetime);
    }
    if let Some(lifetime) = members.seconds("inactive_lifetime", reading) {
        asked = asked.inactive_lifetime(lifetime);
    }
    if let Some(tokens) = members.number("max_cached_tokens", "a whole number of 32 bits", reading) {
        asked = asked.max_cached_tokens(tokens);
    }
    for client in members.texts("client_as_audience", reading) {
        asked = asked.client_as_audience(client);
    }
    members.done(reading);
    is_known.then_some(asked)
}
