//! Every mistake is told, with its code, its line and its column, and without secrets.

use std::fs;

use portcullis::{ConfigProblem, PolicyFile};

use super::FILE;
use crate::support::Folder;

/// Codes, lines and columns of what is wrong with a text.
fn problems(text: &str) -> Vec<(&'static str, String)> {
    let Err(error) = PolicyFile::builder(FILE).build_from_text(text) else { return Vec::new() };
    let place = |problem: &ConfigProblem| {
        let told = problem.to_string();
        let mut parts = told.strip_prefix("policy.toml:").expect(&told).splitn(3, ':');
        format!("{}:{}", parts.next().unwrap(), parts.next().unwrap())
    };
    error.problems().iter().map(|problem| (problem.code(), place(problem))).collect()
}

#[test]
fn each_mistake_has_its_code_and_its_place() {
    let issuer = |member: &str| {
        format!("rules = {{}}\n[[issuers]]\nissuer = 'https://id.example.com'\naudience = 'a'\n{member}\n")
    };
    let introspection = |members: &str| issuer(&format!("introspection = {{ {members} }}"));
    let rule = |requirement: &str| format!("[rules]\n'GET /a' = {requirement}\n");
    for (text, code, place) in [
        // TOML.
        ("[rules".to_owned(), "invalid_toml", "1:7"),
        ("[rules]\n'GET /' = 'anyone'\n'GET /' = 'user'\n".to_owned(), "invalid_toml", "3:1"),
        ("[rules]\n[rules]\n".to_owned(), "invalid_toml", "2:2"),
        ("[rules]\n'GET /' = anyone\n".to_owned(), "invalid_toml", "2:11"),
        // The document.
        ("rule = {}\nrules = {}\n".to_owned(), "unknown_member", "1:1"),
        ("\n\naudience = 'a'\n".to_owned(), "missing_member", "1:1"),
        ("rules = []".to_owned(), "invalid_member", "1:9"),
        ("rules = {}\naudience = [1]".to_owned(), "invalid_member", "2:13"),
        ("rules = {}\nissuers = {}".to_owned(), "invalid_member", "2:11"),
        ("rules = {}\nroles = 'admin'".to_owned(), "invalid_member", "2:9"),
        ("rules = {}\npermissions_at = 'a.b'".to_owned(), "ambiguous_claim_path", "2:18"),
        // Issuers.
        ("rules = {}\n[[issuers]]\naudience = 'a'".to_owned(), "missing_member", "2:1"),
        ("rules = {}\nissuers = ['https://id.example.com']".to_owned(), "invalid_member", "2:12"),
        (issuer("jwks_url = 'a'"), "unknown_member", "5:1"),
        (issuer("tenants = 'a'"), "unknown_member", "5:1"),
        (issuer("profile = 'rfc9086'"), "invalid_member", "5:11"),
        (issuer("provider = 'keyclock'"), "invalid_member", "5:12"),
        (issuer("algorithms = ['HS256']"), "invalid_member", "5:15"),
        (issuer("max_token_lifetime = '1h'"), "invalid_member", "5:22"),
        (issuer("max_token_lifetime = -1"), "invalid_member", "5:22"),
        (issuer("roles_at = 1.5"), "invalid_member", "5:12"),
        (issuer("roles_as = 'list'"), "invalid_member", "5:12"),
        (issuer("[[issuers]]\nissuer = 'https://id.example.com'"), "duplicate_issuer", "5:1"),
        // Introspection.
        (introspection("client_id = 'a'"), "missing_member", "5:17"),
        (introspection("method = 'basik', client_id = 'a'"), "invalid_member", "5:28"),
        (introspection("method = 'basic', client_id = 'a'"), "missing_member", "5:17"),
        (introspection("method = 'basic', secret = 'env:A'"), "missing_member", "5:17"),
        (introspection("method = 'basic', client_id = 'a', secret = 'hunter2'"), "literal_secret", "5:63"),
        (introspection("method = 'bearer', secret = 'file:'"), "invalid_member", "5:47"),
        (introspection("method = 'bearer', secret = 'env:A', client_id = 'a'"), "unknown_member", "5:56"),
        (
            introspection("method = 'post', client_id = 'a', secret = 'env:A', every_token = 1"),
            "invalid_member",
            "5:85",
        ),
        (
            introspection("method = 'private_key_jwt', client_id = 'a', algorithm = 'ES256'"),
            "missing_member",
            "5:17",
        ),
        (
            introspection(
                "method = 'private_key_jwt', client_id = 'a', algorithm = 'ES256', private_key = 'env:A'",
            ),
            "invalid_member",
            "5:99",
        ),
        (
            introspection(
                "method = 'private_key_jwt', client_id = 'a', algorithm = 'ES256', private_key = 'hunter2'",
            ),
            "literal_secret",
            "5:99",
        ),
        (introspection("method = 'mutual_tls', client_id = 'a', key_file = 'b'"), "missing_member", "5:70"),
        (
            introspection("method = 'mutual_tls', client_id = 'a', max_cached_tokens = 4294967296"),
            "invalid_member",
            "5:79",
        ),
        // Roles and scopes.
        ("rules = {}\n[roles.a]\nincludes = ['b', 'a']\n".to_owned(), "circular_roles", "2:8"),
        ("rules = {}\n[roles.a]\ninclude = 'b'\n".to_owned(), "unknown_member", "3:1"),
        ("rules = {}\n[roles.a]\nshown_by = { role = 'b' }\n".to_owned(), "invalid_role_sign", "2:8"),
        ("rules = {}\n[roles.a]\nshown_by = [{ scope = 'b c' }]\n".to_owned(), "invalid_requirement", "3:13"),
        ("rules = {}\n[roles.a]\npermissions = ''\n".to_owned(), "empty_name", "2:8"),
        ("rules = {}\n[scopes]\n'a b' = 'c'\n".to_owned(), "invalid_scope", "3:1"),
        ("rules = {}\n[scopes]\na = 1\n".to_owned(), "invalid_member", "3:5"),
        ("rules = {}\n[roles.a]\nshown_by = { predicate = 'b' }\n".to_owned(), "unknown_predicate", "2:8"),
        // Rules.
        (rule("'anyon'"), "invalid_requirement", "2:12"),
        (rule("{}"), "invalid_requirement", "2:12"),
        (rule("{ scope = 'a', role = 'b' }"), "invalid_requirement", "2:12"),
        (rule("{ scop = 'a' }"), "invalid_requirement", "2:12"),
        (rule("{ all_of = [{ scope = 'a' }, { rol = 'b' }] }"), "invalid_requirement", "2:41"),
        (rule("{ all_of = [] }"), "invalid_requirement", "2:12"),
        (rule("{ claim = { path = 'a', equal = 1 } }"), "invalid_requirement", "2:22"),
        (rule("{ claim = { path = 'a', equals = 1.5 } }"), "invalid_requirement", "2:45"),
        (rule("{ claim = { path = 'a', equals = 3000000000 } }"), "invalid_requirement", "2:22"),
        (rule("{ max_age = 1999-01-01 }"), "invalid_requirement", "2:24"),
        (rule("{ permission = 'a' }"), "unknown_permission", "2:1"),
        (rule("{ predicate = 'a' }"), "unknown_predicate", "2:1"),
        (rule("{ claim = { path = 'a', equals_path_parameter = 'b' } }"), "unknown_path_parameter", "2:1"),
        ("[rules]\n'get /' = 'user'\n".to_owned(), "invalid_rule", "2:1"),
        ("[rules]\n'GET /' = 'user'\n'POST,GET /' = 'user'\n".to_owned(), "duplicate_rule", "3:1"),
        ("[rules]\n'* /a/{b}' = 'user'\n'* /{a}/b' = 'user'\n".to_owned(), "ambiguous_rules", "3:1"),
        ("rules = {}\n[shadow_rules]\n'GET /' = 'nobody'\n".to_owned(), "invalid_requirement", "3:11"),
    ] {
        assert_eq!(problems(&text), [(code, place.to_owned())], "{text}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = r#"
        audience = 5
        [[issuers]]
        isuer = "https://id.example.com"
        [issuers.introspection]
        method = "basic"
        secret = "hunter2"
        [roles.admin]
        includes = "admin"
        [rules]
        "GET /a" = { scop = "a" }
        "get /b" = { permission = "c" }
    "#;
    let codes: Vec<_> = problems(text).into_iter().map(|(code, _)| code).collect();
    assert_eq!(
        codes,
        [
            "invalid_member",
            "missing_member",
            "missing_member",
            "literal_secret",
            "unknown_member",
            "circular_roles",
            "invalid_requirement",
            "unknown_permission",
            "invalid_rule",
        ]
    );
    let error = PolicyFile::builder(FILE).build_from_text(text).unwrap_err().to_string();
    assert!(error.contains("`isuer` is no member of an issuer: did you mean `issuer`?"), "{error}");
    assert!(error.contains("`scop` is no requirement: did you mean `scope`?"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn nothing_that_stands_in_the_place_of_a_secret_is_printed() {
    let issuer = "rules = {}\n[[issuers]]\nissuer = 'https://id.example.com'\naudience = 'a'\n";
    for (wrong, member) in [
        ("'hunter2'", "secret"),
        ("hunter2", "secret"),
        ("['hunter2']", "secret"),
        ("{ hunter = 'hunter2' }", "secret"),
        ("'file:hunter2", "secret"),
        ("'hunter2'", "private_key"),
        ("'hunter2'", "client_secret"),
        ("'hunter2'", "method"),
        ("'hunter2'", "every_token"),
    ] {
        for method in ["method = 'basic', ", "method = 'private_key_jwt', ", ""] {
            let text = format!("{issuer}introspection = {{ {method}client_id = 'a', {member} = {wrong} }}\n");
            let error = PolicyFile::builder(FILE).build_from_text(&text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}

#[test]
fn a_mistake_in_the_settings_of_an_issuer_has_the_line_of_the_issuer() {
    let text = "rules = {}\n[[issuers]]\nissuer = 'https://a.example.com'\naudience = 'a'\n\n[[issuers]]\nissuer = 'http://b.example.com'\njwks_uri = 'ftp://user:hunter2@b.example.com'\n";
    let file = PolicyFile::builder(FILE).build_from_text(text).unwrap();
    let error = file.server().build().unwrap_err();
    let told: Vec<_> = error.problems().iter().map(|problem| (problem.code(), problem.to_string())).collect();
    let codes: Vec<_> = told.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ["insecure_issuer", "missing_audience", "insecure_jwks_uri"]);
    for (_, text) in &told {
        assert!(text.starts_with("policy.toml:6:1: of issuer `http://b.example.com`: "), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_no_policy() {
    let folder = Folder::new();
    let code = |path: &std::path::Path| {
        let error = PolicyFile::builder(path).build().unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        error.problems()[0].code()
    };
    let good = "[rules]\n'GET /' = 'user'\n";
    assert_eq!(code(&folder.path("none")), "unreadable_policy_file");
    assert_eq!(code(folder.as_ref()), "unreadable_policy_file");
    assert_eq!(code(&folder.write("latin", b"# \xe9\n[rules]\n")), "unreadable_policy_file");
    let largest = format!("{good}#{}\n", "x".repeat(1024 * 1024 - good.len() - 2));
    PolicyFile::builder(folder.write("largest", &largest)).build().unwrap();
    assert_eq!(code(&folder.write("larger", format!("{largest}\n"))), "unreadable_policy_file");
    assert_eq!(code(&folder.write("empty", "")), "missing_member");
    let path = folder.write("marked", format!("\u{feff}{good}"));
    assert_eq!(PolicyFile::builder(&path).build().unwrap().table().rules().len(), 1);
    fs::remove_file(path).unwrap();
}

#[test]
fn texts_made_to_take_long_or_to_overflow_are_refused_soon() {
    for text in [
        format!("a{} = 1", ".a".repeat(100_000)),
        format!("a = {}", "[".repeat(200_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        "=\n".repeat(20_000),
        "[a]\n".repeat(20_000),
        format!("[rules]\n'GET /' = {}'anyone'{}", "{not=".repeat(200), "}".repeat(200)),
    ] {
        let found = problems(&text);
        assert!(!found.is_empty() && found.len() <= 1000);
    }
}
