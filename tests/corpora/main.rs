//! The files that fuzzing found worth keeping, judged by their targets again. A binary of its own, because `fuzz/` is
//! outside the package.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails where it stands"
)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[expect(unreachable_pub, reason = "a library of its own in `fuzz/`")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Judges every file of a corpus, and fails with the names of those that do not hold.
#[track_caller]
fn judge(name: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let (mut judged, mut size, mut failed) = (0, 0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        (judged, size) = (judged + 1, size + data.len());
        if catch_unwind(AssertUnwindSafe(|| run(&data))).is_err() {
            failed.push(path);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
    assert!(judged > 20, "a corpus has files");
    assert!(judged <= 150 && size <= 200_000, "{judged} files of {size} bytes: `cargo fuzz cmin {name}`");
}

#[test]
fn every_target_has_a_corpus_and_a_binary_of_its_name() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |folder: &str| {
        let entries = fs::read_dir(fuzz.join(folder)).unwrap();
        let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| stem(&entry.unwrap().path())).collect::<BTreeSet<_>>()
    };
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let targets = names("fuzz_targets");
    assert_eq!(targets, names("corpus"));
    for name in &targets {
        let binary = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(binary.contains(&format!("portcullis_fuzz::{name}::run(data)")), "{name}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

#[test]
fn every_realm_and_scope_of_the_corpus_comes_back_from_its_challenge() {
    judge("challenge", targets::challenge::run);
}

#[test]
fn every_claims_set_of_the_corpus_is_read_as_its_json_says() {
    judge("claims", targets::claims::run);
}

#[test]
fn every_configuration_of_the_corpus_is_a_server_or_an_error_without_secrets() {
    judge("config", targets::config::run);
}

#[test]
fn every_request_of_the_corpus_has_the_credential_that_its_grammar_gives_it() {
    judge("credential", targets::credential::run);
}

#[test]
fn every_answer_of_an_introspection_endpoint_in_the_corpus_says_what_its_json_says() {
    judge("introspection", targets::introspection::run);
}

#[test]
fn every_key_set_of_the_corpus_verifies_with_its_own_keys_only() {
    judge("jwk_set", targets::jwk_set::run);
}

#[test]
fn every_answer_of_an_issuer_in_the_corpus_leads_to_its_keys_or_to_503() {
    judge("metadata", targets::metadata::run);
}

#[test]
fn every_pem_text_of_the_corpus_verifies_with_its_own_keys_only() {
    judge("pem", targets::pem::run);
}

#[test]
fn every_policy_file_of_the_corpus_does_what_its_rules_say_or_has_a_mistake_in_some_line() {
    judge("policy_file", targets::policy_file::run);
}

#[test]
fn every_token_of_the_corpus_is_admitted_exactly_if_it_keeps_the_rules() {
    judge("token", targets::token::run);
}
