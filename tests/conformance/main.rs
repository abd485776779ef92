//! Makes CONFORMANCE.md, and checks it, from the rows, the sources and the logs of the test runs.
//!
//! `README.md` in this folder explains the rows. The tests of what happens here are in `tests/it/conformance.rs`.

mod check;

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use check::{Command, Inputs, Mode, Report};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let problems = run(&arguments).unwrap_or_else(|problem| vec![problem]);
    for problem in &problems {
        eprintln!("conformance: {problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Everything that is wrong; an error is what kept it from looking.
fn run(arguments: &[String]) -> Result<Vec<String>, String> {
    let command = Command::parse(arguments)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = root.join("CONFORMANCE.md");
    let report = Report::of(&Inputs::read(root, command.logs)?);
    let named = |error| format!("{}: {error}", page.display());
    match command.mode {
        Mode::Write => {
            fs::write(&page, &report.page).map_err(named)?;
            Ok(report.problems())
        }
        Mode::Check => Ok(report.problems_with(&fs::read_to_string(&page).map_err(named)?)),
    }
}
