//! The map of ARCHITECTURE.md, held against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file of `src/`, without its tests and comments.
struct Source {
    /// Such as `layer/gate.rs`.
    name: String,
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn files_below(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
}

fn sources() -> Vec<Source> {
    let (mut paths, src) = (Vec::new(), root().join("src"));
    files_below(&src, "rs", &mut paths);
    let strip = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap();
        let code: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        Source { name, code: code.join("\n") }
    };
    let sources: Vec<_> = paths.into_iter().map(strip).collect();
    assert!(sources.len() > 40, "the sources were found");
    sources
}

impl Source {
    /// The room of the file: its top-level module.
    fn room(&self) -> &str {
        self.name.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// What follows each occurrence of `prefix` that stands at the start of a path, up to the end of the identifier.
    fn names_after(&self, prefix: &str) -> BTreeSet<&str> {
        let is_identifier = |character: char| character.is_alphanumeric() || character == '_';
        self.code
            .match_indices(prefix)
            .filter(|(at, _)| !self.code[..*at].ends_with(|before| is_identifier(before) || before == ':'))
            .map(|(at, _)| {
                let rest = &self.code[at + prefix.len()..];
                &rest[..rest.find(|character| !is_identifier(character)).unwrap_or(rest.len())]
            })
            .collect()
    }

    /// Whether the file names this external crate, also where a module of ours has the same name: as the start of
    /// a path (`name::`, `::name`) or alone in a `use`.
    fn uses_crate(&self, name: &str) -> bool {
        let code = self.code.replace(&format!("self::{name}"), "").replace(&format!("mod {name};"), "");
        let is_identifier = |character: char| character.is_alphanumeric() || character == '_';
        code.match_indices(name).any(|(at, _)| {
            let (before, after) = (&code[..at], &code[at + name.len()..]);
            let in_path = before.ends_with("::") && !before.ends_with(|at: char| is_identifier(at));
            let inner = in_path && before.trim_end_matches(':').ends_with(is_identifier);
            let starts = !before.ends_with(is_identifier) && !inner;
            let alone = before.ends_with("use ") || before.ends_with("extern crate ");
            starts && !after.starts_with(is_identifier) && (after.starts_with("::") || alone)
        })
    }
}

/// The rows of the Markdown table under this header line; backticked names of each cell.
fn table(header: &str) -> Vec<Vec<Vec<String>>> {
    let text = read("ARCHITECTURE.md");
    let rows = text.split(header).nth(1).unwrap_or_else(|| panic!("no table {header}"));
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(names).collect())
        .collect()
}

#[test]
fn every_room_imports_only_what_the_map_allows() {
    let rows = table("| floor | room | holds | may import |");
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        rows.iter().map(|row| (row[1][0].as_str(), row[3].iter().map(String::as_str).collect())).collect();
    let mut seen = BTreeMap::<String, BTreeSet<String>>::new();
    for source in sources() {
        if source.name == "lib.rs" {
            continue;
        }
        let allowed =
            allowed.get(source.room()).unwrap_or_else(|| panic!("{} is not on the map", source.name));
        assert!(!source.code.contains("super::super"), "{} climbs out of its room", source.name);
        let top_level = !source.name.contains('/');
        assert!(!top_level || source.names_after("super::").is_empty(), "{} says `super`", source.name);
        for import in source.names_after("crate::") {
            assert!(allowed.contains(import), "{} imports {import}", source.name);
            seen.entry(source.room().to_owned()).or_default().insert(import.to_owned());
        }
    }
    // And the map promises nothing that nobody uses.
    for (room, imports) in allowed {
        for import in imports {
            let used = seen.get(room).is_some_and(|seen| seen.contains(import));
            assert!(used, "the map lets {room} import {import}, but it does not");
        }
    }
}

#[test]
fn the_map_has_no_way_up() {
    let rows = table("| floor | room | holds | may import |");
    let text = read("ARCHITECTURE.md");
    let (mut below, mut floor_below) = (BTreeSet::new(), 0);
    for row in &rows {
        let room = &row[1][0];
        for import in &row[3] {
            assert!(below.contains(import), "{room} imports {import}, which is not below it");
        }
        below.insert(room.clone());
        let line = text.lines().find(|line| line.contains(&format!("| `{room}` |"))).unwrap();
        let floor: u8 = line.split('|').nth(1).unwrap().trim().parse().unwrap();
        assert!(floor >= floor_below, "{room} stands on a lower floor than the row before it");
        floor_below = floor;
    }
}

