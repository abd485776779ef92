use std::fmt;

use super::decision::Decision;

/// A decision, and everything that was considered for it: for operators and tests, never for clients.
///
/// It says more than a denial does (what is met, and which rules did not apply), and nothing that is in the token.
/// It prints as lines, a part of something indented below it. Made by [`Policy::explain`](crate::Policy::explain).
///
/// ```
/// use portcullis::{Claims, Policy as _, PolicyInput, ValidatedToken, role, scope};
///
/// let token = ValidatedToken::assertion(Claims::from_json(r#"{"scope":"orders:write"}"#)?);
/// let request = http::Request::post("/orders").body(())?;
/// let policy = scope("orders:write").and(role("clerk"));
/// let explanation = policy.explain(&PolicyInput::of(Some(&token), &request));
/// assert_eq!(explanation.decision(), &policy.decide(&PolicyInput::of(Some(&token), &request)));
/// assert_eq!(
///     explanation.to_string(),
///     "denied: required: scope `orders:write` and role `clerk`; missing: role `clerk`\n\
///      - scope `orders:write` and role `clerk`: not met\n\
///     \x20 - scope `orders:write`: met\n\
///     \x20 - role `clerk`: not met\n"
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    decision: Decision,
    considered: Vec<Considered>,
}

/// One thing that an [`Explanation`] lists: a rule, a requirement, or a part of one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Considered {
    what: String,
    verdict: Verdict,
    because: Option<String>,
    parts: Vec<Self>,
}

/// What came of something that was [considered](Considered).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// The rule is the one for this request.
    Applies,
    /// The rule is not for this request.
    DoesNotApply,
    /// The requirement is met.
    Met,
    /// It is not.
    NotMet,
    /// Neither can be told, which admits nothing: the claim has another shape, or is left out.
    CannotTell,
}

impl Explanation {
    /// Of a decision of which nothing more is known.
    #[must_use]
    pub fn new(decision: Decision) -> Self {
        Self { decision, considered: Vec::new() }
    }

    /// Lists one thing more.
    #[must_use]
    pub fn considering(mut self, considered: Considered) -> Self {
        self.considered.push(considered);
        self
    }

    /// What `decide` says of the same input.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What was considered, in order.
    #[must_use]
    pub fn considered(&self) -> &[Considered] {
        &self.considered
    }
}

impl Considered {
    /// `what` reads as a rule or requirement does, and must not quote the token.
    #[must_use]
    pub fn new(what: impl Into<String>, verdict: Verdict) -> Self {
        Self { what: what.into(), verdict, because: None, parts: Vec::new() }
    }

    /// Adds why; it must not quote the token.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.because = Some(why.into());
        self
    }

    /// Adds the parts that led to it.
    #[must_use]
    pub fn with_parts(mut self, parts: impl IntoIterator<Item = Self>) -> Self {
        self.parts.extend(parts);
        self
    }

    /// The rule or requirement, as it reads.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What came of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Why, where the verdict does not say it all.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.because.as_deref()
    }

    /// The parts that led to it.
    #[must_use]
    pub fn parts(&self) -> &[Self] {
        &self.parts
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        write!(f, "{:depth$}- {}: {}", "", self.what, self.verdict)?;
        if let Some(why) = &self.because {
            write!(f, " ({why})")?;
        }
        writeln!(f)?;
        self.parts.iter().try_for_each(|part| part.write(f, depth.saturating_add(2)))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.decision {
            Decision::Allow => writeln!(f, "allowed")?,
            Decision::Deny(denial) => writeln!(f, "denied: {denial}")?,
        }
        self.considered.iter().try_for_each(|considered| considered.write(f, 0))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applies => "applies",
            Self::DoesNotApply => "does not apply",
            Self::Met => "met",
            Self::NotMet => "not met",
            Self::CannotTell => "cannot be told",
        })
    }
}
