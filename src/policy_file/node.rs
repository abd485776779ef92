use std::sync::Arc;

use crate::error::{Place, Problems};

/// A value of the file, and where it begins.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) value: Value,
}

#[derive(Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Bool(bool),
    List(Vec<Node>),
    /// In the order of the names.
    Table(Vec<Member>),
    /// What no member of a policy file is, in words.
    Other(&'static str),
}

#[derive(Clone)]
pub(super) struct Member {
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) node: Node,
}

impl PartialEq for Node {
    /// What they say, wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.node) == (&other.name, &other.node)
    }
}

impl Value {
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a whole number",
            Self::Bool(_) => "`true` or `false`",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(what) => what,
        }
    }
}

/// What is wrong with a text, and where in it.
pub(super) struct Reading {
    file: Arc<str>,
    /// Where lines begin.
    lines: Vec<usize>,
    problems: Problems,
}

impl Reading {
    pub(super) fn new(file: &Arc<str>, text: &str) -> Self {
        let after_line_feeds = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        let lines = [0].into_iter().chain(after_line_feeds).collect();
        Self { file: Arc::clone(file), lines, problems: Problems::default() }
    }

    pub(super) fn place(&self, at: usize) -> Place {
        let line = self.lines.partition_point(|begin| *begin <= at);
        let begin = line.checked_sub(1).and_then(|line| self.lines.get(line)).copied().unwrap_or_default();
        // In bytes: counting characters again and again would take long where a long text is one line.
        let column = at.saturating_sub(begin).saturating_add(1);
        Place { file: Arc::clone(&self.file), line, column }
    }

    /// The problems, to which those of what stands here are to be added.
    pub(super) fn at(&mut self, at: usize) -> &mut Problems {
        let place = self.place(at);
        self.problems.set_place(Some(&place));
        &mut self.problems
    }

    /// The problems, to which those of no place are to be added, or of what has its own.
    pub(super) fn anywhere(&mut self) -> &mut Problems {
        self.problems.set_place(None);
        &mut self.problems
    }

    pub(super) fn into_problems(self) -> Problems {
        self.problems
    }
}
