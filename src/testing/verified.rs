use serde_json::{Map, Value};

use crate::jose::{
    AllowedAlgorithms, JoseHeader, JwkSet, KeySet, SignatureAlgorithm, SignatureBackend, UnverifiedJws,
};

/// The claims of a JWT of one of these types (`None`: without `typ`) that one of these keys signed.
pub(super) fn verified(token: &str, keys: &JwkSet, types: &[Option<&str>]) -> Option<Map<String, Value>> {
    let allowed = AllowedAlgorithms::of(SignatureAlgorithm::ALL)?;
    let jws = UnverifiedJws::split(token).ok()?;
    let header = JoseHeader::parse(&jws, &allowed).ok()?;
    let typed = |wanted: &Option<&str>| match (header.typ(), wanted) {
        (Some(typ), Some(wanted)) => typ.is(wanted),
        (None, None) => true,
        _ => false,
    };
    let keys = KeySet::new(keys, &allowed, &SignatureBackend::default());
    keys.select(&header, None)?.verify(&jws).ok()?;
    let payload = jws.payload_text().ok()?;
    types.iter().any(typed).then(|| serde_json::from_str(&payload).ok())?
}
