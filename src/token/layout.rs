use std::fmt;

use super::roles::RolesAs;
use super::user::UserRule;
use crate::claims::{ClaimPath, Claims};

/// Where the tokens of one kind say what every token says somewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenLayout {
    pub(crate) scopes: ScopesAt,
    /// The claim that lists roles, where the configuration names no other: a name or a JSON Pointer.
    pub(crate) roles: Option<&'static str>,
    /// The claims that name the client, of which the first that is there counts.
    pub(crate) client: &'static [&'static str],
    pub(crate) user: UserRule,
    /// Whether `hasgroups` says that the groups grew too many to be listed.
    pub(crate) hides_groups: bool,
}

/// Where scopes are, and in which of two shapes. Another shape than the one that is named here cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ScopesAt {
    /// Tokens of this kind have no scopes.
    Nowhere,
    /// `scope`, a string (RFC 8693 §4.2).
    Registered,
    /// A string with spaces between the scopes.
    Words(&'static str),
    /// An array of strings.
    List(&'static str),
}

impl fmt::Display for ScopesAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("none"),
            Self::Registered => f.write_str("`scope`, a string"),
            Self::Words(name) => write!(f, "`{name}`, a string"),
            Self::List(name) => write!(f, "`{name}`, an array"),
        }
    }
}

impl TokenLayout {
    /// RFC 9068 §2.2, and what everybody does who names no other place. Issuers with ID tokens in mind name the client
    /// in `azp` (OpenID Connect Core §2).
    pub(crate) const GENERIC: Self = Self {
        scopes: ScopesAt::Registered,
        roles: Some("roles"),
        client: &["client_id", "azp"],
        user: UserRule::SubjectIsNotClient,
        hides_groups: false,
    };
}

/// The layout of one issuer's tokens, with the configured places of their scopes and roles.
#[derive(Clone, Debug)]
pub(crate) struct ClaimMapping {
    pub(crate) layout: &'static TokenLayout,
    /// `None` where the layout says.
    pub(crate) scopes_at: Option<ClaimPath>,
    /// `None` where tokens have no roles.
    pub(crate) roles_at: Option<ClaimPath>,
    pub(crate) roles_as: RolesAs,
    /// Of answers about tokens (RFC 7662 §2.2): who gave them.
    pub(crate) answered_by: Option<Box<str>>,
}

impl TokenLayout {
    /// Whether a token says that the claim of this name is not in it: OpenID Connect Core §5.6.2
    /// (`_claim_names`), and what Entra ID sends where even that would be too long (`hasgroups`, which is never false).
    pub(super) fn leaves_out(&self, name: Option<&str>, claims: &Claims) -> bool {
        let Some(name) = name else { return false };
        let there = |name| claims.member(name).filter(|value| !value.is_null());
        // What is there and no object names nothing that can be told apart.
        let elsewhere = || {
            let names = there("_claim_names");
            names.is_some_and(|names| names.as_object().is_none_or(|names| names.get(name).is_some()))
        };
        let hidden = || self.hides_groups && name == "groups" && there("hasgroups").is_some();
        elsewhere() || hidden()
    }
}
