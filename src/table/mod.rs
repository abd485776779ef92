//! Rules by method and path.

mod builder;
mod canonical;
mod coverage;
mod explain;
mod governed;
mod methods;
mod policy_table;
mod rule;
mod spellings;
mod template;
mod tree;

pub use builder::PolicyTableBuilder;
#[cfg(feature = "cedar")]
pub(crate) use canonical::ambiguity;
pub use coverage::Coverage;
#[cfg(feature = "utoipa")]
pub(crate) use governed::Governed;
pub use policy_table::PolicyTable;
pub use rule::Rule;
