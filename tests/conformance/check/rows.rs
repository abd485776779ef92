//! The rows, and what is said about them: the four files beside this folder, one JSON object per line.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Inputs;

/// A row of `requirements.jsonl`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    pub(crate) id: String,
    pub(crate) module: String,
    spec: String,
    section: String,
    pub(crate) level: Level,
    pub(crate) tier: Tier,
    #[expect(dead_code, reason = "for who reads the row")]
    confidence: Confidence,
    pub(crate) requirement: String,
    given: String,
    expect: String,
    /// The row that this one tries again in another flow: not counted twice.
    pub(crate) same_as: Option<String>,
}

/// A row of `hostile.jsonl`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hostile {
    pub(crate) id: String,
    pub(crate) category: String,
    pub(crate) input: String,
    pub(crate) expect: String,
    /// The rows that it attacks.
    pub(crate) requirements: Vec<String>,
    #[expect(dead_code, reason = "for who reads the row")]
    confidence: Confidence,
}

/// A row of `modules.jsonl`: a chapter of the requirements.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Module {
    pub(crate) module: String,
    pub(crate) title: String,
    /// Whether its rows count, unless a reason says otherwise of one.
    pub(crate) shipped: bool,
    pub(crate) reason: Option<String>,
}

/// A row of `reasons.jsonl`: what is said about some rows, against what would follow without it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    pub(crate) rows: Vec<String>,
    pub(crate) are: Standing,
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Standing {
    Shipped,
    #[serde(rename = "not shipped")]
    NotShipped,
    #[serde(rename = "not met")]
    NotMet,
    #[serde(rename = "not tested")]
    NotTested,
    /// Tests show a part of it.
    #[serde(rename = "partly met")]
    PartlyMet,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Level {
    Must,
    Should,
    Bcp,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Tier {
    C,
    X,
    O,
    L,
    P,
    Q,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
enum Confidence {
    T,
    Q,
    M,
}

impl Level {
    pub(crate) const ALL: [Self; 3] = [Self::Must, Self::Should, Self::Bcp];
}

impl Tier {
    pub(crate) const ALL: [(Self, &'static str); 6] = [
        (Self::C, "core"),
        (Self::X, "optional feature"),
        (Self::O, "hardening"),
        (Self::L, "client"),
        (Self::P, "profile"),
        (Self::Q, "provider"),
    ];
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::Bcp => "BCP",
        })
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

/// All four files.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) hostile: Vec<Hostile>,
    pub(crate) modules: Vec<Module>,
    pub(crate) reasons: Vec<Reason>,
}

impl Rows {
    /// The rows, and what is wrong with these files on their own. A line that cannot be read is left out.
    pub(crate) fn parse(inputs: &Inputs) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let rows = Self {
            requirements: lines("requirements.jsonl", &inputs.requirements, &mut problems),
            hostile: lines("hostile.jsonl", &inputs.hostile, &mut problems),
            modules: lines("modules.jsonl", &inputs.modules, &mut problems),
            reasons: lines("reasons.jsonl", &inputs.reasons, &mut problems),
        };
        rows.check(&mut problems);
        (rows, problems)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let requirements = self.requirements.iter().map(|row| &*row.id);
        requirements.chain(self.hostile.iter().map(|row| &*row.id))
    }

    pub(crate) fn knows(&self, id: &str) -> bool {
        self.ids().any(|known| known == id)
    }

    pub(crate) fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.requirements.iter().find(|row| row.id == id)
    }

    pub(crate) fn reason(&self, id: &str) -> Option<&Reason> {
        self.reasons.iter().find(|reason| reason.rows.iter().any(|row| row == id))
    }

    /// Whether the feature of this row is there: as its reason says, else as its module does. A hostile row without
    /// a reason is there as soon as something that it attacks is.
    pub(crate) fn shipped(&self, id: &str) -> bool {
        if let Some(reason) = self.reason(id) {
            return reason.are != Standing::NotShipped;
        }
        if let Some(row) = self.requirement(id) {
            return self.modules.iter().any(|module| module.module == row.module && module.shipped);
        }
        let attacked = self.hostile.iter().filter(|row| row.id == id).flat_map(|row| &row.requirements);
        attacked.filter_map(|id| self.requirement(id)).any(|row| self.shipped(&row.id))
    }

    fn check(&self, problems: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        problems.extend(
            self.ids().filter(|id| !seen.insert(*id)).map(|id| format!("{id} stands in the rows twice")),
        );
        for row in &self.requirements {
            let texts = [&row.spec, &row.section, &row.requirement, &row.given, &row.expect];
            if texts.iter().any(|text| text.is_empty()) {
                problems.push(format!("{} has an empty field", row.id));
            }
            if !self.modules.iter().any(|module| module.module == row.module) {
                problems.push(format!(
                    "{} is of module {}, which modules.jsonl does not have",
                    row.id, row.module
                ));
            }
            if row.same_as.as_ref().is_some_and(|other| self.requirement(other).is_none()) {
                problems.push(format!("{} is the same as a row that does not exist", row.id));
            }
        }
        for row in &self.hostile {
            let unknown = row.requirements.iter().filter(|id| self.requirement(id).is_none());
            problems.extend(unknown.map(|id| format!("{} attacks {id}, which does not exist", row.id)));
        }
        for module in self.modules.iter().filter(|module| !module.shipped && module.reason.is_none()) {
            problems.push(format!("module {} is not shipped, and nothing says why", module.module));
        }
        let mut seen = BTreeSet::new();
        for id in self.reasons.iter().flat_map(|reason| &reason.rows) {
            if !self.knows(id) {
                problems.push(format!("a reason names {id}, which does not exist"));
            }
            if !seen.insert(id) {
                problems.push(format!("two reasons name {id}"));
            }
        }
    }
}

fn lines<T: DeserializeOwned>(name: &str, text: &str, problems: &mut Vec<String>) -> Vec<T> {
    let mut read = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        match serde_json::from_str(line) {
            Ok(row) => read.push(row),
            Err(error) => problems.push(format!("{name}:{number}: {error}")),
        }
    }
    read
}
