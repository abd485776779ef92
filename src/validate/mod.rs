//! From a presented credential to a validated token.

mod binding;
mod entra;
mod error;
mod jwt;
mod kind;
mod kubernetes;
mod profile;
mod providers;
mod rules;
mod validator;

pub(crate) use binding::check_binding;
pub(crate) use entra::{ANY_TENANT, ENTRA_V1, ENTRA_V2};
pub use error::{InvalidToken, InvalidTokenKind, Unavailable, ValidationError};
pub(crate) use jwt::JwtValidator;
pub(crate) use kind::{AudienceRule, IssuerRule, TokenKind};
pub(crate) use kubernetes::KUBERNETES;
pub use profile::{Profile, UnknownProfile};
pub(crate) use providers::{AUTH0, COGNITO, GITHUB_ACTIONS, GOOGLE, KEYCLOAK, OKTA};
pub(crate) use rules::{ClaimRules, DEFAULT_LEEWAY, check_expiry};
pub use validator::{Presented, TokenValidator, Validation};
