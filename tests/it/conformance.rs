//! The check behind CONFORMANCE.md: that it can fail, and the part of it that needs no logs.

use std::path::Path;

use check::{Command, Inputs, Mode, Report};

#[path = "../conformance/check/mod.rs"]
mod check;

#[test]
fn every_line_that_names_rows_stands_in_a_test_and_names_rows_that_exist() {
    let inputs = Inputs::read(Path::new(env!("CARGO_MANIFEST_DIR")), &[]).unwrap();
    let report = Report::of(&inputs);
    assert_eq!(report.in_sources, [""; 0]);
    let tests = report.problems().iter().filter(|problem| problem.ends_with("did not run")).count();
    assert!(tests > 100, "{tests} tests name rows");
}

/// A file with one test, which names these rows.
fn source(rows: &str) -> String {
    format!("#[tokio::test]\nasync fn holds() {{\n    // covers: {rows}\n}}\n")
}

fn requirement(id: &str, level: &str, more: &str) -> String {
    let module = &id[..3];
    format!(
        r#"{{"id":"{id}","module":"{module}","spec":"RFC 0","section":"1","level":"{level}","tier":"C","confidence":"T","requirement":"{id} | holds","given":"g","expect":"e"{more}}}"#
    )
}

fn reason(rows: &str, are: &str) -> String {
    format!("{{\"rows\":[\"{rows}\"],\"are\":\"{are}\",\"reason\":\"why\"}}\n")
}

fn log(target: &str, lines: &[&str]) -> String {
    format!("     Running {target} (target/debug/deps/x-1)\n\nrunning 1 test\n{}\n", lines.join("\n"))
}

