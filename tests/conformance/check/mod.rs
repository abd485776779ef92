//! Rows, reasons, sources and logs in; the page and a list of problems out. Reads no file but in `files`.

mod command;
mod files;
mod judge;
mod logs;
mod page;
mod rows;
mod sources;

pub(crate) use command::{Command, Mode};
pub(crate) use files::Inputs;
pub(crate) use judge::Report;
