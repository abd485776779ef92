use std::fmt;
use std::sync::Arc;

/// A configuration that cannot work, with *every* problem found in it.
///
/// Returned by `build()`: required settings that are missing, values that can never match, settings that
/// contradict each other. It prints all problems (the first 1000), so one look is enough to mend them all.
///
/// ```
/// use portcullis::ResourceServer;
///
/// let error = ResourceServer::builder("http://id.example.com").build().unwrap_err();
/// let codes: Vec<_> = error.problems().iter().map(|problem| problem.code()).collect();
/// assert_eq!(codes, ["insecure_issuer", "missing_audience"]);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

/// One problem of a [`ConfigError`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigProblem {
    code: &'static str,
    message: String,
}

impl ConfigError {
    /// Every problem found, in the order of the settings.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl ConfigProblem {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// All problems in one, with the code of the first: for whoever can be told of one only.
    #[cfg(feature = "policy-file")]
    pub(crate) fn of_all(error: &ConfigError) -> Self {
        let code = error.problems.first().map_or("invalid_toml", |problem| problem.code);
        Self::new(code, error.to_string())
    }

    /// A stable, lower-case name of this kind of problem, such as `missing_audience`. [All codes](crate::docs::codes).
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

/// Where something of the configuration stands, if that is in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) file: Arc<str>,
    /// Both from 1; the column in characters.
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Gathers the problems of one configuration.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<ConfigProblem>,
    /// Which of several issuers is being looked at.
    subject: Option<String>,
    /// Where that stands which is being looked at.
    place: Option<Place>,
}

/// Whoever has more mends these first.
const MOST_PROBLEMS: usize = 1000;

impl Problems {
    pub(crate) fn add(&mut self, code: &'static str, message: impl Into<String>) {
        self.push(ConfigProblem::new(code, message));
    }

    /// From now on, problems are those of this issuer, and their messages say so.
    pub(crate) fn set_subject(&mut self, subject: Option<String>) {
        self.subject = subject;
    }

    /// From now on, problems are those of what stands here, and their messages say so.
    pub(crate) fn set_place(&mut self, place: Option<&Place>) {
        self.place = place.cloned();
    }

    fn push(&mut self, mut problem: ConfigProblem) {
        if let Some(subject) = &self.subject {
            problem.message = format!("of issuer `{subject}`: {}", problem.message);
        }
        if let Some(place) = &self.place {
            problem.message = format!("{place}: {}", problem.message);
        }
        // Keys and introspection of one issuer may find the same.
        if self.found.len() < MOST_PROBLEMS && !self.found.contains(&problem) {
            self.found.push(problem);
        }
    }

    /// The value, or `None` with its problem noted.
    pub(crate) fn note<T>(&mut self, result: Result<T, ConfigProblem>) -> Option<T> {
        result.map_err(|problem| self.push(problem)).ok()
    }

    pub(crate) fn into_error(self) -> ConfigError {
        ConfigError { problems: self.found }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }
}
