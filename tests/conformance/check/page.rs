//! CONFORMANCE.md: the same rows in the same order, one line each, and nothing that differs between two runs.

use std::fmt::Write as _;

use super::judge::{Judge, Verdict};
use super::rows::{Level, Requirement, Tier};

const HEAD: &str = "\
# Conformance

What this crate is held to, row by row, and the tests that show it: requirements from the RFCs and from practice, and
hostile inputs. [tests/conformance](tests/conformance/README.md) holds the rows and explains the columns; a test names
the rows that it covers in the first line of its body.

This page is made from the rows, the sources and the output of the tests, and is not edited by hand. `.ci/run` fails when
it is not what they make, when a test that names a row did not run and pass, and when a row of a shipped feature has
neither a test nor a reason. To make it anew:

```sh
mkdir -p target/conformance
cargo test 2>&1 | tee target/conformance/tests.log
cargo test --test interop 2>&1 | tee target/conformance/interop.log
cargo test --test conformance -- --write target/conformance/tests.log target/conformance/interop.log
```

A test stands with its binary: `it a::b` is run by `cargo test --test it a::b`, `lib a::b` by `cargo test --lib a::b`.
";

pub(crate) fn render(judge: &Judge<'_>) -> String {
    let mut page = HEAD.to_owned();
    figures(judge, &mut page);
    for module in &judge.rows.modules {
        let _ = write!(page, "\n## {}: {}\n\n", module.module, module.title);
        if let Some(reason) = module.reason.as_deref() {
            let _ = write!(page, "{reason}\n\n");
        }
        page += "| id | level | tier | requirement | result | tests |\n|---|---|---|---|---|---|\n";
        for row in judge.rows.requirements.iter().filter(|row| row.module == module.module) {
            let (level, tier) = (row.level.to_string(), row.tier.to_string());
            line(judge, &mut page, &[&row.id, &level, &tier, &row.requirement]);
        }
    }
    hostile(judge, &mut page);
    page
}

fn figures(judge: &Judge<'_>, page: &mut String) {
    page.push_str(
        "\n## Figures\n\nMet of applicable. A row applies when its feature is shipped; one that repeats another is not \
         counted.\n",
    );
    let counted = || judge.rows.requirements.iter().filter(|row| row.same_as.is_none());
    table(page, "tier");
    for (tier, name) in Tier::ALL {
        let rows: Vec<_> = counted().filter(|row| row.tier == tier).collect();
        shares(judge, page, &format!("{tier} ({name})"), &rows);
    }
    table(page, "module");
    for module in &judge.rows.modules {
        let rows: Vec<_> = counted().filter(|row| row.module == module.module).collect();
        shares(judge, page, &format!("{}: {}", module.module, module.title), &rows);
    }
    shares(judge, page, "all", &counted().collect::<Vec<_>>());
    let hostile = judge.rows.hostile.iter().map(|row| &*row.id);
    let (met, applicable, rest) = share(judge, hostile);
    let _ = write!(
        page,
        "\nHostile inputs: {met} of {applicable}; {rest} are for features that are not shipped.\n"
    );
}

fn table(page: &mut String, first: &str) {
    let _ = write!(page, "\n| {first} | MUST | SHOULD | BCP | not shipped |\n|---|---|---|---|---|\n");
}

fn shares(judge: &Judge<'_>, page: &mut String, name: &str, rows: &[&Requirement]) {
    let _ = write!(page, "| {name} |");
    for level in Level::ALL {
        let of_level = rows.iter().filter(|row| row.level == level).map(|row| &*row.id);
        match share(judge, of_level) {
            (_, 0, _) => page.push_str(" |"),
            (met, applicable, _) => drop(write!(page, " {met} / {applicable} |")),
        }
    }
    let (_, _, not_shipped) = share(judge, rows.iter().map(|row| &*row.id));
    let _ = writeln!(page, " {not_shipped} |");
}

/// How many of these rows are met, apply, and belong to what is not shipped.
fn share<'r>(judge: &Judge<'_>, ids: impl Iterator<Item = &'r str>) -> (usize, usize, usize) {
    let verdicts: Vec<_> = ids.map(|id| judge.verdict(id)).collect();
    let count = |which: fn(&Verdict<'_>) -> bool| verdicts.iter().filter(|verdict| which(verdict)).count();
    (
        count(|verdict| *verdict == Verdict::Met),
        count(|verdict| !matches!(verdict, Verdict::NotShipped(_))),
        count(|verdict| matches!(verdict, Verdict::NotShipped(_))),
    )
}

fn hostile(judge: &Judge<'_>, page: &mut String) {
    let mut category = "";
    for row in &judge.rows.hostile {
        if row.category != category {
            category = &row.category;
            let _ = write!(page, "\n## {category}\n\n");
            page.push_str("| id | input | expected | result | tests |\n|---|---|---|---|---|\n");
        }
        line(judge, page, &[&row.id, &row.input, &row.expect]);
    }
}

fn line(judge: &Judge<'_>, page: &mut String, cells: &[&str]) {
    let id = cells.first().copied().unwrap_or_default();
    let result = match judge.verdict(id) {
        Verdict::Met => "met".to_owned(),
        Verdict::PartlyMet(why) => format!("partly met: {why}"),
        Verdict::NotMet(why) => format!("not met: {why}"),
        Verdict::NotTested(why) => format!("not tested: {why}"),
        Verdict::NotShipped(Some(why)) => format!("not shipped: {why}"),
        Verdict::NotShipped(None) => "not shipped".to_owned(),
        Verdict::SameAs(other) => format!("as {other}"),
        Verdict::Open(why) => format!("**open**: {why}"),
    };
    let tests: Vec<_> = judge.tests(id).iter().map(|test| format!("`{test}`")).collect();
    page.push('|');
    for cell in cells.iter().copied().chain([&*result, &*tests.join(", ")]) {
        // A bar ends a cell, inside of code as well.
        let cell = cell.replace('|', "\\|");
        let space = if cell.is_empty() { "" } else { " " };
        let _ = write!(page, "{space}{cell} |");
    }
    page.push('\n');
}
