//! Opaque tokens, and the issuers that are asked about them: through the whole layer.

mod answers;
mod members;
mod methods;
mod outages;
mod requests;
mod signed;
mod world;
