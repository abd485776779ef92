use std::collections::BTreeMap;
use std::sync::LazyLock;

const PAGE: &str = include_str!("../../../docs/codes.md");

/// The rows of the table on the page of codes that has this header: the first cell's name, and the others.
pub(crate) fn table(header: &str) -> BTreeMap<String, Vec<String>> {
    let rows = PAGE.split(header).nth(1).unwrap_or_else(|| panic!("no table {header}"));
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let rows = rows.lines().skip(2).take_while(|line| line.starts_with('|')).map(cells);
    rows.map(|mut row| (row.remove(0), row)).collect()
}

/// Status and error code that the page promises for a refusal with this code.
pub(crate) fn promised(code: &str) -> (u16, Option<String>) {
    static TABLE: LazyLock<BTreeMap<String, Vec<String>>> =
        LazyLock::new(|| table("| code | status | error | what is wrong |"));
    let row = TABLE.get(code).unwrap_or_else(|| panic!("docs/codes.md does not have `{code}`"));
    (row[0].parse().unwrap(), Some(row[1].clone()).filter(|error| !error.is_empty()))
}
