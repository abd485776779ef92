use crate::jose::{AllowedAlgorithms, JwkSet, KeySet, SignatureBackend};

/// The keys of a set, ready for use. An empty set withdraws every key; one that has keys, of which none can be used, is a
/// mistake somewhere: `None`.
pub(super) fn usable_keys(
    set: &JwkSet,
    allowed: &AllowedAlgorithms,
    backend: &SignatureBackend,
) -> Option<KeySet> {
    let keys = KeySet::new(set, allowed, backend);
    let is_mistake = keys.is_empty() && set.published() > 0;
    (!is_mistake).then_some(keys)
}
