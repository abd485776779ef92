//! Who may do what: policies over a validated token and the facts of its request.

mod decide;
mod decision;
mod requirement;

pub use decide::{Policy, PolicyInput};
pub use decision::{Decision, Denial};
pub use requirement::{
    InvalidScope, Requirement, all_scopes, any_scope, anyone, authenticated, not, role, scope, user,
};
