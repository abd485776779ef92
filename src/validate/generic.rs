//! The kinds of tokens that are no provider's: those of the profiles, and what a provider's row begins with.

use super::kind::{AudienceRule, IssuerRule, Marks, TokenKind};
use crate::token::TokenLayout;

pub(super) static RFC_9068: TokenKind = TokenKind {
    name: "rfc9068",
    source: "RFC 9068",
    issuers: IssuerRule::Configured,
    keys_of_every_tenant: None,
    // RFC 9068 §4: at+jwt or application/at+jwt; any other explicit type is refused.
    typs: &["at+jwt"],
    typ_may_be_missing: false,
    laxer: Some(&PLAIN_JWT),
    // RFC 9068 §2.2. `iss`, `aud` and `exp` are required of every token, whatever its kind.
    required: &[&["sub"], &["client_id"], &["iat"], &["jti"]],
    values: &[],
    markers: &[],
    carries: &[],
    algorithms: &[],
    audience: AudienceRule::Audience,
    audience_hint: None,
    layout: TokenLayout::GENERIC,
    beyond: None,
};

pub(super) static PLAIN_JWT: TokenKind = PLAIN;

/// What the kinds of tokens without a type of their own have in common.
pub(super) const PLAIN: TokenKind = TokenKind {
    name: "plain_jwt",
    source: "RFC 7519, RFC 8725",
    issuers: IssuerRule::Configured,
    keys_of_every_tenant: None,
    // RFC 8725 §3.11: without a type of their own, but never with somebody else's.
    typs: &["jwt", "at+jwt"],
    typ_may_be_missing: true,
    laxer: None,
    required: &[],
    values: &[],
    // RFC 8725 §3.12, RFC 9068 §5: what only tokens of another kind carry.
    markers: &[
        // ID tokens: OpenID Connect Core §2 and §3.3.2.11, FAPI 1.0 part 2 §5.1; `token_use` is Cognito's, `typ` Keycloak's.
        ("nonce", Marks::Always),
        ("at_hash", Marks::Always),
        ("c_hash", Marks::Always),
        ("s_hash", Marks::Always),
        ("token_use", Marks::Unless("access")),
        ("typ", Marks::As(&["ID", "Refresh", "Offline", "Logout"])),
        // Logout tokens and security events: RFC 8417 §2.2.
        ("events", Marks::Always),
        // Authorization responses: JARM §2.1.
        ("code", Marks::Always),
        // Introspection answers: RFC 9701 §5.
        ("token_introspection", Marks::Always),
        // DPoP proofs: RFC 9449 §4.2.
        ("htm", Marks::Always),
        ("htu", Marks::Always),
        // Presentations and credentials of the W3C data model.
        ("vp", Marks::Always),
        ("vc", Marks::Always),
    ],
    carries: &[],
    algorithms: &[],
    audience: AudienceRule::Audience,
    audience_hint: None,
    layout: TokenLayout::GENERIC,
    beyond: None,
};
