//! Requirements as they are read aloud.

use std::fmt;

use super::claim_test::{ClaimIs, ClaimTest, ClaimValue, Scalar};
use super::detail_test::DetailTest;
use super::term::{Scope, Term};
use crate::bearer::ScopeName;

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anyone"),
            Self::Authenticated => f.write_str("a valid token"),
            Self::User => f.write_str("a user"),
            Self::AllScopes(scopes) => match &**scopes {
                [one] => write!(f, "scope {one}"),
                all => write!(f, "all scopes of {}", List(all)),
            },
            Self::AnyScope(scopes) => write!(f, "any scope of {}", List(scopes)),
            Self::Role(role) => write!(f, "role `{}`", role.name),
            Self::Permission(permission) => write!(f, "permission `{}`", permission.name),
            Self::Claim(test) => test.fmt(f),
            Self::Client(client) => write!(f, "client `{client}`"),
            Self::Issuer(issuer) => write!(f, "issuer `{issuer}`"),
            Self::Subject { issuer, subject } => write!(f, "subject `{subject}` of `{issuer}`"),
            Self::Acting => f.write_str("an actor"),
            Self::Actor { issuer, subject } => write!(f, "actor `{subject}` of `{issuer}`"),
            Self::AuthorizationDetail(test) => test.fmt(f),
            Self::Acr(classes) => match &**classes {
                [one] => write!(f, "acr {}", Quoted(one)),
                all => write!(f, "any acr of {}", List(&all.iter().map(Quoted).collect::<Vec<_>>())),
            },
            Self::Amr(method) => write!(f, "amr `{method}`"),
            Self::MaxAge(age) => write!(f, "authentication at most {} s ago", age.as_secs()),
            Self::Predicate(predicate) => write!(f, "predicate `{}`", predicate.name),
            Self::Resource(fact) => f.write_str(fact.as_str()),
            Self::AllOf(parts) => self.join(f, parts, " and "),
            Self::AnyOf(parts) => self.join(f, parts, " or "),
            Self::Not(term) => write!(f, "not {}", Part(term, self)),
        }
    }
}

impl Term {
    fn join(&self, f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str) -> fmt::Result {
        for (index, part) in parts.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { word }, Part(part, self))?;
        }
        Ok(())
    }
}

/// A part of a larger requirement, in brackets where it would otherwise be read wrongly.
struct Part<'a>(&'a Term, &'a Term);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(part, whole) = self;
        match (part, whole) {
            (Term::AllOf(_) | Term::AnyOf(_), _) | (_, Term::Not(_)) => write!(f, "({part})"),
            _ => write!(f, "{part}"),
        }
    }
}

impl fmt::Display for ClaimTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "claim `{}`", self.path)?;
        match &self.is {
            ClaimIs::Present => Ok(()),
            ClaimIs::OneOf(values) => match &**values {
                [one] => write!(f, " equal to {one}"),
                all => write!(f, " equal to any of {}", List(all)),
            },
            ClaimIs::Containing(name) => write!(f, " containing `{name}`"),
            ClaimIs::WithWord(word) => write!(f, " with the word `{word}`"),
            ClaimIs::WithMember(name) => write!(f, " with the member `{name}`"),
            ClaimIs::PathParameter(name) => write!(f, " equal to `{{{name}}}` of the path"),
        }
    }
}

impl fmt::Display for DetailTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "authorization detail `{}`", self.kind)?;
        for (what, names) in [
            ("with action", &self.actions),
            ("with datatype", &self.datatypes),
            ("with privilege", &self.privileges),
            ("at location", &self.locations),
        ] {
            names.iter().try_for_each(|name| write!(f, " {what} `{name}`"))?;
        }
        self.identifier.iter().try_for_each(|identifier| write!(f, " with identifier `{identifier}`"))
    }
}

impl fmt::Display for ClaimValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Scalar::Text(text) => write!(f, "`{text}`"),
            Scalar::Number(number) => write!(f, "{number}"),
            Scalar::Bool(flag) => write!(f, "{flag}"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Quoted(&self.name).fmt(f)
    }
}

struct Quoted<'a>(&'a ScopeName);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.as_str())
    }
}

struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
