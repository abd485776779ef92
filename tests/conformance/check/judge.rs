//! What each row comes to, and everything that is wrong.

use super::Inputs;
use super::logs::{self, Outcome, Runs};
use super::page;
use super::rows::{Rows, Standing};
use super::sources::{self, Covering, TestName};

/// The page, and why it may not be believed. Problems are one line each.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) page: String,
    /// What is wrong whatever runs: rows that cannot be read, lines that name no row or stand in no test.
    pub(crate) in_sources: Vec<String>,
    /// What is wrong between the rows and the runs.
    in_runs: Vec<String>,
}

impl Report {
    pub(crate) fn of(inputs: &Inputs) -> Self {
        let (rows, mut in_sources) = Rows::parse(inputs);
        let (covering, unreadable) = sources::scan(&inputs.sources);
        let (runs, mut in_runs) = logs::parse(&inputs.logs);
        let judge = Judge { rows: &rows, covering: &covering, runs: &runs };
        in_sources.extend(unreadable);
        in_sources.extend(judge.unknown_rows());
        in_runs.extend(judge.tests_without_success());
        in_runs.extend(judge.contradictions());
        Self { page: page::render(&judge), in_sources, in_runs }
    }

    pub(crate) fn problems(self) -> Vec<String> {
        self.in_sources.into_iter().chain(self.in_runs).collect()
    }

    /// The problems, and one more if this is not the page that was committed.
    pub(crate) fn problems_with(self, committed: &str) -> Vec<String> {
        let stale = (self.page != committed)
            .then(|| "CONFORMANCE.md is not up to date: write it anew with `--write`".to_owned());
        self.problems().into_iter().chain(stale).collect()
    }
}

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    Met,
    PartlyMet(&'a str),
    NotMet(&'a str),
    NotTested(&'a str),
    /// With the reason, unless it is that of the whole module.
    NotShipped(Option<&'a str>),
    SameAs(&'a str),
    /// Neither a test nor a reason, or a test that did not pass.
    Open(&'static str),
}

pub(crate) struct Judge<'a> {
    pub(crate) rows: &'a Rows,
    covering: &'a [Covering],
    runs: &'a Runs,
}

impl<'a> Judge<'a> {
    /// The tests that name this row, in a stable order.
    pub(crate) fn tests(&self, id: &str) -> Vec<&'a TestName> {
        let naming = self.covering.iter().filter(|covering| covering.rows.iter().any(|row| row == id));
        let mut tests: Vec<_> = naming.map(|covering| &covering.test).collect();
        tests.sort();
        tests
    }

    pub(crate) fn verdict(&self, id: &str) -> Verdict<'a> {
        let tests = self.tests(id);
        if !tests.iter().all(|test| self.passed(test)) {
            return Verdict::Open("a test that names it did not pass");
        }
        let reason = self.rows.reason(id).map(|reason| (reason.are, &*reason.reason));
        match (reason, self.same_as(id)) {
            (Some((Standing::NotMet, why)), _) => Verdict::NotMet(why),
            (Some((Standing::NotTested, why)), _) => Verdict::NotTested(why),
            (Some((Standing::PartlyMet, why)), _) => Verdict::PartlyMet(why),
            (Some((Standing::NotShipped, why)), _) => Verdict::NotShipped(Some(why)),
            _ if !self.rows.shipped(id) => Verdict::NotShipped(None),
            (_, Some(other)) => Verdict::SameAs(other),
            _ if tests.is_empty() => Verdict::Open("neither a test nor a reason"),
            _ => Verdict::Met,
        }
    }

    fn same_as(&self, id: &str) -> Option<&'a str> {
        self.rows.requirement(id)?.same_as.as_deref()
    }

    fn passed(&self, test: &TestName) -> bool {
        self.runs.get(test) == Some(&Outcome::Passed)
    }

    fn unknown_rows(&self) -> Vec<String> {
        let named =
            self.covering.iter().flat_map(|covering| covering.rows.iter().map(move |row| (covering, row)));
        let unknown = named.filter(|(_, row)| !self.rows.knows(row));
        unknown
            .map(|(covering, row)| format!("{} names {row}, which does not exist", covering.test))
            .collect()
    }

    fn tests_without_success(&self) -> Vec<String> {
        let end = |test: &TestName| match self.runs.get(test) {
            Some(Outcome::Passed) => None,
            Some(Outcome::Ignored) => Some("was ignored"),
            Some(Outcome::Failed) => Some("did not pass"),
            None => Some("did not run"),
        };
        let tests = self.covering.iter().map(|covering| &covering.test);
        tests.filter_map(|test| Some(format!("{test} names rows and {}", end(test)?))).collect()
    }

    /// Rows about which nothing is said, and those about which tests and reasons say different things.
    fn contradictions(&self) -> Vec<String> {
        self.rows.ids().filter_map(|id| self.contradiction(id)).collect()
    }

    fn contradiction(&self, id: &str) -> Option<String> {
        let tested = !self.tests(id).is_empty();
        if let (Some(other), Some(_)) = (self.same_as(id), self.rows.reason(id)) {
            return Some(format!("{id} is the same as {other} and needs no reason of its own"));
        }
        match (self.verdict(id), tested) {
            (Verdict::Open(_), false) => {
                let row = self.rows.requirement(id);
                let level = row.map_or_else(|| "hostile".to_owned(), |row| row.level.to_string());
                Some(format!("{id} ({level}) is shipped and has neither a test nor a reason"))
            }
            (Verdict::NotMet(_) | Verdict::NotTested(_), true) => {
                Some(format!("{id} has a passing test: its reason is stale (or it is `partly met`)"))
            }
            (Verdict::PartlyMet(_), false) => {
                Some(format!("{id} is said to be partly met, and no test shows a part"))
            }
            (Verdict::NotShipped(_), true) => {
                Some(format!("{id} has a passing test and is said to be not shipped"))
            }
            _ => None,
        }
    }
}
