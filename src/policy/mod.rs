//! Who may do what: policies over a validated token and the facts of its request.

mod anonymous;
mod claim_test;
mod cure;
mod decide;
mod decision;
mod enforce;
mod explanation;
mod form;
mod input;
mod judge;
mod missing;
mod names;
mod predicate;
mod requirement;
#[cfg(feature = "utoipa")]
mod scope_lists;
mod sentence;
mod step_up;
mod term;
mod vocabulary;
mod vocabulary_builder;
mod words;

pub use claim_test::ClaimValue;
pub use decide::Policy;
pub use decision::{Decision, Denial};
pub use explanation::{Considered, Explanation, Verdict};
pub(crate) use input::PathParameters;
pub use input::PolicyInput;
pub use requirement::{InvalidScope, Requirement};
pub use step_up::StepUp;
pub use vocabulary::Vocabulary;
pub use vocabulary_builder::VocabularyBuilder;
pub use words::{
    ClaimAt, acr, all_of, all_scopes, amr, any_acr, any_of, any_scope, anyone, authenticated, claim, client,
    issuer, max_age, not, permission, predicate, role, scope, subject, user,
};
