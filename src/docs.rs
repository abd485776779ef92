//! Pages of reference, as they stand in the repository's folder `docs`. Here for readers of these docs only: the module
//! is not part of a build.

#[doc = include_str!("../docs/codes.md")]
pub mod codes {}

#[doc = include_str!("../docs/frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("../docs/introspection.md")]
pub mod introspection {}

#[doc = include_str!("../docs/jsonwebtoken.md")]
pub mod jsonwebtoken {}

#[doc = include_str!("../docs/keys.md")]
pub mod keys {}

#[doc = include_str!("../docs/policies.md")]
pub mod policies {}

#[cfg(feature = "policy-file")]
#[doc = include_str!("../docs/policy_file.md")]
pub mod policy_file {}

#[doc = include_str!("../docs/providers.md")]
pub mod providers {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}
