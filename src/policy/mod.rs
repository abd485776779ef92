//! Who may do what: policies over a validated token and the facts of its request.

mod actor;
mod anonymous;
mod authorization_detail;
mod claim_test;
mod cure;
mod decide;
mod decision;
mod delegation;
mod detail_form;
mod detail_test;
mod either;
mod enforce;
mod explanation;
mod fact;
mod form;
mod input;
mod inquiry;
mod judge;
mod missing;
mod names;
mod percent;
mod predicate;
mod requirement;
mod resource;
mod resource_words;
#[cfg(feature = "utoipa")]
mod scope_lists;
mod sentence;
mod shadow;
mod step_up;
mod term;
mod three_values;
mod vocabulary;
mod vocabulary_builder;
mod words;

pub use authorization_detail::{AuthorizationDetail, authorization_detail};
pub use claim_test::ClaimValue;
pub use decide::Policy;
pub use decision::{Decision, Denial};
pub use delegation::{acting, actor};
pub use explanation::{Considered, Explanation, Verdict};
pub(crate) use input::PathParameters;
pub use input::PolicyInput;
pub(crate) use inquiry::{Asked, Inquiry, Step};
pub(crate) use percent::octets;
pub use requirement::{InvalidScope, Requirement};
pub use resource::ResourceRequirement;
pub use resource_words::{asks, owner, resource_predicate};
pub use shadow::{Shadow, shadow};
pub use step_up::StepUp;
pub use vocabulary::Vocabulary;
#[cfg(feature = "policy-file")]
pub(crate) use vocabulary_builder::Named;
pub use vocabulary_builder::VocabularyBuilder;
pub use words::{
    ClaimAt, acr, all_of, all_scopes, amr, any_acr, any_of, any_scope, anyone, authenticated, claim, client,
    issuer, max_age, not, permission, predicate, role, scope, subject, user,
};
