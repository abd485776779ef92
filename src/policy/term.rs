use std::time::Duration;

use super::claim_test::ClaimTest;
use super::detail_test::DetailTest;
use super::fact::Fact;
use super::names::Names;
use super::predicate::Predicate;
use crate::bearer::ScopeName;

/// What a requirement is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    Anyone,
    Authenticated,
    User,
    AllScopes(Box<[Scope]>),
    AnyScope(Box<[Scope]>),
    Role(Grant),
    Permission(Grant),
    Claim(ClaimTest),
    Client(Box<str>),
    Issuer(Box<str>),
    Subject {
        issuer: Box<str>,
        subject: Box<str>,
    },
    /// Somebody acts for the subject.
    Acting,
    Actor {
        issuer: Box<str>,
        subject: Box<str>,
    },
    AuthorizationDetail(Box<DetailTest>),
    /// Any of these classes.
    Acr(Box<[ScopeName]>),
    Amr(Box<str>),
    MaxAge(Duration),
    Predicate(Predicate),
    Resource(Fact),
    /// At least two.
    AllOf(Vec<Self>),
    /// At least two.
    AnyOf(Vec<Self>),
    Not(Box<Self>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scope {
    pub(super) name: ScopeName,
    /// Other scopes that are as good.
    pub(super) implied_by: Box<[ScopeName]>,
}

/// A role or permission, and what is as good as a token that names it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grant {
    pub(super) name: Box<str>,
    /// Roles of a token, any of which is enough; a role's own name among them.
    pub(super) roles: Names,
    /// Other signs of it in a token, any of which is enough.
    pub(super) signs: Vec<Term>,
}

impl Scope {
    pub(super) fn new(name: ScopeName) -> Self {
        Self { name, implied_by: Box::default() }
    }
}

impl Grant {
    pub(super) fn role(name: &str) -> Self {
        Self { name: name.into(), roles: Names::new([name.into()]), signs: Vec::new() }
    }

    /// Nothing grants it until a vocabulary says what does.
    pub(super) fn permission(name: &str) -> Self {
        Self { name: name.into(), roles: Names::new([]), signs: Vec::new() }
    }

    /// Whether anything can show it.
    pub(super) fn is_defined(&self) -> bool {
        !(self.roles.is_empty() && self.signs.is_empty())
    }
}

impl Term {
    /// All of these, which are at least one.
    pub(super) fn all_of(parts: Vec<Self>) -> Self {
        joined(parts, Self::AllOf, |part| match part {
            Self::AllOf(parts) => Ok(parts),
            other => Err(other),
        })
    }

    /// Any of these, which are at least one.
    pub(super) fn any_of(parts: Vec<Self>) -> Self {
        joined(parts, Self::AnyOf, |part| match part {
            Self::AnyOf(parts) => Ok(parts),
            other => Err(other),
        })
    }

    /// Its permissions and predicates that have no meaning.
    pub(super) fn undefined(&self) -> Vec<&Self> {
        match self {
            Self::Permission(grant) if !grant.is_defined() => vec![self],
            Self::Predicate(predicate) if !predicate.is_known() => vec![self],
            _ => self.parts().iter().flat_map(Self::undefined).collect(),
        }
    }

    pub(super) fn parts(&self) -> &[Self] {
        match self {
            Self::AllOf(parts) | Self::AnyOf(parts) => parts,
            Self::Not(part) => std::slice::from_ref(part),
            _ => &[],
        }
    }
}

/// Parts of the same kind become parts of the whole, so that what reads alike is alike.
fn joined(parts: Vec<Term>, join: fn(Vec<Term>) -> Term, open: fn(Term) -> Result<Vec<Term>, Term>) -> Term {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match open(part) {
            Ok(parts) => flat.extend(parts),
            Err(part) => flat.push(part),
        }
    }
    if flat.len() == 1 { flat.swap_remove(0) } else { join(flat) }
}
