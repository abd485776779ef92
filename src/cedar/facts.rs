use std::sync::Arc;

use super::attribute::{Attribute, record};
use super::shape::Shape;
use crate::json::{Object, Value};
use crate::policy::PolicyInput;
use crate::token::ValidatedToken;

/// More roles and scopes than this are no list that anybody keeps.
const MAX_PARENTS: usize = 1_000;

/// What the context of a request has: its attributes, by name.
pub(super) const CONTEXT: [&str; 7] =
    ["method", "path", "time", "anonymous", "scopes", "issuer", "client_id"];

/// Whose request it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    User,
    Client,
    /// One or the other.
    Subject,
    Anonymous,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::User, Self::Client, Self::Subject, Self::Anonymous];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Client => "Client",
            Self::Subject => "Subject",
            Self::Anonymous => "Anonymous",
        }
    }
}

/// Finds a name in a request.
pub(super) type Naming = Arc<dyn Fn(&PolicyInput<'_>) -> Option<String> + Send + Sync>;

/// How actions and resources are named.
#[derive(Clone)]
pub(super) struct Names {
    pub(super) action: Naming,
    pub(super) resource: Naming,
}

/// What Cedar is told about one request.
pub(super) struct Facts<'a> {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) roles: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) action: String,
    pub(super) resource: String,
    input: PolicyInput<'a>,
}

impl<'a> Facts<'a> {
    /// `Err` says what cannot be told, so that no policy would be right about it.
    pub(super) fn of(input: &PolicyInput<'a>, names: &Names) -> Result<Self, &'static str> {
        let (kind, id) = match input.token() {
            Some(token) => (kind(token), id(token)?),
            None => (Kind::Anonymous, "anonymous".to_owned()),
        };
        let (roles, scopes) = match input.token() {
            Some(token) => (roles(token)?, scopes(token)?),
            None => Default::default(),
        };
        if roles.len().saturating_add(scopes.len()) > MAX_PARENTS {
            return Err("the token has more than 1000 roles and scopes");
        }
        let action = (names.action)(input).ok_or("the request has no name for its action")?;
        let resource = (names.resource)(input).ok_or("the request has no name for its resource")?;
        Ok(Self { kind, id, roles, scopes, action, resource, input: *input })
    }

    /// The claims that there is a place for. `None` where one of them cannot be told.
    pub(super) fn attributes(&self, shape: &Shape) -> Option<Vec<(String, Attribute)>> {
        let Some(token) = self.input.token() else { return Some(Vec::new()) };
        if leaves_out(token, shape) {
            return None;
        }
        record(token.claims().members(), shape)
    }

    /// What there is a place for of the request.
    pub(super) fn context(&self, shape: &Shape) -> Vec<(String, Attribute)> {
        let token = self.input.token();
        let text = |text: &str| Attribute::Text(text.to_owned());
        let scopes = self.scopes.iter().map(|scope| text(scope)).collect();
        // A second that no Cedar long can hold is not reached.
        let now = i64::try_from(self.input.now().as_secs()).unwrap_or(i64::MAX);
        let values = [
            Some(text(self.input.method().as_str())),
            Some(text(self.input.path())),
            Some(Attribute::Long(now)),
            Some(Attribute::Flag(token.is_none())),
            Some(Attribute::Set(scopes)),
            token.and_then(ValidatedToken::issuer).map(text),
            token.and_then(ValidatedToken::client_id).map(text),
        ];
        let there = CONTEXT.into_iter().zip(values).filter(|(name, _)| shape.of_member(name).is_some());
        there.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

fn kind(token: &ValidatedToken) -> Kind {
    match token.speaks_for_user() {
        Some(true) => Kind::User,
        Some(false) => Kind::Client,
        None => Kind::Subject,
    }
}

/// Whether the token leaves out a claim that there is a place for: that is no token without that claim.
fn leaves_out(token: &ValidatedToken, shape: &Shape) -> bool {
    let elsewhere = token.claims().member("_claim_names").and_then(Value::as_object);
    let elsewhere = elsewhere.into_iter().flat_map(Object::members).map(|(name, _)| name);
    let mut names = elsewhere.chain(["groups"]).filter(|name| shape.of_member(name).is_some());
    names.any(|name| token.find_member(name).is_err())
        || shape.members().any(|name| token.find_member(name).is_err())
}

/// RFC 8725 §3.8: the pair, and never the subject alone. An issuer identifier has no fragment (RFC 8414 §2), so everything
/// before the first `#` is the issuer, and no two pairs have one text.
fn id(token: &ValidatedToken) -> Result<String, &'static str> {
    let identity = token.identity().ok_or("the token does not say both issuer and subject")?;
    if identity.issuer.contains('#') {
        return Err("the issuer of the token has a `#`, which ends issuers in identifiers of principals");
    }
    Ok(format!("{}#{}", identity.issuer, identity.subject))
}

fn roles(token: &ValidatedToken) -> Result<Vec<String>, &'static str> {
    let mut roles = Vec::new();
    let told = token.lists_role(|role| {
        roles.push(role.to_owned());
        false
    });
    told.map(|_| roles).ok_or("the roles of the token cannot be told")
}

fn scopes(token: &ValidatedToken) -> Result<Vec<String>, &'static str> {
    // No scope is empty, so this asks only whether they can be read.
    let told = token.lists_scope("");
    told.map(|_| token.scopes().iter().map(str::to_owned).collect())
        .ok_or("the scopes of the token cannot be told")
}
