//! The command line: a mode, and the logs of the test runs.

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command<'a> {
    pub(crate) mode: Mode,
    pub(crate) logs: &'a [String],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Writes the page, then names what is wrong.
    Write,
    /// Names what is wrong, a page that is not up to date included.
    Check,
}

impl<'a> Command<'a> {
    /// Without logs nothing is known to have passed: that is an error and not an empty result.
    pub(crate) fn parse(arguments: &'a [String]) -> Result<Self, String> {
        let (mode, logs) = match arguments {
            [mode, logs @ ..] if mode == "--write" => (Mode::Write, logs),
            [mode, logs @ ..] if mode == "--check" => (Mode::Check, logs),
            _ => return Err("usage: cargo test --test conformance -- --write|--check LOG..".into()),
        };
        if logs.is_empty() {
            return Err("no log of a test run was given: nothing can be said about any row".into());
        }
        Ok(Self { mode, logs })
    }
}
