//! Who a request is from: a validated token, read the way its issuer writes it.

mod layout;
mod roles;
mod user;
mod validated;

pub(crate) use layout::{ClaimMapping, ScopesAt, TokenLayout};
pub use roles::RolesAs;
pub(crate) use user::UserRule;
pub use validated::{Identity, ValidatedToken};
