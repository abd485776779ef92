//! From a presented credential to a validated token.

mod binding;
mod directory;
mod entra;
mod error;
mod facts;
mod generic;
mod introspected;
mod issuer_validator;
mod jwt;
mod kind;
mod known;
mod kubernetes;
mod names;
mod profile;
mod providers;
mod rules;
mod validator;
mod way;

pub(crate) use binding::check_binding;
pub(crate) use directory::{Directory, Listing};
pub(crate) use entra::{ANY_TENANT, ENTRA_V1, ENTRA_V2};
pub use error::{InvalidToken, InvalidTokenKind, Unavailable, ValidationError};
pub(crate) use introspected::{AnswerRules, Introspected, IntrospectedTokens};
pub(crate) use issuer_validator::IssuerValidator;
pub(crate) use kind::{AudienceRule, IssuerRule, TokenKind};
pub(crate) use known::KnownIssuer;
pub(crate) use kubernetes::KUBERNETES;
pub(crate) use names::{IssuerName, IssuerNames};
pub use profile::{Profile, UnknownProfile};
pub(crate) use providers::{AUTH0, COGNITO, GITHUB_ACTIONS, GOOGLE, KEYCLOAK, OKTA};
pub(crate) use rules::{ClaimRules, DEFAULT_LEEWAY, check_expiry};
pub use validator::{Presented, TokenValidator, Validation};
