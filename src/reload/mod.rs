//! Files of the configuration that may change while the program runs.

#[cfg(feature = "reqwest")]
mod fresh;
mod patience;
mod reloaded;
mod text_file;

#[cfg(feature = "reqwest")]
pub(crate) use fresh::Fresh;
pub(crate) use reloaded::{Checking, MOST_WAITING, Peeked, Reloaded, Standing};
pub(crate) use text_file::TextFile;
