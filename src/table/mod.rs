//! Rules by method and path.

mod builder;
mod canonical;
mod explain;
mod methods;
mod policy_table;
mod rule;
mod spellings;
mod template;
mod tree;

pub use builder::PolicyTableBuilder;
pub use policy_table::PolicyTable;
pub use rule::Rule;
