//! Tokens of Kubernetes service accounts, as they are projected into pods.

use super::error::{InvalidToken, InvalidTokenKind};
use super::generic::PLAIN;
use super::kind::{Check, TokenKind};
use super::providers::WORKLOADS;
use crate::claims::Claims;
use crate::jose::SignatureAlgorithm::{Es256, Es384, Es512, Rs256};

pub(crate) static KUBERNETES: TokenKind = TokenKind {
    name: "kubernetes",
    source: "Kubernetes docs: Managing Service Accounts, Configure Service Accounts for Pods",
    typs: &["jwt"],
    required: &[&["sub"]],
    // What the API server signs with: RSA with SHA-256, or ECDSA.
    algorithms: &[Rs256, Es256, Es384, Es512],
    audience_hint: Some(
        "a pod's default token is for the API server; project one with this audience into it",
    ),
    layout: WORKLOADS,
    beyond: Some(Check {
        says: "`sub` is `system:serviceaccount:{namespace}:{name}`, as `kubernetes.io` has them",
        holds: is_service_account,
    }),
    ..PLAIN
};

/// Strictly, so that who splits `sub` at its colons finds the two names that were meant.
fn is_service_account(claims: &Claims, _: Option<&str>) -> Result<(), InvalidToken> {
    claims.position("kubernetes.io").ok_or(InvalidToken::missing("kubernetes.io"))?;
    let namespace = claims.text_at(&["kubernetes.io", "namespace"]);
    let name = claims.text_at(&["kubernetes.io", "serviceaccount", "name"]);
    let subject = claims.subject().and_then(|subject| subject.strip_prefix("system:serviceaccount:"));
    let subject = subject.and_then(|subject| subject.split_once(':'));
    let is_account = subject.is_some_and(|(in_namespace, called)| {
        in_namespace.len() <= 63
            && is_label(in_namespace)
            && is_subdomain(called)
            && (Some(in_namespace), Some(called)) == (namespace, name)
    });
    if is_account {
        return Ok(());
    }
    let reason = "`sub` is not the service account that `kubernetes.io` names";
    Err(InvalidToken::because(InvalidTokenKind::WrongType, reason))
}

/// What a label of a domain name is made of (RFC 1123 §2.1), in lower case.
fn is_label(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

/// Labels with dots between them, as service accounts are.
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}
