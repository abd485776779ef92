//! What is read, as text.

use std::fs;
use std::path::{Path, PathBuf};

/// Everything that a report depends on. Files are pairs of name and text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) requirements: String,
    pub(crate) hostile: String,
    pub(crate) modules: String,
    pub(crate) reasons: String,
    pub(crate) sources: Vec<(String, String)>,
    pub(crate) logs: Vec<(String, String)>,
}

impl Inputs {
    /// Reads the repository at `root`, and these logs.
    pub(crate) fn read(root: &Path, logs: &[String]) -> Result<Self, String> {
        let row_file = |name: &str| text(&root.join("tests/conformance").join(name));
        let mut sources = Vec::new();
        for folder in ["src", "tests", "benches", "examples"] {
            for path in rust_files(&root.join(folder))? {
                let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                sources.push((name, text(&path)?));
            }
        }
        Ok(Self {
            requirements: row_file("requirements.jsonl")?,
            hostile: row_file("hostile.jsonl")?,
            modules: row_file("modules.jsonl")?,
            reasons: row_file("reasons.jsonl")?,
            sources,
            logs: logs
                .iter()
                .map(|log| Ok((log.clone(), text(Path::new(log))?)))
                .collect::<Result<_, String>>()?,
        })
    }
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// In a stable order.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let named = |error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(named)? {
        let path = entry.map_err(named)?.path();
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
