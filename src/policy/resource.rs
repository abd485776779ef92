use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::fact::Fact;
use super::input::PolicyInput;
use super::requirement::Requirement;
use super::term::Term;
use crate::boxed::{BoxError, BoxFuture};
use crate::token::ValidatedToken;

/// A requirement that is about one resource, too: an order, a document, a tenant. Handlers, which have loaded it, put both to
/// [`Access::check`](crate::Access::check).
///
/// [`owner`](crate::owner), [`ClaimAt::equals_resource`](crate::ClaimAt::equals_resource), [`resource_predicate`](crate::resource_predicate)
/// and [`asks`](crate::asks) make one, [`and`](Self::and) and [`or`](Self::or) join it with others and with any [`Requirement`], and [`not`](crate::not) turns it
/// round. It prints as it would be read aloud.
///
/// ```
/// use portcullis::{Identity, ResourceRequirement, claim, owner, role, scope};
///
/// struct Order {
///     owner: (String, String), // issuer and subject
///     tenant: String,
/// }
///
/// fn may_read() -> ResourceRequirement<Order> {
///     owner(|order: &Order| Identity::new(&order.owner.0, &order.owner.1))
///         .or(role("admin"))
///         .or(claim("tenant").equals_resource(|order: &Order| &order.tenant).and(scope("orders:read:all")))
/// }
///
/// assert_eq!(
///     may_read().to_string(),
///     "owner of the resource or role `admin` or (claim `tenant` equal to the resource's and scope `orders:read:all`)"
/// );
/// ```
///
/// What cannot be told is neither met nor not met, as in any requirement. What names mean (roles that include others, permissions)
/// is for a [`Vocabulary`](crate::Vocabulary) to say: [`apply`](crate::Vocabulary::apply) it here, too.
pub struct ResourceRequirement<T: ?Sized> {
    pub(super) requirement: Requirement,
    /// Everything of the resource that the requirement names.
    pub(super) aspects: Vec<(Fact, Aspect<T>)>,
}

/// How to find out about a resource.
pub(super) enum Aspect<T: ?Sized> {
    /// Look.
    Look(Arc<Look<T>>),
    Ask(Question<T>),
}

pub(super) type Look<T> = dyn for<'a> Fn(&'a T, &PolicyInput<'_>) -> Option<bool> + Send + Sync;

/// What somebody else knows: a database, say.
pub(crate) struct Question<T: ?Sized> {
    ask: Arc<Ask<T>>,
    limit: Duration,
}

/// An answer, when it comes.
pub(crate) type Answering<'a> = BoxFuture<'a, Result<bool, BoxError>>;

type Ask<T> = dyn for<'a> Fn(&'a T, &'a ValidatedToken) -> Answering<'a> + Send + Sync;

/// How long an answer may take where nobody says.
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);

impl<T: ?Sized> ResourceRequirement<T> {
    pub(super) fn looking(sentence: &str, look: Arc<Look<T>>) -> Self {
        Self::made_of(sentence, Aspect::Look(look))
    }

    pub(super) fn asking(sentence: &str, ask: Arc<Ask<T>>) -> Self {
        Self::made_of(sentence, Aspect::Ask(Question { ask, limit: DEFAULT_LIMIT }))
    }

    fn made_of(sentence: &str, aspect: Aspect<T>) -> Self {
        let fact = Fact::new(sentence);
        Self { requirement: Requirement(Term::Resource(fact.clone())), aspects: vec![(fact, aspect)] }
    }

    /// Requires both.
    #[must_use]
    pub fn and(self, other: impl Into<Self>) -> Self {
        self.joined(other.into(), Requirement::and)
    }

    /// Requires one or the other.
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        self.joined(other.into(), Requirement::or)
    }

    /// How long the answer to each question that [`asks`](crate::asks) put into this may take. Default: 5 s.
    #[must_use]
    pub fn answered_within(mut self, limit: Duration) -> Self {
        for (_, aspect) in &mut self.aspects {
            if let Aspect::Ask(question) = aspect {
                question.limit = limit;
            }
        }
        self
    }

    fn joined(self, other: Self, join: fn(Requirement, Requirement) -> Requirement) -> Self {
        let Self { requirement, mut aspects } = self;
        aspects.extend(other.aspects);
        Self { requirement: join(requirement, other.requirement), aspects }
    }
}

impl<T: ?Sized> Question<T> {
    pub(crate) fn ask<'a>(&self, resource: &'a T, token: &'a ValidatedToken) -> Answering<'a> {
        (self.ask)(resource, token)
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }
}

impl<T: ?Sized> From<Requirement> for ResourceRequirement<T> {
    fn from(requirement: Requirement) -> Self {
        Self { requirement, aspects: Vec::new() }
    }
}

impl<T: ?Sized> Clone for ResourceRequirement<T> {
    fn clone(&self) -> Self {
        Self { requirement: self.requirement.clone(), aspects: self.aspects.clone() }
    }
}

impl<T: ?Sized> Clone for Aspect<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Look(look) => Self::Look(Arc::clone(look)),
            Self::Ask(Question { ask, limit }) => Self::Ask(Question { ask: Arc::clone(ask), limit: *limit }),
        }
    }
}

impl<T: ?Sized> fmt::Display for ResourceRequirement<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.requirement.fmt(f)
    }
}

impl<T: ?Sized> fmt::Debug for ResourceRequirement<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceRequirement({self})")
    }
}
