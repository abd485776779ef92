use std::fmt;

use super::decide::{Policy, PolicyInput};
use super::decision::{Decision, Denial};
use crate::bearer::ScopeName;
use crate::token::ValidatedToken;

/// A policy made of scopes and roles. It prints as it would be read aloud.
///
/// ```
/// use portcullis::{any_scope, not, role, scope};
///
/// let requirement = scope("orders:write").and(role("clerk").or(not(any_scope(["trial", "demo"]))));
/// assert_eq!(
///     requirement.to_string(),
///     "scope `orders:write` and (role `clerk` or not (any scope of `trial`, `demo`))"
/// );
/// ```
///
/// Only [`anyone`] admits a request without a token, and `not` never does.
#[derive(Clone, Debug)]
pub struct Requirement(Term);

#[derive(Clone, Debug)]
enum Term {
    Anyone,
    Authenticated,
    User,
    AllScopes(Box<[ScopeName]>),
    AnyScope(Box<[ScopeName]>),
    Role(Box<str>),
    And(Box<[Self; 2]>),
    Or(Box<[Self; 2]>),
    Not(Box<Self>),
}

/// Takes requests without a credential too: authentication is optional.
///
/// A credential that is there must be valid all the same: an expired token is 401 and never becomes anonymous. In Axum,
/// handlers take `Option<ValidatedToken>`; elsewhere [`ValidatedToken::of`] is `None` for a request without a token.
#[must_use]
pub fn anyone() -> Requirement {
    Requirement(Term::Anyone)
}

/// Requires a token that speaks for a user, and not for a client on its own behalf (RFC 9700 §4.15, RFC 9068 §5).
///
/// Such a token has a subject, and names a client (`client_id`, or `azp` where that is missing) that is not the subject.
/// One that lacks either shows no user and is refused. Not checked: an issuer that gives its clients subjects of their
/// own makes their tokens look like a user's. The preset of a provider looks at what that provider's tokens say instead.
#[must_use]
pub fn user() -> Requirement {
    Requirement(Term::User)
}

/// Requires a valid token, whatever it grants.
#[must_use]
pub fn authenticated() -> Requirement {
    Requirement(Term::Authenticated)
}

/// Requires this scope (RFC 6749 §3.3: the whole scope-token, case-sensitive).
///
/// # Panics
///
/// If `scope` is not one scope-token: empty, with a space, a quote, a backslash, or outside printable ASCII.
#[must_use]
#[track_caller]
pub fn scope(scope: &str) -> Requirement {
    all_scopes([scope])
}

/// Requires every one of these scopes.
///
/// # Panics
///
/// If the list is empty (write [`authenticated`] if no scope is needed), or if one is not a scope-token.
#[must_use]
#[track_caller]
pub fn all_scopes<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Requirement {
    Requirement(Term::AllScopes(names(scopes)))
}

/// Requires at least one of these scopes. A challenge names the first of them.
///
/// # Panics
///
/// If the list is empty (nothing could satisfy it), or if one is not a scope-token.
#[must_use]
#[track_caller]
pub fn any_scope<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Requirement {
    Requirement(Term::AnyScope(names(scopes)))
}

/// Requires this role, by its whole name, in the claim that holds roles.
///
/// # Panics
///
/// If `role` is empty.
#[must_use]
#[track_caller]
pub fn role(role: &str) -> Requirement {
    assert!(!role.is_empty(), "a role has a name");
    Requirement(Term::Role(role.into()))
}

/// Requires that `requirement` is *not* met, by a request that has a valid token all the same.
#[must_use]
pub fn not(requirement: Requirement) -> Requirement {
    Requirement(Term::Not(Box::new(requirement.0)))
}

#[track_caller]
#[expect(clippy::panic, reason = "a mistake in the program's text, found when it starts; documented")]
fn names<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Box<[ScopeName]> {
    let mut names = Vec::new();
    for scope in scopes {
        // Not in a closure: the panic is to name the line that wrote the scope.
        let Some(name) = ScopeName::parse(scope) else { panic!("{}", InvalidScope(scope.to_owned())) };
        names.push(name);
    }
    assert!(!names.is_empty(), "a list of scopes names at least one");
    names.into()
}

/// A text that is not one scope-token (RFC 6749 §3.3).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not one scope-token (RFC 6749 §3.3)")]
pub struct InvalidScope(String);

impl Requirement {
    /// Requires a scope that comes from data, such as a configuration file. For literals there is [`scope`].
    ///
    /// # Errors
    ///
    /// An [`InvalidScope`] if the text is not one scope-token.
    pub fn try_scope(scope: &str) -> Result<Self, InvalidScope> {
        let name = ScopeName::parse(scope).ok_or_else(|| InvalidScope(scope.to_owned()))?;
        Ok(Self(Term::AllScopes([name].into())))
    }

    /// Requires both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(Term::And(Box::new([self.0, other.0])))
    }

    /// Requires one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(Term::Or(Box::new([self.0, other.0])))
    }
}

