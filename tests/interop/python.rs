//! Python programs in `interop/`, and their packages.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::process::run;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop");
/// A virtual environment: nothing is installed outside the build tree.
const ENVIRONMENT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/interop-venv");

/// One of our programs, with the packages it needs.
pub(crate) fn python(script: &str) -> Command {
    install();
    let mut python = Command::new(Path::new(ENVIRONMENT).join("bin/python"));
    python.current_dir(DIRECTORY).arg(script);
    python
}

/// Installs the packages that `requirements.txt` names, unless an earlier run did.
fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let wanted = Path::new(DIRECTORY).join("requirements.txt");
        // Copied last.
        let installed = Path::new(ENVIRONMENT).join("requirements.txt");
        if fs::read(&installed).ok() != Some(fs::read(&wanted).unwrap()) {
            const NEEDS: &str = "Python with the modules venv and pip";
            run(NEEDS, Command::new("python3").args(["-m", "venv", "--clear", ENVIRONMENT]));
            let mut pip = Command::new(Path::new(ENVIRONMENT).join("bin/pip"));
            // Nothing that is not listed, and nothing that runs code to be installed.
            pip.args(["install", "--no-deps", "--only-binary", ":all:", "--requirement"]);
            run(NEEDS, pip.arg(&wanted));
            fs::copy(&wanted, &installed).unwrap();
        }
    });
}
