use super::error::InvalidToken;
use crate::claims::Claims;
use crate::jose::{MediaType, SignatureAlgorithm};
use crate::token::TokenLayout;

/// One kind of access token as data: how it is known from the other tokens that its issuer signs with the same keys,
/// and where it says what.
pub(crate) struct TokenKind {
    pub(crate) name: &'static str,
    /// Where its publisher describes it.
    pub(crate) source: &'static str,
    pub(crate) issuers: IssuerRule,
    /// The issuer that a key may name in its member `issuer` to serve every tenant. `None`: that member is not looked at.
    pub(crate) keys_of_every_tenant: Option<&'static str>,
    /// What `typ` of the header may be.
    pub(crate) typs: &'static [&'static str],
    pub(crate) typ_may_be_missing: bool,
    /// The kind to name to an operator whose tokens have another `typ`.
    pub(crate) laxer: Option<&'static Self>,
    /// Claims that are there, or of which one is.
    pub(crate) required: &'static [&'static [&'static str]],
    /// Claims that have one of these values.
    pub(crate) values: &'static [(&'static str, &'static [&'static str])],
    /// Claims that mark another kind of token.
    pub(crate) markers: &'static [(&'static str, Marks)],
    /// Those of them that this kind carries all the same.
    pub(crate) carries: &'static [&'static str],
    /// What the publisher signs with. Empty: with any asymmetric algorithm.
    pub(crate) algorithms: &'static [SignatureAlgorithm],
    pub(crate) audience: AudienceRule,
    /// What an operator should know about tokens for another audience.
    pub(crate) audience_hint: Option<&'static str>,
    pub(crate) layout: TokenLayout,
    /// What is no list of names and values.
    pub(crate) beyond: Option<Check>,
}

/// Which issuers such tokens name.
#[derive(Clone, Copy)]
pub(crate) enum IssuerRule {
    /// The configured one (RFC 9068 §4).
    Configured,
    /// One for each tenant, domain or the like.
    Template(&'static str),
    /// Any of these.
    OneOf(&'static [&'static str]),
}

/// How a token names whom it is meant for.
#[derive(Clone, Copy)]
pub(crate) enum AudienceRule {
    /// By `aud` (RFC 9068 §4).
    Audience,
    /// By the client that it was issued to, which this claim names. If there is an `aud`, it counts too.
    Client(&'static str),
}

/// When a claim marks another kind of token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Marks {
    /// Whenever it is there, `null` included.
    Always,
    /// With one of these values.
    As(&'static [&'static str]),
    /// With any value but this one.
    Unless(&'static str),
}

/// A check of its own. It is told which tenant's issuer the token names.
#[derive(Clone, Copy)]
pub(crate) struct Check {
    /// In words, for people.
    pub(crate) says: &'static str,
    pub(crate) holds: fn(&Claims, Option<&str>) -> Result<(), InvalidToken>,
}

impl TokenKind {
    pub(super) fn check_typ(&self, typ: Option<MediaType<'_>>) -> Result<(), InvalidToken> {
        if self.takes_typ(typ) {
            return Ok(());
        }
        let fitting = self.laxer.filter(|kind| kind.takes_typ(typ));
        Err(InvalidToken::wrong_typ(self.name, fitting.map(|kind| kind.name)))
    }

    fn takes_typ(&self, typ: Option<MediaType<'_>>) -> bool {
        typ.map_or(self.typ_may_be_missing, |typ| self.typs.iter().any(|accepted| typ.is(accepted)))
    }

    /// `tenant`: whose issuer the token names, where the issuers are those of tenants.
    pub(super) fn check_claims(&self, claims: &Claims, tenant: Option<&str>) -> Result<(), InvalidToken> {
        let missing = |names: &&[&'static str]| !names.iter().any(|name| has(claims, name));
        if let Some(name) = self.required.iter().copied().find(missing).and_then(<[_]>::first) {
            return Err(InvalidToken::missing(name));
        }
        self.markers
            .iter()
            .filter(|(name, _)| !self.carries.contains(name))
            .try_for_each(|(name, marks)| marks.check(name, claims))?;
        for (name, accepted) in self.values {
            let value = claims.position(name).ok_or(InvalidToken::missing(name))?;
            if !accepted.iter().any(|accepted| claims.is_text(value, accepted)) {
                return Err(InvalidToken::marked(name));
            }
        }
        self.beyond.map_or(Ok(()), |check| (check.holds)(claims, tenant))
    }
}

/// Whether a claim is there. Those that are not registered are names, and not empty.
fn has(claims: &Claims, name: &str) -> bool {
    match name {
        "sub" => claims.subject().is_some(),
        "client_id" => claims.client_id().is_some(),
        "iat" => claims.issued_at().is_some(),
        "jti" => claims.token_id().is_some(),
        _ => claims.first_text(&[name]).is_some(),
    }
}

impl Marks {
    fn check(&self, name: &'static str, claims: &Claims) -> Result<(), InvalidToken> {
        let Some(value) = claims.member(name) else { return Ok(()) };
        let marked = match self {
            Self::Always => true,
            Self::As(kinds) => value.as_str().is_some_and(|value| kinds.contains(&value)),
            Self::Unless(ours) => value.as_str() != Some(ours),
        };
        if marked { Err(InvalidToken::marked(name)) } else { Ok(()) }
    }
}
