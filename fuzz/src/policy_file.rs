//! A policy file: whatever is in it, it is a policy that does what its rules say, or there is an error for some line of it.

use http::Request;
use portcullis::{Claims, Decision, Policy as _, PolicyFile, PolicyInput, Rule, ValidatedToken, Vocabulary};

/// Every code that a text can have.
const CODES: [&str; 20] = [
    "ambiguous_claim_path",
    "ambiguous_rules",
    "circular_roles",
    "duplicate_issuer",
    "duplicate_rule",
    "empty_name",
    "invalid_claim_path",
    "invalid_member",
    "invalid_requirement",
    "invalid_role_sign",
    "invalid_rule",
    "invalid_scope",
    "invalid_toml",
    "literal_secret",
    "missing_feature",
    "missing_member",
    "unknown_member",
    "unknown_path_parameter",
    "unknown_permission",
    "unknown_predicate",
];

/// The text of a file.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let words = || Vocabulary::builder().predicate("home", |input| input.path() == "/");
    let read = |text: &str| PolicyFile::builder("policy.toml").vocabulary(words()).build_from_text(text);
    let file = match read(text) {
        Ok(file) => file,
        Err(error) => {
            let lines = text.split('\n').count();
            assert!(!error.problems().is_empty() && error.problems().len() <= 1000);
            for problem in error.problems() {
                assert!(CODES.contains(&problem.code()), "{}", problem.code());
                let told = problem.to_string();
                let mut place =
                    told.strip_prefix("policy.toml:").unwrap_or_else(|| panic!("{told}")).splitn(3, ':');
                let mut number =
                    || place.next().and_then(|number| number.parse::<usize>().ok()).unwrap_or_default();
                let (line, column) = (number(), number());
                assert!((1..=lines).contains(&line) && (1..=text.len() + 1).contains(&column), "{told}");
            }
            return;
        }
    };
    // What is behind the text is no part of it, and what is read twice is the same.
    let again = read(&format!("{text}\n# the end")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.table().to_string(), again.table().to_string());
    // Whatever the issuers are, the server is one or there is an error.
    drop(file.server().build());
    for rule in file.table().rules() {
        decide_like(&file, rule);
    }
}

/// For a path without parameters, the rule of the table decides as its requirement does alone.
fn decide_like(file: &PolicyFile, rule: &Rule) {
    let Some([method, ..]) = rule.methods() else { return };
    let Ok(request) = Request::builder().method(method).uri(rule.path()).body(()) else { return };
    if rule.path().contains('{') || request.uri().path() != rule.path() {
        return;
    }
    let claims =
        [r#"{"scope":"a b","roles":["a","admin"]}"#, r#"{"groups":["a"],"sub":"a","client_id":"b"}"#, "{}"];
    let tokens = claims.map(|claims| Claims::from_json(claims).ok().map(ValidatedToken::assertion));
    for token in tokens.iter().map(Option::as_ref).chain([None]) {
        let input = PolicyInput::of(token, &request);
        let alone = rule.requirement().decide(&input);
        let decision = file.table().decide(&input);
        // A table refuses paths that two programs may read differently.
        if decision != Decision::Allow && alone == Decision::Allow {
            let reason = format!("{decision:?}");
            assert!(reason.contains("the path has"), "{reason}");
        } else {
            assert_eq!(decision == Decision::Allow, alone == Decision::Allow, "{rule}");
        }
        assert_eq!(file.table().explain(&input).decision(), &decision);
    }
}
