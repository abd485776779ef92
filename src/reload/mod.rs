//! Files of the configuration that may change while the program runs.

mod patience;
mod reloaded;
mod text_file;

pub(crate) use reloaded::{Reloaded, Standing};
pub(crate) use text_file::TextFile;
