//! Whether a requirement is met.

use super::actor::{has_actor, is_actor};
use super::fact::Told;
use super::input::PolicyInput;
use super::term::{Grant, Scope, Term};
use super::three_values::{all, any};
use crate::bearer::ScopeName;
use crate::claims::{NumericDate, lists};
use crate::token::ValidatedToken;

/// What a token is taken to say beside what it says: for finding out what would be enough.
#[derive(Clone, Copy, Default)]
pub(super) struct Assumed<'a> {
    pub(super) scopes: &'a [ScopeName],
    /// Authenticated in this class.
    pub(super) acr: Option<&'a ScopeName>,
    /// Authenticated just now.
    pub(super) fresh: bool,
    /// How questions would be answered that nobody has asked yet.
    pub(super) not_asked: Option<bool>,
    /// And those that nobody answered.
    pub(super) unanswered: Option<bool>,
}

impl Assumed<'_> {
    /// What helps a requirement hurts its opposite.
    fn opposite(self) -> Self {
        let opposite = |answer: Option<bool>| answer.map(|met| !met);
        Self { not_asked: opposite(self.not_asked), unanswered: opposite(self.unanswered), ..self }
    }
}

impl Term {
    /// Whether the request's token meets this.
    pub(super) fn is_met(&self, input: &PolicyInput<'_>) -> bool {
        self.judge(input, Assumed::default()) == Some(true)
    }

    /// The same in three values. What cannot be told (a claim for roles or scopes that is no list of names) is
    /// neither met nor not met, so that `not` cannot turn it into an admission.
    pub(super) fn judge(&self, input: &PolicyInput<'_>, assumed: Assumed<'_>) -> Option<bool> {
        let token = input.token()?;
        match self {
            Self::Anyone | Self::Authenticated => Some(true),
            Self::User => token.speaks_for_user(),
            Self::AllScopes(scopes) => all(scopes.iter().map(|scope| scope.is_held(token, assumed))),
            Self::AnyScope(scopes) => any(scopes.iter().map(|scope| scope.is_held(token, assumed))),
            Self::Role(grant) | Self::Permission(grant) => grant.is_held(input, assumed),
            Self::Claim(test) => test.judge(input),
            Self::Client(client) => Some(token.client_id()? == &**client),
            Self::Issuer(issuer) => Some(token.issuer()? == &**issuer),
            Self::Subject { issuer, subject } => {
                let identity = token.identity()?;
                Some(identity.issuer == &**issuer && identity.subject == &**subject)
            }
            Self::Acting => has_actor(token),
            Self::Actor { issuer, subject } => is_actor(token, issuer, subject),
            Self::AuthorizationDetail(test) => test.judge(input),
            Self::Acr(classes) => match assumed.acr {
                Some(class) => Some(classes.contains(class)),
                // RFC 9470 §6.1: a class that is not told is none of those that are asked for.
                None => {
                    let told = token.claims().member("acr")?.as_str()?;
                    Some(classes.iter().any(|class| class.as_str() == told))
                }
            },
            Self::Amr(method) => lists(token.claims().member("amr")?, |entry| entry == &**method),
            Self::MaxAge(age) => {
                if assumed.fresh {
                    return Some(true);
                }
                let at = token.claims().member("auth_time")?.as_number();
                let at = at.and_then(NumericDate::from_seconds)?.since_epoch();
                // Who authenticated in the future did not yet: nobody can tell when it was.
                let now = Some(input.now()).filter(|now| at <= now.saturating_add(input.leeway()))?;
                Some(now <= at.saturating_add(*age).saturating_add(input.leeway()))
            }
            Self::Predicate(predicate) => predicate.judge(input),
            Self::Resource(fact) => match input.told(fact) {
                Told::Answer(answer) => answer,
                Told::NotAsked => assumed.not_asked,
                Told::Unanswered => assumed.unanswered,
            },
            Self::AllOf(parts) => all(parts.iter().map(|part| part.judge(input, assumed))),
            Self::AnyOf(parts) => any(parts.iter().map(|part| part.judge(input, assumed))),
            Self::Not(part) => part.judge(input, assumed.opposite()).map(|met| !met),
        }
    }
}

impl Scope {
    pub(super) fn is_held(&self, token: &ValidatedToken, assumed: Assumed<'_>) -> Option<bool> {
        if assumed.scopes.contains(&self.name) {
            return Some(true);
        }
        let lists = |scope: &ScopeName| token.lists_scope(scope.as_str());
        any(std::iter::once(&self.name).chain(&self.implied_by).map(lists))
    }
}

impl Grant {
    /// What nobody has defined cannot be told, so neither it nor its opposite admits.
    fn is_held(&self, input: &PolicyInput<'_>, assumed: Assumed<'_>) -> Option<bool> {
        let token = input.token().filter(|_| self.is_defined())?;
        let named = || token.lists_role(|role| self.roles.contains(role));
        let named = (!self.roles.is_empty()).then(named);
        any(named.into_iter().chain(self.signs.iter().map(|sign| sign.judge(input, assumed))))
    }
}
