//! Programs for Node.js in `interop/`, and their packages.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::process::run;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop");

/// One of our programs, with the packages it needs.
pub(crate) fn node(script: &str) -> Command {
    install();
    let mut node = Command::new("node");
    node.current_dir(DIRECTORY).arg(script);
    node
}

/// Installs the packages that the lock file names, unless an earlier run did.
pub(crate) fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let run = |program: &str, argument: &str| {
            run("Node.js and npm", Command::new(program).arg(argument).current_dir(DIRECTORY));
        };
        run("node", "--version");
        let changed =
            |file: &str| fs::metadata(Path::new(DIRECTORY).join(file)).and_then(|file| file.modified());
        // npm writes this file last.
        let installed = changed("node_modules/.package-lock.json");
        if installed.is_err() || installed.unwrap() < changed("package-lock.json").unwrap() {
            run("npm", "ci");
        }
    });
}
