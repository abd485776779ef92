use http::HeaderValue;

use super::rejection::{Reason, Rejection, RejectionKind};
use crate::bearer::{Challenge, Protection};

/// The challenges of a server. All but those that name scopes are made once, so that a refusal costs little.
#[derive(Clone, Debug)]
pub(crate) struct Challenges {
    protection: Protection,
    bare: HeaderValue,
    invalid_request: HeaderValue,
    invalid_token: HeaderValue,
    insufficient_scope: HeaderValue,
}

impl Challenges {
    pub(crate) fn new(protection: Protection) -> Self {
        let with_error = |kind| challenge(&protection, kind).into_header_value();
        Self {
            bare: Challenge::bearer(&protection).into_header_value(),
            invalid_request: with_error(RejectionKind::MalformedCredential),
            invalid_token: with_error(RejectionKind::InvalidToken),
            insufficient_scope: with_error(RejectionKind::Denied),
            protection,
        }
    }

    /// What is asked of the client, if anything is.
    pub(super) fn of(&self, rejection: &Rejection) -> Option<HeaderValue> {
        Some(match rejection.kind() {
            // Nothing is wrong with the client's credential.
            RejectionKind::Unavailable | RejectionKind::LayerMissing => return None,
            // RFC 6750 §3.1: no error code where no authentication was attempted.
            RejectionKind::MissingCredential | RejectionKind::CrossSite => self.bare.clone(),
            RejectionKind::MalformedCredential => self.invalid_request.clone(),
            RejectionKind::InvalidToken => self.invalid_token.clone(),
            kind
            @ (RejectionKind::StepUpRequired | RejectionKind::Denied | RejectionKind::ClaimsMismatch) => {
                match rejection.reason() {
                    Reason::Denied(denial)
                        if denial.step_up().is_some() || !denial.scope_names().is_empty() =>
                    {
                        let challenge = challenge(&self.protection, kind).scope(denial.scope_names());
                        let Some(step_up) = denial.step_up() else {
                            return Some(challenge.into_header_value());
                        };
                        // RFC 9470 §3, all in one challenge.
                        let challenge = challenge.acr_values(step_up.acr_names());
                        challenge.max_age(step_up.longest_age()).into_header_value()
                    }
                    // Where nothing that a client can ask for would cure it, nothing is named.
                    _ => self.insufficient_scope.clone(),
                }
            }
        })
    }
}

fn challenge(protection: &Protection, kind: RejectionKind) -> Challenge<'_> {
    let (challenge, said) = (Challenge::bearer(protection), kind.said());
    match said.error {
        Some(error) => challenge.error(error, said.detail),
        None => challenge,
    }
}
