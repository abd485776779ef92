//! Opaque tokens, and the issuers that are asked about them: through the whole layer.

mod answers;
mod cache;
mod concurrency;
mod members;
mod methods;
mod outages;
mod place;
mod requests;
mod signed;
mod site;
mod ways;
mod world;
