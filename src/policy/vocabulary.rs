use std::collections::BTreeMap;

use super::claim_test::{ClaimIs, ClaimTest};
use super::either::AnyRequirement;
use super::predicate::Predicate;
use super::requirement::Requirement;
use super::term::{Grant, Scope, Term};
use crate::bearer::ScopeName;
use crate::claims::ClaimPath;
use crate::error::{ConfigError, Problems};

/// What the names in requirements mean: which roles include which others, which permissions they have, which scopes imply
/// which others, and which predicates there are.
///
/// It is applied to a requirement once, and what comes out is a requirement like any other: whoever has the role `admin` has
/// the role `clerk`, and the reason of a denial still says that `clerk` was required.
///
/// ```
/// use portcullis::{Claims, Decision, Policy as _, PolicyInput, ValidatedToken, Vocabulary, permission, role};
///
/// let vocabulary = Vocabulary::builder()
///     .role_includes("admin", ["clerk"])
///     .role_permits("clerk", ["orders:refund"])
///     .scope_implies("orders:write", ["orders:read"])
///     .build()?;
///
/// let refund = vocabulary.apply(permission("orders:refund"))?;
/// let token = |role| ValidatedToken::assertion(Claims::from_json(format!(r#"{{"roles":["{role}"]}}"#)).unwrap());
/// let request = http::Request::post("/refunds").body(())?;
/// let decide = |role| refund.decide(&PolicyInput::of(Some(&token(role)), &request));
/// assert_eq!(decide("admin"), Decision::Allow);
/// assert!(matches!(decide("trainee"), Decision::Deny(_)));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    pub(super) roles: BTreeMap<Box<str>, Grant>,
    pub(super) permissions: BTreeMap<Box<str>, Grant>,
    /// Where tokens list permissions by name.
    pub(super) permissions_at: Option<ClaimPath>,
    pub(super) scopes: Vec<Implication>,
    pub(super) predicates: BTreeMap<Box<str>, Predicate>,
}

/// A scope, and what it implies: itself not included, and what follows from what follows included.
#[derive(Clone, Debug)]
pub(super) struct Implication {
    pub(super) scope: ScopeName,
    pub(super) implied: Vec<Box<str>>,
}

impl Vocabulary {
    /// The requirement (a [`Requirement`] or a [`ResourceRequirement`](crate::ResourceRequirement)), with the meaning of its names.
    /// A name of which this vocabulary says nothing keeps the meaning that it has, from another vocabulary for instance.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] with every name that has none: `unknown_permission`, which no role has and no claim shows, and
    /// `unknown_predicate`, which came from data and is not defined here. A role is always known: a token may name it.
    pub fn apply<R: AnyRequirement>(&self, requirement: R) -> Result<R, ConfigError> {
        let mut problems = Problems::default();
        let requirement = requirement.map(|requirement| self.bind(requirement, &mut problems));
        if problems.is_empty() { Ok(requirement) } else { Err(problems.into_error()) }
    }

    pub(crate) fn bind(&self, requirement: Requirement, problems: &mut Problems) -> Requirement {
        Requirement(self.bound(requirement.0, problems))
    }

    pub(super) fn bound(&self, term: Term, problems: &mut Problems) -> Term {
        match term {
            Term::AllScopes(scopes) => Term::AllScopes(self.with_implications(scopes)),
            Term::AnyScope(scopes) => Term::AnyScope(self.with_implications(scopes)),
            Term::Role(role) => Term::Role(self.roles.get(&role.name).cloned().unwrap_or(role)),
            Term::Permission(permission) => Term::Permission(self.permission(permission, problems)),
            Term::Predicate(predicate) if !predicate.is_known() => {
                let known = self.predicates.get(&*predicate.name).cloned();
                if known.is_none() {
                    let message = format!("the program defines no predicate `{}`", predicate.name);
                    problems.add("unknown_predicate", message);
                }
                Term::Predicate(known.unwrap_or(predicate))
            }
            Term::AllOf(parts) => {
                Term::AllOf(parts.into_iter().map(|part| self.bound(part, problems)).collect())
            }
            Term::AnyOf(parts) => {
                Term::AnyOf(parts.into_iter().map(|part| self.bound(part, problems)).collect())
            }
            Term::Not(part) => Term::Not(Box::new(self.bound(*part, problems))),
            other => other,
        }
    }

    fn permission(&self, permission: Grant, problems: &mut Problems) -> Grant {
        // What another vocabulary said of it before stays, where this one says nothing.
        let said_before = || permission.is_defined().then(|| permission.clone());
        let mut known = self.permissions.get(&permission.name).cloned().or_else(said_before);
        if let Some(path) = &self.permissions_at {
            let is = ClaimIs::Containing(permission.name.clone());
            let sign = Term::Claim(ClaimTest { path: path.clone(), is });
            let known = known.get_or_insert_with(|| permission.clone());
            if !known.signs.contains(&sign) {
                known.signs.push(sign);
            }
        }
        known.unwrap_or_else(|| {
            if !permission.is_defined() {
                let message = format!("no role has the permission `{}`", permission.name);
                problems.add("unknown_permission", message);
            }
            permission
        })
    }

    /// Beside those that another vocabulary said before: behind a `not`, one fewer would admit.
    fn with_implications(&self, scopes: Box<[Scope]>) -> Box<[Scope]> {
        let widened = |Scope { name, implied_by }: Scope| {
            let implies = |implication: &&Implication| {
                implication.scope != name
                    && !implied_by.contains(&implication.scope)
                    && implication.implied.iter().any(|implied| covers(implied, name.as_str()))
            };
            let more: Vec<_> = self.scopes.iter().filter(implies).map(|own| own.scope.clone()).collect();
            Scope { name, implied_by: implied_by.into_iter().chain(more).collect() }
        };
        scopes.into_iter().map(widened).collect()
    }
}

/// Whether the scope is this one, or begins like this one up to its asterisk.
pub(super) fn covers(pattern: &str, scope: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => scope.starts_with(prefix),
        None => scope == pattern,
    }
}
