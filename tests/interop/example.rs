//! The examples of this crate: the programs under test.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Builds an example from the sources as they are now: an old one would prove nothing.
pub(crate) fn build(name: &str) -> PathBuf {
    // We are <target directory>/<profile>/deps/interop-<hash>.
    let ourselves = std::env::current_exe().unwrap();
    let target_directory = ourselves.ancestors().nth(3).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--example", name, "--message-format", "json-render-diagnostics", "--target-dir"]);
    let output = cargo.arg(target_directory).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "`cargo build --example {name}` failed: {}", output.status);
    built_program(&String::from_utf8(output.stdout).unwrap())
}

/// Cargo tells what it made, one JSON object per line; only programs are executable.
fn built_program(messages: &str) -> PathBuf {
    #[derive(serde::Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    messages.lines().find_map(|line| serde_json::from_str::<Message>(line).unwrap().executable).unwrap()
}
