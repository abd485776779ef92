//! From a presented credential to a validated token.

mod binding;
mod error;
mod jwt;
mod profile;
mod rules;
mod validator;

pub(crate) use binding::check_binding;
pub use error::{InvalidToken, InvalidTokenKind, Unavailable, ValidationError};
pub(crate) use jwt::JwtValidator;
pub use profile::{Profile, UnknownProfile};
pub(crate) use rules::{ClaimRules, DEFAULT_LEEWAY, check_expiry};
pub use validator::{Presented, TokenValidator, Validation};
