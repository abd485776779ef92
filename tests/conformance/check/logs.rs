//! What ran: the output of `cargo test` with its standard error, which names the binary before its tests.

use std::collections::BTreeMap;

use super::sources::{TestName, target_of};

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Passed,
    Ignored,
    Failed,
}

pub(crate) type Runs = BTreeMap<TestName, Outcome>;

/// Every test of these logs; of a test that ran twice, the worse end.
pub(crate) fn parse(logs: &[(String, String)]) -> (Runs, Vec<String>) {
    let (mut runs, mut problems) = (Runs::new(), Vec::new());
    for (name, text) in logs {
        let results: Vec<_> = results_in(text).collect();
        if results.is_empty() {
            problems
                .push(format!("{name}: no results of tests (made with `2>&1`, and without `--nocapture`?)"));
        }
        for (test, outcome) in results {
            let worst = runs.entry(test).or_insert(outcome);
            *worst = outcome.max(*worst);
        }
    }
    (runs, problems)
}

fn results_in(text: &str) -> impl Iterator<Item = (TestName, Outcome)> {
    let mut target = None;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        // `Running unittests src/lib.rs (..)`, `Running tests/it/main.rs (..)`, `Doc-tests portcullis`
        let binary = line.strip_prefix("Running ").and_then(|rest| rest.split_once(" ("));
        if let Some((root, _)) = binary.filter(|(root, _)| root.ends_with(".rs")) {
            target = target_of(root.trim_start_matches("unittests ")).map(str::to_owned);
        } else if line.starts_with("Doc-tests ") {
            target = None;
        }
        let (path, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
        let outcome = match outcome {
            "ok" => Outcome::Passed,
            _ if outcome.starts_with("ignored") => Outcome::Ignored,
            // Also what was printed into the line: it cannot be taken for a pass.
            _ => Outcome::Failed,
        };
        let path = path.trim_end_matches(" - should panic").to_owned();
        Some((TestName { target: target.clone()?, path }, outcome))
    })
}