/// A small world in which everything is as it should be.
fn right() -> Inputs {
    let module = |name: &str, shipped: bool| {
        format!(r#"{{"module":"{name}","title":"T","shipped":{shipped},"reason":"later"}}"#)
    };
    let hostile = |id: &str, attacked: &str| {
        format!(
            r#"{{"id":"{id}","category":"Bad","input":"i","expect":"e","requirements":["{attacked}"],"confidence":"M"}}"#
        )
    };
    Inputs {
        modules: [module("EXT", true), module("INT", false)].join("\n"),
        requirements: [
            requirement("EXT-001", "MUST", ""),
            requirement("EXT-002", "SHOULD", ""),
            requirement("EXT-003", "MUST", r#","same_as":"EXT-001""#),
            requirement("EXT-004", "BCP", ""),
            requirement("INT-001", "MUST", ""),
        ]
        .join("\n"),
        hostile: [hostile("HT-001", "EXT-001"), hostile("HT-002", "INT-001")].join("\n"),
        reasons: reason("EXT-002", "not tested"),
        sources: vec![
            ("tests/it/a.rs".into(), source("EXT-001, HT-001")),
            (
                "src/b.rs".into(),
                format!(
                    "mod tests {{\n    #[test]\n    fn holds() {{\n        {}\n    }}\n}}\n",
                    "// covers: EXT-004"
                ),
            ),
        ],
        logs: vec![(
            "tests.log".into(),
            log("unittests src/lib.rs", &["test b::tests::holds ... ok"])
                + &log("tests/it/main.rs", &["test a::holds ... ok"])
                + "   Doc-tests x\ntest src/lib.rs - (line 1) ... ok\n",
        )],
    }
}

/// What is wrong after this change, with a page that is up to date.
fn problems(change: impl FnOnce(&mut Inputs)) -> Vec<String> {
    let mut inputs = right();
    change(&mut inputs);
    let committed = Report::of(&inputs).page;
    Report::of(&inputs).problems_with(&committed)
}

/// The results of the tests in `a.rs`.
fn run_of_a(line: &str) -> String {
    log("unittests src/lib.rs", &["test b::tests::holds ... ok"]) + &log("tests/it/main.rs", &[line])
}

#[test]
fn where_everything_is_right_the_page_says_so() {
    assert_eq!(problems(|_| ()), [""; 0]);
    let page = Report::of(&right()).page;
    for line in [
        "| EXT-001 | MUST | C | EXT-001 \\| holds | met | `it a::holds` |",
        "| EXT-002 | SHOULD | C | EXT-002 \\| holds | not tested: why | |",
        "| EXT-003 | MUST | C | EXT-003 \\| holds | as EXT-001 | |",
        "| EXT-004 | BCP | C | EXT-004 \\| holds | met | `lib b::tests::holds` |",
        "| INT-001 | MUST | C | INT-001 \\| holds | not shipped | |",
        "| HT-001 | i | e | met | `it a::holds` |",
        "| HT-002 | i | e | not shipped | |",
        "| C (core) | 1 / 1 | 0 / 1 | 1 / 1 | 1 |",
        "| EXT: T | 1 / 1 | 0 / 1 | 1 / 1 | 0 |",
        "Hostile inputs: 1 of 1; 1 are for features that are not shipped.",
    ] {
        assert!(page.lines().any(|own| own == line), "{line}\n{page}");
    }
}

#[test]
fn a_page_that_is_not_what_is_made_now_is_refused() {
    let page = Report::of(&right()).page;
    assert_eq!(Report::of(&right()).problems_with(&page), [""; 0]);
    let stale = Report::of(&right()).problems_with(&page.replace("| met |", "| not met |"));
    assert_eq!(stale, ["CONFORMANCE.md is not up to date: write it anew with `--write`"]);
}

#[test]
fn a_test_that_names_rows_must_have_run_and_passed() {
    for (line, end) in [
        ("test a::other ... ok", "did not run"),
        ("test holds ... ok", "did not run"),
        ("test a::holds has been running for over 60 seconds", "did not run"),
        ("test a::holds ... FAILED", "did not pass"),
        // What was printed into the line is no result.
        ("test a::holds ... - step one\nok", "did not pass"),
        ("test a::holds ... ignored", "was ignored"),
        ("test a::holds ... ignored, needs a network", "was ignored"),
        ("test a::holds ... ok\ntest a::holds ... FAILED", "did not pass"),
        ("test a::holds ... FAILED\ntest a::holds ... ok", "did not pass"),
    ] {
        let problems = problems(|inputs| inputs.logs[0].1 = run_of_a(line));
        assert_eq!(problems, [format!("it a::holds names rows and {end}")], "{line}");
    }
    for line in [
        "test a::holds ... ok",
        "test a::holds - should panic ... ok",
        // What a program prints that a test starts with Cargo.
        "     Running `target/debug/x (1)`\ntest a::holds ... ok",
    ] {
        assert_eq!(problems(|inputs| inputs.logs[0].1 = run_of_a(line)), [""; 0], "{line}");
    }
}

#[test]
fn a_test_of_the_same_name_elsewhere_does_not_count() {
    let swapped = log("unittests src/lib.rs", &["test a::holds ... ok"])
        + &log("tests/it/main.rs", &["test b::tests::holds ... ok"]);
    assert_eq!(
        problems(|inputs| inputs.logs[0].1 = swapped),
        ["it a::holds names rows and did not run", "lib b::tests::holds names rows and did not run"]
    );
}

#[test]
fn a_log_without_results_is_refused() {
    for text in ["", "running 0 tests\n", "test a::holds ... ok\n"] {
        let problems = problems(|inputs| inputs.logs.push(("interop.log".into(), text.into())));
        assert_eq!(
            problems,
            ["interop.log: no results of tests (made with `2>&1`, and without `--nocapture`?)"],
            "{text:?}"
        );
    }
}

#[test]
fn without_a_log_or_a_mode_nothing_is_checked_and_that_is_an_error() {
    let arguments = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for text in ["", "--check", "--write", "tests.log", "--chek tests.log"] {
        assert!(Command::parse(&arguments(text)).is_err(), "{text:?}");
    }
    for (text, mode) in [("--check a b", Mode::Check), ("--write a b", Mode::Write)] {
        let arguments = arguments(text);
        assert_eq!(Command::parse(&arguments), Ok(Command { mode, logs: &arguments[1..] }));
    }
}

#[test]
fn a_row_of_a_shipped_feature_needs_a_test_or_a_reason() {
    for level in ["MUST", "SHOULD", "BCP"] {
        let problems = problems(|inputs| {
            inputs.requirements += &format!("\n{}", requirement("EXT-005", level, ""));
        });
        assert_eq!(problems, [format!("EXT-005 ({level}) is shipped and has neither a test nor a reason")]);
    }
    assert_eq!(
        problems(|inputs| inputs.reasons.clear()),
        ["EXT-002 (SHOULD) is shipped and has neither a test nor a reason"]
    );
    assert_eq!(
        problems(|inputs| inputs.sources[0].1 = source("EXT-001")),
        ["HT-001 (hostile) is shipped and has neither a test nor a reason"]
    );
    assert_eq!(
        problems(|inputs| inputs.reasons += &reason("INT-001", "shipped")),
        [
            "INT-001 (MUST) is shipped and has neither a test nor a reason",
            "HT-002 (hostile) is shipped and has neither a test nor a reason"
        ]
    );
    for are in ["not tested", "not met", "not shipped"] {
        let problems = problems(|inputs| {
            inputs.requirements += &format!("\n{}", requirement("EXT-005", "MUST", ""));
            inputs.reasons += &reason("EXT-005", are);
        });
        assert_eq!(problems, [""; 0], "{are}");
    }
}

#[test]
fn a_line_names_only_rows_that_exist() {
    assert_eq!(
        problems(|inputs| inputs.sources[0].1 = source("EXT-001, HT-001, EXT-099, ABC-001")),
        [
            "it a::holds names EXT-099, which does not exist",
            "it a::holds names ABC-001, which does not exist"
        ]
    );
}

#[test]
fn a_reason_names_only_rows_that_exist_and_that_tests_do_not_contradict() {
    for (rows, are, problem) in [
        ("EXT-099", "not tested", "a reason names EXT-099, which does not exist"),
        ("EXT-002", "not met", "two reasons name EXT-002"),
        ("EXT-001", "not met", "EXT-001 has a passing test: its reason is stale (or it is `partly met`)"),
        ("HT-001", "not tested", "HT-001 has a passing test: its reason is stale (or it is `partly met`)"),
        ("EXT-004", "not shipped", "EXT-004 has a passing test and is said to be not shipped"),
        ("INT-001", "partly met", "INT-001 is said to be partly met, and no test shows a part"),
        ("EXT-003", "not tested", "EXT-003 is the same as EXT-001 and needs no reason of its own"),
    ] {
        // A hostile row follows what it attacks.
        let follows = problem
            .starts_with("INT-001")
            .then_some("HT-002 (hostile) is shipped and has neither a test nor a reason");
        let expected: Vec<_> = [problem].into_iter().chain(follows).collect();
        assert_eq!(problems(|inputs| inputs.reasons += &reason(rows, are)), expected, "{rows} {are}");
    }
    let partly = |inputs: &mut Inputs| inputs.reasons += &reason("EXT-001", "partly met");
    assert_eq!(problems(partly), [""; 0]);
    assert_eq!(
        problems(|inputs| inputs.sources[0].1 = source("EXT-001, HT-001, INT-001")),
        ["INT-001 has a passing test and is said to be not shipped",]
    );
}

/// What is wrong with one more file, in which `@` is a line that names a row.
fn problems_of_file(name: &str, text: &str) -> Vec<String> {
    let text = text.replace('@', "// covers: EXT-001");
    problems(|inputs| inputs.sources.push((name.to_owned(), text)))
}

#[test]
fn a_line_stands_first_in_the_body_of_a_test() {
    for text in [
        "@",
        "#[test]\n@\nfn holds() {\n}\n",
        "fn helper() {\n    @\n}\n",
        "#[test]\nfn holds() {}\nfn helper() {\n    @\n}\n",
        "#[test]\n\nfn helper() {\n    @\n}\n",
        "#[test]\nfn holds() {\n    let x = 1;\n    @\n}\n",
        "impl X {\n    #[test]\n    fn holds() {\n        @\n    }\n}\n",
    ] {
        let line = text.lines().position(|line| line.contains('@')).unwrap() + 1;
        let expected = format!("tests/it/c.rs:{line}: not the first line of the body of a test");
        assert_eq!(problems_of_file("tests/it/c.rs", text), [expected], "{text}");
    }
    let expected = ["examples/c.rs:3: not the first line of the body of a test"];
    assert_eq!(problems_of_file("examples/c.rs", "#[test]\nfn holds() {\n    @\n}\n"), expected);
}

#[test]
fn a_line_that_was_meant_to_name_rows_is_not_passed_over() {
    for line in [
        "//covers: EXT-001",
        "// Covers: EXT-001",
        "/// covers: EXT-001",
        "// covers : EXT-001",
        "// covers:",
        "// covers: EXT-001,EXT-002",
        "// covers: EXT-001, ",
        "// covers: EXT-1",
        "// covers: ext-001",
        "// covers: EXT-001 and more",
    ] {
        let text = format!("#[test]\nfn holds() {{\n    {line}\n}}\n");
        let expected = ["tests/it/c.rs:3: not of the form `// covers: JWT-011, EXT-008`"];
        assert_eq!(problems_of_file("tests/it/c.rs", &text), expected, "{line}");
    }
    for line in ["// covers the case: EXT-001", "let covers = 1;", "// it covers: all"] {
        let text = format!("fn helper() {{\n    {line}\n}}\n");
        assert_eq!(problems_of_file("tests/it/c.rs", &text), [""; 0], "{line}");
    }
}

#[test]
fn a_test_is_named_as_its_binary_names_it() {
    let plain = "#[test]\nfn holds() {\n    @\n}\n";
    let attributes = "#[tokio::test(start_paused = true)]\n#[expect(\n    x,\n    reason = \"y\"\n)]\nasync fn holds() -> R {\n    @\n}\n";
    let nested = "mod a {\n    fn x() {\n    }\n}\n\nmod b {\n    mod c {\n        #[test]\n        fn holds() {\n            @\n        }\n    }\n}\n";
    for (file, text, name) in [
        ("src/lib.rs", plain, "lib holds"),
        ("src/token.rs", plain, "lib token::holds"),
        ("src/jose/mod.rs", plain, "lib jose::holds"),
        ("src/jose/header.rs", plain, "lib jose::header::holds"),
        ("src/jose/header.rs", nested, "lib jose::header::b::c::holds"),
        ("tests/it/main.rs", plain, "it holds"),
        ("tests/it/jose/signatures.rs", attributes, "it jose::signatures::holds"),
        ("tests/interop/main.rs", plain, "interop holds"),
        ("tests/single.rs", plain, "single holds"),
    ] {
        assert_eq!(problems_of_file(file, text), [format!("{name} names rows and did not run")], "{file}");
    }
}

#[test]
fn rows_that_cannot_be_read_or_do_not_fit_together_are_named() {
    let row = |id: &str, more: &str| format!("\n{}", requirement(id, "BCP", more));
    let fits = |text: String| problems(|inputs| inputs.requirements += &text);
    assert_eq!(fits(row("EXT-001", ""))[0], "EXT-001 stands in the rows twice");
    assert_eq!(fits(row("ABC-001", "")), ["ABC-001 is of module ABC, which modules.jsonl does not have"]);
    assert_eq!(
        fits(row("EXT-005", r#","same_as":"EXT-099""#)),
        ["EXT-005 is the same as a row that does not exist"]
    );
    assert_eq!(fits(row("INT-002", "").replace("\"g\"", "\"\"")), ["INT-002 has an empty field"]);
    for text in
        ["\n{", "\n", &*row("INT-002", r#","colour":"red""#), &row("INT-002", "").replace("BCP", "MAY")]
    {
        let problems = fits(format!("{text}\n"));
        assert_eq!(problems.len(), 1, "{text}");
        assert!(problems[0].starts_with("requirements.jsonl:6: "), "{problems:?}");
    }
    assert_eq!(
        problems(|inputs| inputs.hostile = inputs.hostile.replace("INT-001", "INT-099")),
        ["HT-002 attacks INT-099, which does not exist"]
    );
    assert_eq!(
        problems(|inputs| inputs.modules = inputs.modules.replace(r#"false,"reason":"later""#, "false")),
        ["module INT is not shipped, and nothing says why"]
    );
}

#[test]
fn all_problems_are_named_at_once() {
    let problems = problems(|inputs| {
        inputs.reasons = reason("EXT-099", "not met");
        inputs.sources[0].1 = source("EXT-001, HT-009");
        inputs.logs[0].1 = run_of_a("test a::holds ... FAILED");
    });
    assert_eq!(
        problems,
        [
            "a reason names EXT-099, which does not exist",
            "it a::holds names HT-009, which does not exist",
            "it a::holds names rows and did not pass",
            "EXT-002 (SHOULD) is shipped and has neither a test nor a reason",
            "HT-001 (hostile) is shipped and has neither a test nor a reason",
        ]
    );
}
