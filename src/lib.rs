#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Examples and benches print; a library does not.
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod bearer;
mod boxed;
mod builder;
#[cfg(feature = "cedar")]
mod cedar;
mod claims;
mod client_auth;
mod clock;
#[cfg(any(doc, doctest))]
pub mod docs;
mod error;
mod fetch;
mod flight;
mod gate_settings;
mod introspect;
mod issuers;
mod jose;
mod json;
mod jwks;
mod layer;
mod metadata;
#[cfg(feature = "utoipa")]
mod openapi;
mod policy;
#[cfg(feature = "policy-file")]
mod policy_file;
mod reload;
mod secret;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod validate;

pub use bearer::{BearerToken, CredentialError};
pub use boxed::{BoxError, BoxFuture};
pub use builder::ResourceServerBuilder;
#[cfg(feature = "cedar")]
pub use cedar::{CedarPolicy, CedarPolicyBuilder};
pub use claims::{Claims, ClaimsError, ClaimsMismatch, NumericDate, Scopes};
pub use client_auth::{ClientAuthentication, PrivateKey};
pub use clock::{Clock, SystemClock};
pub use error::{ConfigError, ConfigProblem};
pub use fetch::{FetchError, FetchLimits, HttpClient};
pub use introspect::{IntrospectionCounters, IntrospectionFailure, IntrospectionStatus};
pub use issuers::{Introspection, IssuerNotReady, IssuerStatus, Issuers, NotReady, TrustedIssuer};
#[cfg(feature = "pem")]
pub use jose::PemError;
pub use jose::{
    HmacAlgorithm, HmacKey, HmacKeyError, JwkSet, JwkSetError, SignatureAlgorithm, SignatureBackend,
};
pub use jwks::{KeyCounters, KeyError, KeyState, KeyStatus, KeyTiming, KeysUnavailable, KnownKey};
#[cfg(feature = "axum")]
pub use layer::CustomClaims;
pub use layer::{
    Access, EmptyBody, ProblemJson, Refused, Rejection, RejectionKind, Require, RequireLayer, ResourceServer,
    Respond, RespondWith, ResponseFuture,
};
#[cfg(feature = "utoipa")]
pub use openapi::OpenApiSecurity;
pub use policy::{
    AuthorizationDetail, ClaimAt, ClaimValue, Considered, Decision, Denial, Explanation, InvalidScope,
    Policy, PolicyInput, Requirement, ResourceRequirement, Shadow, StepUp, Verdict, Vocabulary,
    VocabularyBuilder, acr, acting, actor, all_of, all_scopes, amr, any_acr, any_of, any_scope, anyone, asks,
    authenticated, authorization_detail, claim, client, issuer, max_age, not, owner, permission, predicate,
    resource_predicate, role, scope, shadow, subject, user,
};
#[cfg(feature = "policy-file")]
pub use policy_file::{FilePolicy, PolicyFile, PolicyFileBuilder};
pub use secret::{Secret, SecretReferenceError};
pub use table::{Coverage, PolicyTable, PolicyTableBuilder, Rule};
pub use token::{Identity, RolesAs, ValidatedToken};
pub use validate::{
    InvalidToken, InvalidTokenKind, Presented, Profile, TokenValidator, Unavailable, UnknownProfile,
    Validation, ValidationError,
};
