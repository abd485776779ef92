//! What a table of rules requires, in an OpenAPI document.

mod security;

pub use security::OpenApiSecurity;
