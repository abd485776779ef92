//! Authorization server metadata: OpenID Connect Discovery 1.0 and RFC 8414.

mod authorization_server;
mod issuer;
mod place;
mod well_known;

pub(crate) use authorization_server::{DiscoveryError, Wanted, discover};
pub(crate) use issuer::Issuer;
pub(crate) use place::MetadataPlace;
