use std::fmt;

use http::Method;

use super::governed::Governed;
use super::policy_table::PolicyTable;
use super::rule::Rule;

/// Where a [`PolicyTable`] and a list of operations miss each other. Made by [`PolicyTable::coverage`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Coverage {
    operations: Vec<String>,
    rules: Vec<String>,
}

impl PolicyTable {
    /// Holds the table against the operations that a service is said to have: a method, and a path as an OpenAPI document
    /// writes it.
    ///
    /// An operation `/orders/{id}` is for many paths; it has a rule where one is for all of them. Others may be for some of
    /// them. A rule for HEAD is used where there is an operation for GET.
    ///
    /// What is *not* checked: that the service has these operations, and no others.
    ///
    /// ```
    /// use http::Method;
    /// use portcullis::{PolicyTable, role, scope};
    ///
    /// let table = PolicyTable::builder()
    ///     .rule("GET,POST /orders", scope("orders"))
    ///     .rule("* /admin/{*rest}", role("admin"))
    ///     .build()?;
    /// let operations =
    ///     [(Method::GET, "/orders"), (Method::POST, "/orders"), (Method::PUT, "/admin/users/{id}")];
    /// assert!(table.coverage(operations).is_complete());
    ///
    /// let coverage = table.coverage([(Method::GET, "/orders"), (Method::GET, "/orders/{id}")]);
    /// assert_eq!(coverage.operations_without_rule(), ["GET /orders/{id}"]);
    /// assert_eq!(coverage.rules_without_operation(), ["POST /orders", "* /admin/{*rest}"]);
    /// # Ok::<_, portcullis::ConfigError>(())
    /// ```
    pub fn coverage<P: AsRef<str>>(&self, operations: impl IntoIterator<Item = (Method, P)>) -> Coverage {
        let operations: Vec<_> = operations.into_iter().collect();
        self.coverage_by(&operations, &self.governed(&operations))
    }

    /// The same, where the rules of each operation are known.
    pub(crate) fn coverage_by<P: AsRef<str>>(
        &self,
        operations: &[(Method, P)],
        governed: &[Governed<'_>],
    ) -> Coverage {
        let mut coverage = Coverage::default();
        for ((method, path), governed) in operations.iter().zip(governed) {
            if governed.rule.is_none() {
                coverage.add_operation(method.as_str(), path.as_ref());
            }
        }
        // RFC 9110 §9.3.2: who serves GET serves HEAD.
        let gets = operations.iter().filter(|(method, _)| method == Method::GET);
        let heads: Vec<_> = gets.map(|(_, path)| (Method::HEAD, path.as_ref())).collect();
        let of_heads = self.governed(&heads);
        let named = operations.iter().map(|(method, _)| method).zip(governed);
        let used: Vec<_> = named.chain(heads.iter().map(|(method, _)| method).zip(&of_heads)).collect();
        for rule in self.rules() {
            let is_used = |wanted: Option<&Method>| {
                used.iter().any(|(method, governed)| {
                    let is_meant = wanted.is_none_or(|wanted| {
                        wanted == *method || (wanted == Method::GET && **method == Method::HEAD)
                    });
                    is_meant && governed.names(rule)
                })
            };
            match rule.methods() {
                None if !is_used(None) => coverage.rules.push(format!("* {}", rule.path())),
                None => {}
                Some(methods) => {
                    let unused = methods.iter().filter(|method| !is_used(Some(method)));
                    coverage.rules.extend(unused.map(|method| format!("{method} {}", rule.path())));
                }
            }
        }
        coverage
    }
}

impl Governed<'_> {
    fn names(&self, rule: &Rule) -> bool {
        let mut rules = self.rule.into_iter().chain(self.elsewhere.iter().filter_map(|(_, rule)| *rule));
        rules.any(|own| std::ptr::eq(own, rule))
    }
}

impl Coverage {
    /// Whether each operation has a rule, and each rule an operation.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.operations.is_empty() && self.rules.is_empty()
    }

    /// The operations that the table denies to everybody, for want of a rule: `GET /orders/{id}`.
    #[must_use]
    pub fn operations_without_rule(&self) -> &[String] {
        &self.operations
    }

    /// The rules that none of the operations uses: `GET /orders/{id}`, one method each; `* /orders/{id}` where a rule is
    /// for all other methods.
    #[must_use]
    pub fn rules_without_operation(&self) -> &[String] {
        &self.rules
    }

    pub(crate) fn add_operation(&mut self, method: &str, path: &str) {
        self.operations.push(format!("{method} {path}"));
    }
}

/// One operation or rule a line; nothing where the coverage is complete.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.operations
            .iter()
            .try_for_each(|operation| writeln!(f, "operation without a rule: {operation}"))?;
        self.rules.iter().try_for_each(|rule| writeln!(f, "rule without an operation: {rule}"))
    }
}
