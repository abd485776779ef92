//! Which test says that it covers which rows: the first line of its body, `// covers: JWT-011, EXT-008`.
//!
//! Read by line and indentation, which rustfmt keeps; what cannot be read that way is a problem and not passed over.

use std::fmt;

/// A test of this repository, as its binary and libtest name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TestName {
    /// `lib`, or the name of the test target.
    pub(crate) target: String,
    /// Such as `jose::signatures::der_signatures_are_refused`.
    pub(crate) path: String,
}

/// A test and the rows that it names.
#[derive(Debug)]
pub(crate) struct Covering {
    pub(crate) test: TestName,
    pub(crate) rows: Vec<String>,
}

/// The tests that name rows, in the order of the files, and what is wrong with the lines that name them.
pub(crate) fn scan(sources: &[(String, String)]) -> (Vec<Covering>, Vec<String>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in sources {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| means_to_cover(line)) {
            let place = format!("{name}:{}", at.saturating_add(1));
            let Some(rows) = rows_of(line) else {
                problems.push(format!("{place}: not of the form `// covers: JWT-011, EXT-008`"));
                continue;
            };
            match test_around(name, lines.get(..at).unwrap_or_default()) {
                Some(test) => found.push(Covering { test, rows }),
                None => problems.push(format!("{place}: not the first line of the body of a test")),
            }
        }
    }
    (found, problems)
}

/// The target that a source file belongs to, by Cargo's rules for this repository.
pub(crate) fn target_of(file: &str) -> Option<&str> {
    if file.starts_with("src/") {
        return Some("lib");
    }
    let below = file.strip_prefix("tests/")?;
    Some(below.split_once('/').map_or(below.trim_end_matches(".rs"), |(target, _)| target))
}

/// Also what was meant to be such a line: `//covers:`, `/// Covers :`.
fn means_to_cover(line: &str) -> bool {
    let comment =
        line.trim_start().strip_prefix("//").map(|text| text.trim_start_matches(['/', '!']).trim_start());
    let word = comment.and_then(|text| text.get(..6).zip(text.get(6..)));
    word.is_some_and(|(word, rest)| word.eq_ignore_ascii_case("covers") && rest.trim_start().starts_with(':'))
}

fn rows_of(line: &str) -> Option<Vec<String>> {
    let list = line.trim_start().strip_prefix("// covers: ")?;
    let readable = |id: &str| {
        let (module, number) = id.split_once('-')?;
        let letters = (2..=3).contains(&module.len()) && module.bytes().all(|byte| byte.is_ascii_uppercase());
        let digits = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
        (letters && digits).then(|| id.to_owned())
    };
    list.split(", ").map(readable).collect()
}

/// The test whose body begins after these lines.
fn test_around(file: &str, above: &[&str]) -> Option<TestName> {
    let (signature, above) = above.split_last()?;
    let function = function_of(signature)?;
    let mut attributes = above.iter().rev().map(|line| line.trim()).take_while(|line| !ends_an_item(line));
    if !attributes.any(|line| line == "#[test]" || line.starts_with("#[tokio::test")) {
        return None;
    }
    let mut path = vec![function];
    let mut depth = indentation(signature);
    for line in above.iter().rev().filter(|line| line.ends_with('{')) {
        if indentation(line) < depth {
            // Only modules may stand around a test: libtest finds none inside of anything else.
            path.push(
                line.trim().trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(" {")?,
            );
            depth = indentation(line);
        }
    }
    let mut modules = modules_of(file)?;
    modules.extend(path.into_iter().rev());
    Some(TestName { target: target_of(file)?.to_owned(), path: modules.join("::") })
}

/// `async fn name() {` -> `name`.
fn function_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (name, rest) = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?.split_once('(')?;
    rest.ends_with('{').then_some(name)
}

fn ends_an_item(line: &str) -> bool {
    line.is_empty() || line.ends_with(['{', '}', ';'])
}

fn indentation(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

/// The modules that a file stands for: `tests/it/jose/signatures.rs` -> `jose`, `signatures`.
fn modules_of(file: &str) -> Option<Vec<&str>> {
    let below = match file.strip_prefix("src/") {
        Some(below) => below,
        // A file directly in `tests` is the root of its target.
        None => file.strip_prefix("tests/")?.split_once('/').map_or("main.rs", |(_, below)| below),
    };
    let mut modules: Vec<&str> = below.strip_suffix(".rs")?.split('/').collect();
    if matches!(modules.as_slice(), ["lib" | "main"] | [.., "mod"]) {
        modules.pop();
    }
    Some(modules)
}

impl fmt::Display for TestName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.target, self.path)
    }
}
