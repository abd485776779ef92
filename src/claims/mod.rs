//! What a token states: the JWT Claims Set of RFC 7519 §4.

mod error;
mod numeric_date;
mod path;
mod scopes;
mod set;

pub use error::{ClaimsError, ClaimsMismatch};
pub use numeric_date::NumericDate;
pub(crate) use path::{ClaimPath, Unreadable};
pub use scopes::Scopes;
pub use set::Claims;
pub(crate) use set::{ClaimPosition, lists};
