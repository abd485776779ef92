//! What is peculiar about the tokens of well-known providers: one row of data each, and nothing that is not in it. A row
//! begins as a plain JWT and names every difference. Entra ID and Kubernetes have files of their own.

use super::generic::PLAIN;
use super::kind::{AudienceRule, IssuerRule, TokenKind};
use crate::jose::SignatureAlgorithm::{Ps256, Rs256};
use crate::token::{ScopesAt, TokenLayout, UserRule};

pub(crate) static KEYCLOAK: TokenKind = TokenKind {
    name: "keycloak",
    source: "Keycloak, Server Administration Guide: Audience support, Role scope mappings",
    typ_may_be_missing: false,
    // ID and refresh tokens differ from access tokens by this claim alone.
    values: &[("typ", &["Bearer", "DPoP"])],
    // Before version 24 the nonce of the login was in all of its tokens.
    carries: &["nonce"],
    audience_hint: Some(
        "have Keycloak add it with an audience mapper, in a client scope of the clients that call this API",
    ),
    layout: TokenLayout {
        roles: Some("/realm_access/roles"),
        client: &["azp"],
        user: UserRule::Keycloak,
        ..TokenLayout::GENERIC
    },
    ..PLAIN
};

pub(crate) static AUTH0: TokenKind = TokenKind {
    name: "auth0",
    source: "Auth0 docs: Access Token Profiles, Enable Role-Based Access Control for APIs",
    issuers: IssuerRule::Template("https://{domain}/"),
    typ_may_be_missing: false,
    required: &[&["sub"], &["azp", "client_id"]],
    algorithms: &[Rs256, Ps256],
    audience_hint: Some("clients of Auth0 ask for a token for this API with the parameter `audience`"),
    layout: TokenLayout {
        // Permissions of RBAC stay apart from scopes: what a client may ask for is not what a user may do.
        roles: Some("permissions"),
        client: &["azp", "client_id"],
        user: UserRule::Auth0,
        ..TokenLayout::GENERIC
    },
    ..PLAIN
};

pub(crate) static OKTA: TokenKind = TokenKind {
    name: "okta",
    source: "Okta developer docs: OpenID Connect and OAuth 2.0 API, Access token",
    // Only access tokens have it.
    required: &[&["sub"], &["cid"]],
    algorithms: &[Rs256],
    audience_hint: Some(
        "tokens of Okta's org authorization server are for Okta's own APIs; use a custom one",
    ),
    layout: TokenLayout {
        scopes: ScopesAt::List("scp"),
        roles: Some("groups"),
        client: &["cid"],
        user: UserRule::HasClaim("uid"),
        ..TokenLayout::GENERIC
    },
    ..PLAIN
};

pub(crate) static COGNITO: TokenKind = TokenKind {
    name: "cognito",
    source: "Amazon Cognito Developer Guide: Understanding the access token, Verifying JSON web tokens",
    issuers: IssuerRule::Template("https://cognito-idp.{region}.amazonaws.com/{pool}"),
    required: &[&["sub"], &["client_id"]],
    values: &[("token_use", &["access"])],
    algorithms: &[Rs256],
    // An access token has no `aud` unless the client asked for a resource (RFC 8707).
    audience: AudienceRule::Client("client_id"),
    layout: TokenLayout {
        roles: Some("cognito:groups"),
        client: &["client_id"],
        user: UserRule::HasClaim("username"),
        ..TokenLayout::GENERIC
    },
    ..PLAIN
};

/// ID tokens for the audience of this API: those of service accounts, which Cloud Run, Cloud Scheduler and others send,
/// and those of users. Google's access tokens are opaque.
pub(crate) static GOOGLE: TokenKind = TokenKind {
    name: "google",
    source: "Google for Developers: OpenID Connect, Validating an ID token",
    issuers: IssuerRule::OneOf(&["https://accounts.google.com", "accounts.google.com"]),
    typs: &["jwt"],
    typ_may_be_missing: false,
    required: &[&["sub"]],
    carries: &["nonce", "at_hash"],
    algorithms: &[Rs256],
    layout: TokenLayout {
        scopes: ScopesAt::Nowhere,
        roles: None,
        client: &["azp"],
        user: UserRule::Google,
        ..TokenLayout::GENERIC
    },
    ..PLAIN
};

pub(crate) static GITHUB_ACTIONS: TokenKind = TokenKind {
    name: "github_actions",
    source: "GitHub Docs: OpenID Connect reference (Actions)",
    issuers: IssuerRule::OneOf(&["https://token.actions.githubusercontent.com"]),
    typs: &["jwt"],
    typ_may_be_missing: false,
    required: &[&["sub"], &["repository"]],
    algorithms: &[Rs256],
    audience_hint: Some("a workflow chooses the audience when it asks for its token"),
    layout: WORKLOADS,
    ..PLAIN
};

/// Tokens that say who a workload is, and nothing of what it may do.
pub(super) const WORKLOADS: TokenLayout = TokenLayout {
    scopes: ScopesAt::Nowhere,
    roles: None,
    client: &[],
    user: UserRule::Never,
    hides_groups: false,
};
