//! From a presented credential to a validated token.

mod binding;
mod directory;
mod error;
mod jwt;
mod known;
mod names;
mod profile;
mod rules;
mod validator;

pub(crate) use binding::check_binding;
pub(crate) use directory::{Directory, Listing};
pub use error::{InvalidToken, InvalidTokenKind, Unavailable, ValidationError};
pub(crate) use jwt::JwtValidator;
pub(crate) use known::KnownIssuer;
pub(crate) use names::{IssuerName, IssuerNames};
pub use profile::{Profile, UnknownProfile};
pub(crate) use rules::{ClaimRules, DEFAULT_LEEWAY, check_expiry};
pub use validator::{Presented, TokenValidator, Validation};
