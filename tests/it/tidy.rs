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

    /// Whether the file names this external crate, also where a module of ours has the same name.
    fn uses_crate(&self, name: &str) -> bool {
        let own_module = format!("self::{name}::");
        self.code.replace(&own_module, "").lines().any(|line| {
            let path = format!("{name}::");
            line.match_indices(&path).any(|(at, _)| {
                !line[..at]
                    .ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
            })
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
        for import in source.names_after("crate::") {
            let own = import == source.room();
            assert!(own || allowed.contains(import), "{} imports {import}", source.name);
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
    let mut below = BTreeSet::new();
    for row in &rows {
        for import in &row[3] {
            assert!(below.contains(import), "{} imports {import}, which is not below it", row[1][0]);
        }
        below.insert(row[1][0].clone());
    }
}

#[test]
fn files_of_one_room_do_not_import_each_other_in_a_circle() {
    let sources = sources();
    let mut edges = BTreeMap::<String, BTreeSet<String>>::new();
    for source in sources.iter().filter(|source| !source.name.ends_with("mod.rs")) {
        let folder = source.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let siblings = source.names_after("super::").into_iter().map(|file| format!("{folder}/{file}.rs"));
        edges.insert(source.name.clone(), siblings.collect());
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
        ("Ok(Permitted(", "layer/gate.rs"),
        ("ready.call(", "layer/gate.rs"),
        ("then_some(VerifiedJws(", "jose/key_set.rs"),
        ("Instant::now", "clock.rs"),
        ("SystemTime::now", "clock.rs"),
        ("tokio::spawn", "testing/server.rs"),
        ("runtime.spawn", "jwks/flight.rs"),
    ] {
        let places: Vec<_> =
            sources.iter().filter(|source| source.code.contains(text)).map(|source| &source.name).collect();
        assert_eq!(places, [place], "{text}");
        let source = sources.iter().find(|source| source.name == place).unwrap();
        assert_eq!(source.code.matches(text).count(), 1, "{text}");
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

#[test]
fn every_test_names_what_it_covers_in_a_form_a_program_can_read() {
    let mut paths = Vec::new();
    files_below(&root().join("tests"), "rs", &mut paths);
    files_below(&root().join("src"), "rs", &mut paths);
    let mut rows = BTreeSet::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("// covers: ")) {
            for id in line.split(", ") {
                let (module, number) =
                    id.split_once('-').unwrap_or_else(|| panic!("{id} in {}", path.display()));
                let known = module.len() <= 3 && module.chars().all(|letter| letter.is_ascii_uppercase());
                assert!(known && number.parse::<u16>().is_ok(), "{id} in {}", path.display());
                rows.insert(id.to_owned());
            }
        }
    }
    assert!(rows.len() > 80, "{} rows are covered", rows.len());
}