#[test]
fn files_of_one_room_do_not_import_each_other_in_a_circle() {
    let sources = sources();
    let mut edges = BTreeMap::<String, BTreeSet<String>>::new();
    for source in sources.iter().filter(|source| !source.name.ends_with("mod.rs")) {
        let folder = source.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let siblings: BTreeSet<_> =
            source.names_after("super::").into_iter().map(|file| format!("{folder}/{file}.rs")).collect();
        // A name that is no file would come through `mod.rs`, where a circle could hide.
        for sibling in &siblings {
            assert!(sources.iter().any(|source| source.name == *sibling), "{}: no {sibling}", source.name);
        }
        edges.insert(source.name.clone(), siblings);
    }
    // Take away, again and again, the files that import nothing that is left.
    while !edges.is_empty() {
        let left: BTreeSet<_> = edges.keys().cloned().collect();
        edges.retain(|_, imports| imports.iter().any(|import| left.contains(import)));
        assert!(edges.len() < left.len(), "a circle among {left:?}");
    }
}

#[test]
fn external_crates_stay_in_their_cages() {
    let sources = sources();
    for row in table("| crate | only in |") {
        let caged: BTreeSet<_> = row[1].iter().map(String::as_str).collect();
        let using: BTreeSet<_> = sources
            .iter()
            .filter(|source| source.uses_crate(&row[0][0]))
            .map(|source| source.name.as_str())
            .collect();
        assert_eq!(using, caged, "{}", row[0][0]);
    }
}

#[test]
fn every_dependency_has_a_cage_or_is_vocabulary() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let names =
        section.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    let caged: BTreeSet<_> =
        table("| crate | only in |").into_iter().map(|mut row| row.swap_remove(0).swap_remove(0)).collect();
    for (name, _) in names {
        let vocabulary = ["bytes", "http", "serde", "thiserror"].contains(&name);
        assert!(vocabulary || caged.contains(&name.replace('-', "_")), "{name} has no cage");
    }
}

#[test]
fn a_mod_file_documents_and_re_exports_and_nothing_else() {
    for source in sources().iter().filter(|source| source.name.ends_with("mod.rs")) {
        for item in
            ["fn ", "struct ", "enum ", "impl ", "trait ", "type ", "const ", "static ", "macro_rules!"]
        {
            assert!(!source.code.contains(item), "{} defines something: {item}", source.name);
        }
    }
}

#[test]
fn a_file_has_one_job_and_fits_on_a_few_screens() {
    for source in sources() {
        let lines = source.code.lines().count();
        assert!(lines <= 300, "{} has {lines} lines of code", source.name);
    }
}

#[test]
fn what_must_happen_in_one_place_happens_in_one_place() {
    let sources = sources();
    for (text, place) in [
        ("Ok(Permitted {", "layer/gate.rs"),
        ("ready.call(self.request)", "layer/gate.rs"),
        ("then_some(VerifiedJws(", "jose/key_set.rs"),
        ("Instant::now", "clock.rs"),
        ("SystemTime::now", "clock.rs"),
        ("tokio::spawn", "testing/server.rs"),
        ("runtime.spawn", "flight.rs"),
        ("thread::Builder", "reload/patience.rs"),
        ("File::open", "reload/text_file.rs"),
    ] {
        let places: Vec<_> =
            sources.iter().filter(|source| source.code.contains(text)).map(|source| &source.name).collect();
        assert_eq!(places, [place], "{text}");
        let source = sources.iter().find(|source| source.name == place).unwrap();
        assert_eq!(source.code.matches(text).count(), 1, "{text}");
    }
}

#[test]
fn nothing_but_the_permit_calls_the_inner_service() {
    for source in sources().iter().filter(|source| source.name.starts_with("layer/")) {
        let calls = source.code.matches(".call(").count();
        let expected = match source.name.as_str() {
            "layer/gate.rs" => 1,   // `Permitted::call` calls the service
            "layer/future.rs" => 1, // and this calls `Permitted::call`
            _ => 0,
        };
        assert_eq!(calls, expected, "{}", source.name);
        let made = source.code.matches("Permitted {").count();
        let expected = if source.name == "layer/gate.rs" { 1 } else { 0 };
        assert_eq!(made, expected, "{}", source.name);
    }
}

#[test]
fn no_document_has_a_placeholder() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"] {
        for line in read(name).lines() {
            let shouted = line.len() > 3 && line.chars().all(|letter| letter.is_ascii_uppercase());
            assert!(!shouted, "{name}: {line}");
        }
    }
}

#[test]
fn what_the_docs_say_about_versions_is_what_the_manifest_says() {
    let manifest = read("Cargo.toml");
    let value = |key: &str| {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    assert!(read("README.md").contains(&format!("Rust {} or later", value("rust-version"))));
    assert!(read("CHANGELOG.md").contains(&format!("## {}", value("version"))));
}
