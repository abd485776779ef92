use std::fmt;
use std::sync::Arc;

use super::layout::{ClaimMapping, ScopesAt, TokenLayout};
use super::roles::RolesAs;
use crate::claims::{ClaimPath, ClaimPosition, Claims, NumericDate, Scopes, Unreadable};
use crate::json::Value;

/// An access token that passed validation: the principal of a request.
///
/// A handle to shared claims: cloning it copies a pointer. In Axum it is an extractor; elsewhere
/// [`ValidatedToken::of`] reads it from a request's extensions.
///
/// What it does *not* say: that the token is still valid when you look. A long-lived stream (WebSocket, SSE,
/// gRPC streaming) outlives `exp` unless its handler looks at [`expires_at`](Self::expires_at).
#[derive(Clone)]
pub struct ValidatedToken {
    shared: Arc<Shared>,
}

struct Shared {
    claims: Claims,
    /// Who was asked about the token, if somebody was.
    answered_by: Option<Box<str>>,
    /// The claims that name the client, of which the first that is there counts.
    client: &'static [&'static str],
    layout: &'static TokenLayout,
    scopes: Granted,
    roles: Result<Option<ClaimPosition>, NotTold>,
    roles_as: RolesAs,
}

/// Where the scopes of one token are.
#[derive(Clone, Copy)]
enum Granted {
    /// In `scope`.
    Registered,
    Nowhere,
    Words(ClaimPosition),
    List(ClaimPosition),
    /// In the claim that the configuration names, whichever of the two it is.
    Either(ClaimPosition),
    NotTold(NotTold),
}

/// Why scopes or roles cannot be told.
#[derive(Clone, Copy)]
enum NotTold {
    /// The path to them leads through something that is no object.
    Unreadable,
    /// They were too many, so the issuer left them out.
    LeftOut,
}

impl ValidatedToken {
    /// Asserts that `claims` were validated. Whoever calls this vouches for signature or source, issuer,
    /// audience and expiry. To review where validated tokens come from, look for this name: beside it there are
    /// only JWTs that the crate verified, and answers of issuers about tokens (RFC 7662).
    ///
    /// Roles are read from the claim `roles`. A token with a `cnf` claim is refused by the layer all the same,
    /// because its binding was not verified.
    #[must_use]
    pub fn assertion(claims: Claims) -> Self {
        let roles_at = TokenLayout::GENERIC.roles.map(ClaimPath::member);
        Self::new(
            claims,
            &ClaimMapping {
                layout: &TokenLayout::GENERIC,
                scopes_at: None,
                roles_at,
                roles_as: RolesAs::Array,
                answered_by: None,
            },
        )
    }

    /// Roles and scopes are found here once, so that a decision does not look for them.
    pub(crate) fn new(claims: Claims, mapping: &ClaimMapping) -> Self {
        let layout = mapping.layout;
        let roles = match &mapping.roles_at {
            Some(path) if layout.leaves_out(path.first(), &claims) => Err(NotTold::LeftOut),
            Some(path) => claims.find(path).map_err(|_| NotTold::Unreadable),
            None => Ok(None),
        };
        let absent = |name| {
            let left_out = layout.leaves_out(Some(name), &claims);
            if left_out { Granted::NotTold(NotTold::LeftOut) } else { Granted::Nowhere }
        };
        let at = |name, granted: fn(ClaimPosition) -> Granted| {
            claims.position(name).map_or_else(|| absent(name), granted)
        };
        // RFC 7662 §2.2 names the members of an answer, whatever the JWTs of its issuer are like.
        let named_by = if mapping.answered_by.is_some() { &TokenLayout::GENERIC } else { layout };
        let scopes = match (&mapping.scopes_at, named_by.scopes) {
            (Some(path), _) if layout.leaves_out(path.first(), &claims) => Granted::NotTold(NotTold::LeftOut),
            (Some(path), _) => match claims.find(path) {
                Ok(position) => position.map_or(Granted::Nowhere, Granted::Either),
                Err(_) => Granted::NotTold(NotTold::Unreadable),
            },
            (None, ScopesAt::Registered) if claims.has_scope() => Granted::Registered,
            (None, ScopesAt::Registered) => absent("scope"),
            (None, ScopesAt::Nowhere) => Granted::Nowhere,
            (None, ScopesAt::Words(name)) => at(name, Granted::Words),
            (None, ScopesAt::List(name)) => at(name, Granted::List),
        };
        let answered_by = mapping.answered_by.clone();
        Self {
            shared: Arc::new(Shared {
                claims,
                answered_by,
                client: named_by.client,
                layout,
                scopes,
                roles,
                roles_as: mapping.roles_as,
            }),
        }
    }

