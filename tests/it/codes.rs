//! The page of codes, held against the code. That each refusal is answered as its row says is asserted wherever a test
//! asserts a refusal (`support::Answer`).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::table;

fn source(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)).unwrap()
}

/// What stands in quotes after each `mark`.
fn quoted_after(text: &str, mark: &str) -> impl Iterator<Item = String> {
    text.split(mark).skip(1).filter_map(|after| {
        let literal = after.trim_start().strip_prefix('"')?;
        Some(literal.split('"').next()?.to_owned())
    })
}

#[test]
fn every_code_of_a_refusal_is_on_the_page_and_no_other() {
    let page: BTreeSet<_> = table("| code | status | error | what is wrong |").into_keys().collect();
    let mut codes = BTreeSet::new();
    for name in ["layer/rejection.rs", "validate/error.rs"] {
        let text = source(name);
        let body = text.split("pub fn code(").nth(1).unwrap().split("\n    }\n").next().unwrap();
        codes.extend(quoted_after(body, "=>"));
    }
    assert!(codes.len() > 20, "the codes were found");
    assert_eq!(page, codes);
}

#[test]
fn every_code_of_a_configuration_is_on_the_page_and_no_other() {
    let page: BTreeSet<_> = table("| code | what is wrong |").into_keys().collect();
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut codes = BTreeSet::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for mark in ["problems.add(", "ConfigProblem::new(", "configured("] {
            codes.extend(quoted_after(&text, mark));
        }
    }
    assert!(codes.len() > 15, "the codes were found");
    assert_eq!(page, codes);
    // The lists of `build`, and of what changes a server later, name them too.
    let lists = [
        "builder.rs",
        "cedar/builder.rs",
        "policy_file/file.rs",
        "issuers/handle.rs",
        "policy/vocabulary.rs",
        "policy/vocabulary_builder.rs",
        "table/builder.rs",
    ];
    let lists = lists.map(source).concat();
    for code in &codes {
        assert!(lists.contains(&format!("`{code}`")), "no `# Errors` names {code}");
    }
}
