//! The issuers whose tokens a server takes: their settings, and the closed set made of them.

#[cfg(feature = "policy-file")]
mod change;
mod client;
mod context;
mod handle;
mod introspection;
mod key_settings;
mod preset;
mod presets;
mod shown;
mod status;
mod trusted;

#[cfg(feature = "policy-file")]
pub(crate) use change::IssuerChange;
pub(crate) use context::Context;
pub use handle::Issuers;
pub use introspection::Introspection;
pub use status::{IssuerNotReady, IssuerStatus, NotReady};
pub use trusted::TrustedIssuer;
