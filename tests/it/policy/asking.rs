//! Requirements that are asked without a layer around them.

use std::time::Duration;

use http::Request;
use portcullis::{
    Claims, Decision, Denial, Policy as _, PolicyInput, Requirement, ValidatedToken, Verdict, not,
};

use crate::support::NOW;

#[expect(clippy::needless_pass_by_value, reason = "so that a call reads well")]
pub(super) fn token(claims: impl ToString) -> ValidatedToken {
    ValidatedToken::assertion(Claims::from_json(claims.to_string()).unwrap())
}

/// What is decided about a GET by this token, where manual clocks start.
pub(super) fn decide(requirement: &Requirement, token: Option<&ValidatedToken>) -> Decision {
    let request = Request::get("/").body(()).unwrap();
    requirement.decide(&PolicyInput::of(token, &request).at(Duration::from_secs(NOW)))
}

pub(super) fn allows(requirement: &Requirement, claims: impl ToString) -> bool {
    decide(requirement, Some(&token(claims))) == Decision::Allow
}

#[track_caller]
pub(super) fn denial(requirement: &Requirement, token: &ValidatedToken) -> Denial {
    match decide(requirement, Some(token)) {
        Decision::Deny(denial) => denial,
        Decision::Allow => panic!("{requirement} is met"),
    }
}

/// What is found out about a requirement: `None` where it cannot be told.
pub(super) fn found(requirement: &Requirement, token: Option<&ValidatedToken>) -> Option<bool> {
    let request = Request::get("/").body(()).unwrap();
    let input = PolicyInput::of(token, &request).at(Duration::from_secs(NOW));
    let explanation = requirement.explain(&input);
    assert_eq!(explanation.decision(), &decide(requirement, token), "{requirement}");
    match explanation.considered()[0].verdict() {
        Verdict::Met => Some(true),
        Verdict::NotMet => Some(false),
        Verdict::CannotTell => None,
        other => panic!("{requirement}: {other}"),
    }
}

/// The same by these claims; and what is decided follows from it, for the requirement and for its opposite.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "so that a call reads well")]
pub(super) fn assert_found(requirement: &Requirement, claims: impl ToString, expected: Option<bool>) {
    let (claims, opposite) = (claims.to_string(), not(requirement.clone()));
    assert_eq!(found(requirement, Some(&token(&claims))), expected, "{requirement} / {claims}");
    assert_eq!(allows(requirement, &claims), expected == Some(true), "{requirement} / {claims}");
    assert_eq!(allows(&opposite, &claims), expected == Some(false), "{opposite} / {claims}");
}