impl Policy for Requirement {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        let Some(token) = input.token() else {
            let denial = || Decision::Deny(Denial::because("the request has no token"));
            return if self.takes_anonymous() { Decision::Allow } else { denial() };
        };
        if self.0.holds(token, &[]) {
            return Decision::Allow;
        }
        // Only now, off the usual path: what was missing, and whether scopes would cure it. A set that a
        // `not` turns against itself cures nothing, so it is tried before it is named.
        let needed = self.0.needed_scopes(token).filter(|scopes| self.0.holds(token, scopes));
        // No list of groups is not an empty list of groups, and whoever reads this should know which it was.
        let untold = token.leaves_out_groups() && self.0.judge(token, &[]).is_none();
        let why = if untold { ", but the token leaves out its groups (overage)" } else { "" };
        let denial = Denial::because(format!("required: {self}{why}"));
        Decision::Deny(denial.with_needed_scopes(needed.unwrap_or_default()))
    }

    fn takes_anonymous(&self) -> bool {
        self.0.holds_without_token()
    }
}

impl Term {
    /// Whether this is met where there is no token. Only `anyone` is: what a token lacks is not what nobody lacks,
    /// so `not` changes nothing here.
    fn holds_without_token(&self) -> bool {
        match self {
            Self::Anyone => true,
            Self::And(both) => both.iter().all(Self::holds_without_token),
            Self::Or(either) => either.iter().any(Self::holds_without_token),
            _ => false,
        }
    }

    /// Whether the token, with `granted` added to its scopes, meets this.
    fn holds(&self, token: &ValidatedToken, granted: &[ScopeName]) -> bool {
        self.judge(token, granted) == Some(true)
    }

    /// The same in three values. What cannot be told (a claim for roles or scopes that is no list of names) is
    /// neither met nor not met, so that `not` cannot turn it into an admission.
    fn judge(&self, token: &ValidatedToken, granted: &[ScopeName]) -> Option<bool> {
        let has = |scope: &ScopeName| {
            if granted.contains(scope) { Some(true) } else { token.lists_scope(scope.as_str()) }
        };
        match self {
            Self::Anyone | Self::Authenticated => Some(true),
            Self::User => token.speaks_for_user(),
            Self::AllScopes(scopes) => all(scopes.iter().map(has)),
            Self::AnyScope(scopes) => any(scopes.iter().map(has)),
            Self::Role(role) => token.lists_role(role),
            Self::And(both) => all(both.iter().map(|term| term.judge(token, granted))),
            Self::Or(either) => any(either.iter().map(|term| term.judge(token, granted))),
            Self::Not(term) => term.judge(token, granted).map(|met| !met),
        }
    }

    /// One set of scopes with which this token would meet this (RFC 6750 §3.1): everything this request needs,
    /// not only what is missing; of alternatives, the first that scopes can reach. `None` if scopes cannot.
    fn needed_scopes(&self, token: &ValidatedToken) -> Option<Vec<ScopeName>> {
        match self {
            Self::AllScopes(scopes) => Some(scopes.to_vec()),
            Self::AnyScope(scopes) => {
                let held = scopes.iter().find(|scope| token.scopes().contains(scope.as_str()));
                held.or(scopes.first()).map(|scope| vec![scope.clone()])
            }
            Self::And(both) => both.iter().try_fold(Vec::new(), |mut all: Vec<ScopeName>, term| {
                for scope in term.needed_scopes(token)? {
                    if !all.contains(&scope) {
                        all.push(scope);
                    }
                }
                Some(all)
            }),
            Self::Or(either) => {
                let met = either.iter().find(|term| term.holds(token, &[]));
                let curable = || either.iter().find_map(|term| term.needed_scopes(token));
                met.map_or_else(curable, |term| term.needed_scopes(token))
            }
            Self::Anyone | Self::Authenticated | Self::User | Self::Role(_) | Self::Not(_) => {
                self.holds(token, &[]).then(Vec::new)
            }
        }
    }
}

/// Whether all hold. One that does not hold decides it, whatever cannot be told of the others.
fn all(mut answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut so_far = Some(true);
    while so_far != Some(false) {
        match answers.next() {
            Some(Some(true)) => {}
            Some(answer) => so_far = answer,
            None => break,
        }
    }
    so_far
}

/// Whether one holds.
fn any(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(answers.map(|answer| answer.map(|met| !met))).map(|none| !none)
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anyone"),
            Self::Authenticated => f.write_str("a valid token"),
            Self::User => f.write_str("a user"),
            Self::AllScopes(scopes) => match &**scopes {
                [one] => write!(f, "scope `{}`", one.as_str()),
                all => write!(f, "all scopes of {}", List(all)),
            },
            Self::AnyScope(scopes) => write!(f, "any scope of {}", List(scopes)),
            Self::Role(role) => write!(f, "role `{role}`"),
            Self::And(both) => {
                let [left, right] = &**both;
                write!(f, "{} and {}", Part(left, self), Part(right, self))
            }
            Self::Or(either) => {
                let [left, right] = &**either;
                write!(f, "{} or {}", Part(left, self), Part(right, self))
            }
            Self::Not(term) => write!(f, "not {}", Part(term, self)),
        }
    }
}

/// A part of a larger requirement, in brackets where it would otherwise be read wrongly.
struct Part<'a>(&'a Term, &'a Term);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(part, whole) = self;
        match (part, whole) {
            (Term::And(_), Term::And(_)) | (Term::Or(_), Term::Or(_)) => write!(f, "{part}"),
            (Term::And(_) | Term::Or(_), _) | (_, Term::Not(_)) => write!(f, "({part})"),
            _ => write!(f, "{part}"),
        }
    }
}

struct List<'a>(&'a [ScopeName]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}`{}`", scope.as_str())?;
        }
        Ok(())
    }
}
