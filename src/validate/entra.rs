//! Microsoft Entra ID. Its two versions of tokens can reach one API, whichever it asked for, and differ in issuer and
//! claims: an API that takes both trusts two issuers.

use super::error::{InvalidToken, InvalidTokenKind};
use super::generic::PLAIN;
use super::kind::{Check, IssuerRule, TokenKind};
use crate::claims::Claims;
use crate::jose::SignatureAlgorithm::Rs256;
use crate::token::{ScopesAt, TokenLayout, UserRule};

/// What the metadata for all tenants calls its issuer, and what keys say that are for all of them.
pub(crate) const ANY_TENANT: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

pub(crate) static ENTRA_V1: TokenKind = TokenKind {
    name: "entra_v1",
    issuers: IssuerRule::Template("https://sts.windows.net/{tenantid}/"),
    // Of the tokens it signs, only access tokens name the client by `appid`, or in version 2 by `azp`.
    required: &[&["sub"], &["tid"], &["appid"]],
    values: &[("ver", &["1.0"])],
    layout: TokenLayout { client: &["appid"], ..LAYOUT },
    ..ENTRA
};

pub(crate) static ENTRA_V2: TokenKind = TokenKind {
    name: "entra_v2",
    issuers: IssuerRule::Template(ANY_TENANT),
    required: &[&["sub"], &["tid"], &["azp"]],
    values: &[("ver", &["2.0"])],
    layout: TokenLayout { client: &["azp"], ..LAYOUT },
    ..ENTRA
};

const ENTRA: TokenKind = TokenKind {
    source: "Microsoft identity platform: Access tokens, Access token claims reference",
    keys_of_every_tenant: Some(ANY_TENANT),
    typ_may_be_missing: false,
    // Its keys do not say what they are for.
    algorithms: &[Rs256],
    audience_hint: Some(
        "tokens for Microsoft Graph and other APIs are not for this one; clients ask for a scope of this API",
    ),
    beyond: Some(Check { says: "`tid` is the tenant of the issuer", holds: is_of_tenant }),
    ..PLAIN
};

const LAYOUT: TokenLayout = TokenLayout {
    scopes: ScopesAt::Words("scp"),
    user: UserRule::Entra,
    hides_groups: true,
    ..TokenLayout::GENERIC
};

fn is_of_tenant(claims: &Claims, tenant: Option<&str>) -> Result<(), InvalidToken> {
    if tenant.is_some() && claims.first_text(&["tid"]) == tenant {
        return Ok(());
    }
    Err(InvalidToken::because(InvalidTokenKind::WrongIssuer, "`tid` is not the tenant of the issuer"))
}
