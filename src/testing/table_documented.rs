use serde::Serialize;

use super::documented::operations;
use crate::table::PolicyTable;

/// Asserts that a table and an OpenAPI document are about the same: each operation has a rule, and each rule an
/// operation, but for those that are declared undocumented ([`PolicyTable::coverage`] says what that means). No service is asked.
///
/// `openapi` is JSON text, or what serializes to the document. Undocumented rules are written with one method:
/// `GET /metrics`, or `* /internal/{*rest}`.
///
/// ```
/// use portcullis::testing::assert_table_is_documented;
/// use portcullis::{PolicyTable, anyone, scope};
/// use serde_json::json;
///
/// let paths = json!({"/orders": {"get": {}, "post": {}}});
/// let openapi = json!({"openapi": "3.1.0", "info": {"title": "Orders", "version": "1"}, "paths": paths});
/// let table =
///     PolicyTable::builder().rule("GET,POST /orders", scope("orders")).rule("GET /health", anyone()).build()?;
/// assert_table_is_documented(&table, &openapi, &["GET /health"]);
///
/// let smaller = PolicyTable::builder().rule("GET /orders", scope("orders")).build()?;
/// let failed = std::thread::spawn(move || assert_table_is_documented(&smaller, &openapi, &[])).join();
/// let message = failed.unwrap_err().downcast::<String>().unwrap();
/// assert!(message.contains("\n- operation without a rule: POST /orders"), "{message}");
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
///
/// # Panics
///
/// With a list of every operation and rule that the other side lacks, and of everything declared undocumented that is no
/// such rule. If the document cannot be read, or has no operations.
#[track_caller]
#[expect(clippy::panic, reason = "an assertion")]
pub fn assert_table_is_documented(table: &PolicyTable, openapi: impl Serialize, undocumented: &[&str]) {
    let operations = operations(openapi);
    let coverage = table.coverage(operations.iter().map(|own| (own.method.clone(), own.path.as_str())));
    let without_rule = coverage.operations_without_rule().iter();
    let mut offenders: Vec<_> = without_rule.map(|own| format!("operation without a rule: {own}")).collect();
    let unused = coverage.rules_without_operation();
    let unexpected = unused.iter().filter(|rule| !undocumented.contains(&rule.as_str()));
    offenders.extend(unexpected.map(|rule| format!("rule without an operation: {rule}")));
    let wrong = undocumented.iter().filter(|own| !unused.iter().any(|rule| rule == *own));
    offenders
        .extend(wrong.map(|own| format!("declared undocumented, and no rule without an operation: {own}")));
    if !offenders.is_empty() {
        panic!("table and document differ:\n- {}", offenders.join("\n- "));
    }
}
