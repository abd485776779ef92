//! Bearer tokens on the wire: RFC 6750 over the authentication framework of RFC 9110 §11.

mod carrier;
mod challenge;
mod cross_site;
mod extract;
mod scope;
mod token;

pub(crate) use carrier::{Carrier, Carriers, is_token};
pub(crate) use challenge::{Challenge, ErrorUri, Protection, Realm};
pub use extract::CredentialError;
pub(crate) use extract::{CarriedToken, Credential, credential};
pub(crate) use scope::ScopeName;
pub use token::BearerToken;