    /// The token's claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.shared.claims
    }

    /// Who issued the token: `iss`, or the issuer that was asked about it where its answer does not say (RFC 7662 §2.2). Of the two,
    /// [`Claims::issuer`](crate::Claims::issuer) is the first alone. `None` where neither is known, as a validator of
    /// your own may have it.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.claims().issuer().or(self.shared.answered_by.as_deref())
    }

    /// `sub`: whom the token speaks for, unique within its issuer only.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.claims().subject()
    }

    /// Who the subject is, for all issuers: keep this, not the subject alone, where users are stored or compared
    /// (RFC 9700 §4.15). `None` if the token has no [issuer](Self::issuer) or no `sub`.
    #[must_use]
    pub fn identity(&self) -> Option<Identity<'_>> {
        Some(Identity { issuer: self.issuer()?, subject: self.subject()? })
    }

    /// Whom the token was issued to: `client_id` (RFC 9068 §2.2) or else `azp`, or the claim that a provider's preset
    /// reads instead. Of an introspected token, `client_id` (RFC 7662 §2.2) or else `azp`, whatever the preset. `None` if the token
    /// does not say. The claim `client_id` alone is [`Claims::client_id`](crate::Claims::client_id).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.claims().first_text(self.shared.client)
    }

    /// What the client was granted: `scope`, or the claim that `scopes_at` or a provider's preset reads instead. Of an
    /// introspected token, `scope` (RFC 7662 §2.2), or what `scopes_at` names, whatever the preset. Empty where that claim is absent
    /// or cannot be read.
    #[must_use]
    pub fn scopes(&self) -> Scopes<'_> {
        self.readable_scopes().unwrap_or_else(Scopes::none)
    }

    /// Whether the token has this scope, where "it cannot be told" must not be mistaken for "no".
    pub(crate) fn lists_scope(&self, scope: &str) -> Option<bool> {
        self.readable_scopes()?.lists(scope)
    }

    fn readable_scopes(&self) -> Option<Scopes<'_>> {
        let claims = self.claims();
        match self.shared.scopes {
            Granted::Registered => Some(claims.scopes()),
            Granted::Nowhere => Some(Scopes::none()),
            Granted::Words(position) => claims.scopes_in_words(position),
            Granted::List(position) => claims.scopes_in_list(position),
            Granted::Either(position) => {
                claims.scopes_in_words(position).or_else(|| claims.scopes_in_list(position))
            }
            Granted::NotTold(_) => None,
        }
    }

    /// `exp`: the instant from which the token is expired.
    #[must_use]
    pub fn expires_at(&self) -> Option<NumericDate> {
        self.claims().expires_at()
    }

    /// Whether the claim that holds roles (`roles`, or where `roles_at` says) lists this one. The comparison
    /// is case-sensitive and by whole name. A claim that is no list of names lists nothing.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.lists_role(|held| held == role) == Some(true)
    }

    /// Whether that claim lists a role that `is_wanted`, where "it cannot be told" must not be mistaken for "no".
    pub(crate) fn lists_role(&self, is_wanted: impl FnMut(&str) -> bool) -> Option<bool> {
        match self.shared.roles {
            Ok(Some(roles)) => self.shared.roles_as.lists(self.claims().at(roles), is_wanted),
            Ok(None) => Some(false),
            Err(_) => None,
        }
    }

    /// The value at the end of `path`; `None` if it is not there. `Err` where it cannot be told: what an issuer left out
    /// is somewhere else, whatever is here.
    pub(crate) fn find_claim(&self, path: &ClaimPath) -> Result<Option<Value<'_>>, Unreadable> {
        if self.shared.layout.leaves_out(path.first(), self.claims()) {
            return Err(Unreadable);
        }
        self.claims().value_at(path)
    }

    /// The same of a top-level member; `null` counts as absent.
    pub(crate) fn find_member(&self, name: &str) -> Result<Option<Value<'_>>, Unreadable> {
        if self.shared.layout.leaves_out(Some(name), self.claims()) {
            return Err(Unreadable);
        }
        Ok(self.claims().member(name).filter(|value| !value.is_null()))
    }

    /// Whether the issuer left out the list of groups that roles or scopes are read from.
    pub(crate) fn leaves_out_groups(&self) -> bool {
        matches!(self.shared.roles, Err(NotTold::LeftOut))
            || matches!(self.shared.scopes, Granted::NotTold(NotTold::LeftOut))
    }

    /// Whether the token speaks for a user, and not for a client on its own behalf. `None` where it does not say.
    pub(crate) fn speaks_for_user(&self) -> Option<bool> {
        self.shared.layout.user.judge(self.claims(), self.client_id())
    }

    /// Whether both are handles to the same validated claims.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

/// A subject and the issuer that knows it. Two issuers may give the same subject to two people: they are two identities
/// (RFC 7519 §4.1.2, RFC 8725 §3.8).
///
/// ```
/// use portcullis::{Claims, ValidatedToken};
///
/// let token = |issuer| {
///     let claims = Claims::from_json(&format!(r#"{{"iss":"https://{issuer}.example","sub":"alice"}}"#)).unwrap();
///     ValidatedToken::assertion(claims)
/// };
/// assert_eq!(token("a").identity(), token("a").identity());
/// assert_ne!(token("a").identity(), token("b").identity());
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Identity<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `sub`.
    pub subject: &'a str,
}

impl<'a> Identity<'a> {
    /// This subject of this issuer.
    #[must_use]
    pub const fn new(issuer: &'a str, subject: &'a str) -> Self {
        Self { issuer, subject }
    }
}

impl fmt::Debug for Identity<'_> {
    // Who somebody is belongs to them, not to a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl fmt::Debug for ValidatedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidatedToken").finish_non_exhaustive()
    }
}
