//! What operators are told. The names are stable and listed in `docs/keys.md`; each event has the issuer.

use std::fmt;
use std::time::Duration;

use crate::fetch::Endpoint;
use crate::jose::KeySet;

/// An event names this many keys, each to this many characters: both are the issuer's to choose.
const MOST_NAMED: usize = 20;
const LONGEST_NAME: usize = 64;

/// Why keys are fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    /// A token needs a key that is not in memory, or no longer trusted.
    MissingKey,
    /// The keys in memory near the end of their lifetime.
    Refresh,
}

pub(super) fn fetching(issuer: &str, cause: Cause) {
    let cause = match cause {
        Cause::MissingKey => "missing_key",
        Cause::Refresh => "refresh",
    };
    tracing::debug!(target: "portcullis::keys", event = "keys_fetching", issuer, cause, "keys are fetched");
}

/// A set came, in place of `old` if there was one.
pub(super) fn loaded(issuer: &str, old: Option<&KeySet>, new: &KeySet, lifetime: Duration) {
    let (keys, lifetime_s) = (new.len(), lifetime.as_secs());
    tracing::debug!(target: "portcullis::keys", event = "keys_loaded", issuer, keys, lifetime_s, "keys loaded");
    let before = old.map(ids).unwrap_or_default();
    let after = ids(new);
    let (added, removed) = (without(&after, &before), without(&before, &after));
    if new.is_empty() && old.is_some_and(|old| !old.is_empty()) {
        tracing::warn!(target: "portcullis::keys", event = "keys_withdrawn", issuer, ?removed, "all keys were withdrawn");
    } else if old.map_or(0, KeySet::len) != keys || !added.is_empty() || !removed.is_empty() {
        tracing::info!(target: "portcullis::keys", event = "keys_changed", issuer, keys, ?added, ?removed, "keys changed");
    }
}

/// The set in memory is still the right one.
pub(super) fn not_modified(issuer: &str, lifetime: Duration) {
    let lifetime_s = lifetime.as_secs();
    tracing::debug!(target: "portcullis::keys", event = "keys_not_modified", issuer, lifetime_s, "keys have not changed");
}

pub(super) fn secrets_published(issuer: &str, count: usize) {
    tracing::warn!(target: "portcullis::keys", event = "keys_with_secrets", issuer, count, "the issuer publishes private or symmetric keys");
}

pub(super) fn key_passed_over(issuer: &str, reason: impl fmt::Display) {
    tracing::debug!(target: "portcullis::keys", event = "key_passed_over", issuer, %reason, "key passed over");
}

pub(super) fn failed(issuer: &str, code: &'static str, error: &str, retry_in: Option<Duration>) {
    let retry_in_s = retry_in.unwrap_or_default().as_secs_f32();
    tracing::warn!(target: "portcullis::keys", event = "keys_failed", issuer, code, error, retry_in_s, "keys could not be loaded");
}

pub(super) fn metadata_not_refreshed(issuer: &str, code: &'static str, error: &str) {
    tracing::warn!(target: "portcullis::keys", event = "metadata_not_refreshed", issuer, code, error, "the last good metadata stays in use");
}

/// The metadata leads elsewhere than before, and keys are fetched from there now.
pub(super) fn moved(issuer: &str, from: &Endpoint, to: &Endpoint) {
    let (from, to) = (from.shown(), to.shown());
    tracing::info!(target: "portcullis::keys", event = "jwks_uri_changed", issuer, from, to, followed = true, "the keys are at another place");
}

/// The metadata leads elsewhere than before, and keys are fetched from the old place still.
pub(super) fn move_refused(issuer: &str, from: &Endpoint, to: &Endpoint) {
    let (from, to) = (from.shown(), to.shown());
    tracing::warn!(target: "portcullis::keys", event = "jwks_uri_changed", issuer, from, to, followed = false, "the metadata leads to another host, which is followed when it has been named for a day, after a restart, or when the issuer is removed and inserted again");
}

pub(super) fn expired(issuer: &str) {
    tracing::error!(target: "portcullis::keys", event = "keys_expired", issuer, "keys are too old to be trusted");
}

pub(super) fn too_many_waiting(issuer: &str) {
    tracing::warn!(target: "portcullis::keys", event = "keys_too_many_waiting", issuer, "too many requests wait for keys");
}

pub(super) fn evicted(issuer: &str) {
    tracing::info!(target: "portcullis::keys", event = "keys_evicted", issuer, "keys were given up to make room for others");
}

fn ids(keys: &KeySet) -> Vec<&str> {
    keys.listed().into_iter().filter_map(|(key_id, _)| key_id).collect()
}

/// Those of `ids` that are not among `others`, as an event shows them.
fn without(ids: &[&str], others: &[&str]) -> Vec<String> {
    let new = ids.iter().filter(|id| !others.contains(id)).take(MOST_NAMED);
    new.map(|id| id.chars().take(LONGEST_NAME).collect()).collect()
}
