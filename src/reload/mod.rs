//! Files of the configuration that may change while the program runs.

mod follower;
mod fresh;
mod patience;
mod reloaded;
mod setting;
mod text_file;

#[cfg(feature = "policy-file")]
pub(crate) use follower::Follower;
pub(crate) use fresh::Fresh;
pub(crate) use reloaded::{Peeked, Reloaded, Standing};
pub(crate) use setting::Setting;
#[cfg(feature = "policy-file")]
pub(crate) use text_file::Digest;
pub(crate) use text_file::TextFile;
