//! Values that several tables have.

use super::members::text;
use super::nearest::unknown;
use super::node::{Node, Reading};
use crate::jose::SignatureAlgorithm;
use crate::secret::{Secret, SecretReferenceError};

/// A reference to a secret. `None` is told, without what stands there.
pub(super) fn secret(node: &Node, name: &str, reading: &mut Reading) -> Option<Secret> {
    match text(node, name, reading)?.parse() {
        Ok(secret) => Some(secret),
        Err(SecretReferenceError::Unknown) => {
            let problems = reading.at(node.at);
            let message = format!("`{name}` is `env:NAME` or `file:PATH`, and never the secret itself");
            problems.add("literal_secret", message);
            None
        }
        Err(SecretReferenceError::Empty) => {
            let problems = reading.at(node.at);
            problems.add("invalid_member", format!("`{name}` names no variable and no file"));
            None
        }
    }
}

pub(super) fn without_feature(node: &Node, name: &str, feature: &str, reading: &mut Reading) {
    let problems = reading.at(node.at);
    problems.add("missing_feature", format!("`{name}` needs the feature `{feature}` of this crate"));
}

/// `None` is told.
pub(super) fn algorithm(node: &Node, reading: &mut Reading) -> Option<SignatureAlgorithm> {
    let name = text(node, "algorithm", reading)?;
    let algorithm = SignatureAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
    if algorithm.is_none() {
        let hint = unknown(name, &SignatureAlgorithm::ALL.map(SignatureAlgorithm::name));
        let problems = reading.at(node.at);
        problems.add("invalid_member", format!("an algorithm is none of the known: {hint}"));
    }
    algorithm
}
