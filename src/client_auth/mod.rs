//! How this service says who it is, where it is the client of an authorization server (RFC 6749 §2.3): one
//! implementation for each endpoint that wants to know.

mod assertion;
mod authentication;
mod authenticator;
mod basic;
mod private_key;

pub use authentication::ClientAuthentication;
pub(crate) use authenticator::Authenticator;
pub use private_key::PrivateKey;
