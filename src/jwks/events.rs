//! What operators are told. The names are stable and listed in `docs/keys.md`; each event has its issuer or file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use crate::fetch::Endpoint;
use crate::jose::{JwkSet, KeySet};

/// An event names this many keys, each to this many characters: both are the issuer's to choose.
const MOST_NAMED: usize = 20;
const LONGEST_NAME: usize = 64;

/// Where a set of keys is.
#[derive(Clone, Copy)]
pub(super) enum KeyPlace<'a> {
    Issuer(&'a str),
    File(&'a Path),
}

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
    let (before, after) = (old.map(by_id).unwrap_or_default(), by_id(new));
    let (added, removed) = (without(&after, &before), without(&before, &after));
    let others = after.iter().filter(|(id, keys)| before.get(*id).is_some_and(|before| before != *keys));
    let replaced = shown(others.map(|(id, _)| *id));
    if new.is_empty() && old.is_some_and(|old| !old.is_empty()) {
        tracing::warn!(target: "portcullis::keys", event = "keys_withdrawn", issuer, ?removed, "all keys were withdrawn");
    } else if before != after {
        tracing::info!(target: "portcullis::keys", event = "keys_changed", issuer, keys, ?added, ?removed, ?replaced, "keys changed");
    }
}

/// The set in memory is still the right one.
pub(super) fn not_modified(issuer: &str, lifetime: Duration) {
    let lifetime_s = lifetime.as_secs();
    tracing::debug!(target: "portcullis::keys", event = "keys_not_modified", issuer, lifetime_s, "keys have not changed");
}

/// What is odd about a set but does not spoil it.
pub(super) fn oddities(set: &JwkSet, place: KeyPlace<'_>) {
    let count = set.secrets();
    match place {
        _ if count == 0 => {}
        KeyPlace::Issuer(issuer) => {
            tracing::warn!(target: "portcullis::keys", event = "keys_with_secrets", issuer, count, "the issuer publishes private or symmetric keys");
        }
        KeyPlace::File(path) => {
            let path = path.display();
            tracing::warn!(target: "portcullis::files", event = "file_with_secrets", %path, count, "private or symmetric keys in a key file");
        }
    }
    for reason in set.unusable() {
        match place {
            KeyPlace::Issuer(issuer) => {
                tracing::debug!(target: "portcullis::keys", event = "key_passed_over", issuer, %reason, "key passed over");
            }
            KeyPlace::File(path) => {
                let path = path.display();
                tracing::debug!(target: "portcullis::files", event = "file_key_passed_over", %path, %reason, "key passed over");
            }
        }
    }
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

/// The fingerprints of the keys under each `kid`, and of those without one.
type ById<'k> = BTreeMap<Option<&'k str>, BTreeSet<u64>>;

fn by_id(keys: &KeySet) -> ById<'_> {
    let mut by_id = ById::new();
    for key in keys.listed() {
        by_id.entry(key.key_id).or_default().insert(key.fingerprint);
    }
    by_id
}

fn without(keys: &ById<'_>, others: &ById<'_>) -> Vec<String> {
    shown(keys.keys().filter(|id| !others.contains_key(*id)).copied())
}

/// As an event shows them.
fn shown<'k>(ids: impl Iterator<Item = Option<&'k str>>) -> Vec<String> {
    ids.take(MOST_NAMED).map(|id| id.unwrap_or("-").chars().take(LONGEST_NAME).collect()).collect()
}
