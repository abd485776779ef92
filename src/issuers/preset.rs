use crate::validate::{IssuerName, TokenKind};

/// What is known about an issuer because it is a well-known provider.
#[derive(Clone)]
pub(super) struct Preset {
    pub(super) kind: &'static TokenKind,
    /// Every `iss` of its tokens, where that is not the identifier alone.
    pub(super) names: Vec<IssuerName>,
    /// Where the metadata is, if not at its usual place, and which issuer it names.
    pub(super) metadata: Option<Metadata>,
    /// The clients whose tokens are taken, where a client stands for the audience.
    pub(super) clients: Vec<String>,
    /// The place of the roles of one client, where those are asked for.
    pub(super) client_roles: Option<String>,
}

/// A metadata document.
#[derive(Clone)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) url: String,
}
