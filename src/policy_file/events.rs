//! What operators are told of policy files.

use std::path::Path;

use crate::error::ConfigProblem;

const TARGET: &str = "portcullis::policy";

/// All that a new text of the file changed.
pub(super) fn in_force(path: &Path, rules_changed: usize, issuers_changed: usize) {
    let path = path.display();
    tracing::info!(target: TARGET, event = "policy_in_force", %path, rules_changed, issuers_changed, "a new policy is in force");
}

pub(super) fn refused(path: &Path, problem: &ConfigProblem) {
    let (path, code) = (path.display(), problem.code());
    tracing::error!(target: TARGET, event = "policy_refused", %path, code, problems = %problem, "the policy before stays in force");
}

pub(super) fn recovered(path: &Path) {
    let path = path.display();
    tracing::info!(target: TARGET, event = "policy_recovered", %path, "the file says what is in force");
}
