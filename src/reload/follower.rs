use std::path::Path;

use crate::error::ConfigProblem;

/// What else happens when a file says something new.
pub(crate) trait Follower<T>: Send + Sync {
    /// A new value is there: `swap` puts it into use, and is called here, once.
    fn follow(&self, new: &T, swap: &mut dyn FnMut());

    /// A check ended. What was wrong with the file before and what is now; and whether there is a new value.
    fn report(
        &self,
        path: &Path,
        before: Option<&ConfigProblem>,
        after: Option<&ConfigProblem>,
        new: Option<&T>,
    );
}

/// A file that nobody follows.
pub(super) struct Alone;

impl<T> Follower<T> for Alone {
    fn follow(&self, _: &T, swap: &mut dyn FnMut()) {
        swap();
    }

    /// Says what is new, once: a file that is broken for a day is not worth an event for each check.
    fn report(
        &self,
        path: &Path,
        before: Option<&ConfigProblem>,
        after: Option<&ConfigProblem>,
        new: Option<&T>,
    ) {
        let path = path.display();
        match after {
            Some(problem) if before != after => {
                let code = problem.code();
                tracing::warn!(target: "portcullis::files", event = "file_unusable", %path, code, %problem, "the file is of no use");
            }
            Some(_) => {}
            None if new.is_some() => {
                tracing::info!(target: "portcullis::files", event = "file_changed", %path, "the file changed");
            }
            None if before.is_some() => {
                tracing::info!(target: "portcullis::files", event = "file_recovered", %path, "the file is as it was before");
            }
            None => {}
        }
    }
}
