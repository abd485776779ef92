use super::decide::Policy;
use super::decision::{Decision, Denial};
use super::explanation::{Considered, Explanation, Verdict};
use super::input::PolicyInput;

/// Two policies, of which one decides and the other only says what it would have decided. Made by [`shadow`].
#[derive(Clone, Debug)]
pub struct Shadow<P, C> {
    enforced: P,
    candidate: C,
}

/// Enforces `enforced`, and tells what `candidate` would have changed: to try a policy on real requests before it counts.
///
/// Each request that is put to it and of which the two think differently is an event of the target `portcullis::policy`, level INFO, with `would` (`deny`
/// or `allow`), `method`, `rule` where the one that denies is a table, and its `reason`; nothing of the token, the path or the
/// client. Requests without a token are put to it where `enforced` takes such: where it does not, no event says that `candidate`
/// would let them in. A service that had no policy yet is `shadow(anyone(), candidate)` or `shadow(authenticated(), candidate)`.
///
/// Only the decision of the candidate is kept apart: its predicates run for each request, and a panic in one of them is one of
/// the request.
///
/// ```
/// use portcullis::{Claims, Decision, Policy as _, PolicyInput, ValidatedToken, authenticated, scope, shadow};
///
/// let policy = shadow(authenticated(), scope("orders:read"));
/// let token = ValidatedToken::assertion(Claims::from_json("{}")?);
/// let request = http::Request::get("/orders").body(())?;
/// // Admitted, and an event says that it would not be.
/// assert_eq!(policy.decide(&PolicyInput::of(Some(&token), &request)), Decision::Allow);
/// assert!(matches!(policy.decide(&PolicyInput::of(None, &request)), Decision::Deny(_)));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn shadow<P: Policy, C: Policy>(enforced: P, candidate: C) -> Shadow<P, C> {
    Shadow { enforced, candidate }
}

impl<P: Policy, C: Policy> Policy for Shadow<P, C> {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        let decision = self.enforced.decide(input);
        match (&decision, &self.would_decide(input)) {
            (Decision::Allow, Decision::Deny(denial)) => report("deny", input, denial),
            (Decision::Deny(denial), Decision::Allow) => report("allow", input, denial),
            _ => {}
        }
        decision
    }

    fn takes_anonymous(&self) -> bool {
        self.enforced.takes_anonymous()
    }

    fn explain(&self, input: &PolicyInput<'_>) -> Explanation {
        let candidate = match self.would_decide(input) {
            Decision::Allow => Considered::new("shadow", Verdict::Met),
            Decision::Deny(denial) => Considered::new("shadow", Verdict::NotMet).because(denial.to_string()),
        };
        let parts = self.candidate.explain(input).considered().to_vec();
        self.enforced.explain(input).considering(candidate.with_parts(parts))
    }
}

impl<P, C: Policy> Shadow<P, C> {
    /// As a layer would ask the candidate.
    fn would_decide(&self, input: &PolicyInput<'_>) -> Decision {
        if input.token().is_none() && !self.candidate.takes_anonymous() {
            return Decision::Deny(Denial::because("the request has no token"));
        }
        self.candidate.decide(input)
    }
}

/// `denial` is that of whichever of the two denies.
fn report(would: &str, input: &PolicyInput<'_>, denial: &Denial) {
    let (method, rule) = (input.method().as_str(), denial.rule());
    tracing::info!(target: "portcullis::policy", would, method, rule, reason = %denial, "shadow policy differs");
}
