//! The operator's settings.

use hostler_patterns::PathPattern;
use hostler_sdk::Problem;
use serde::Deserialize;
use serde_json::Value;

/// What an operator allows and denies.
pub(crate) struct Settings {
    /// Of files on servers.
    pub(crate) remote: Lists,
    /// Of the daemon's own. `None`: all that the daemon lends.
    pub(crate) local: Option<Lists>,
}

/// What is allowed and denied on one side.
pub(crate) struct Lists {
    /// `None`: whatever `deny` does not name.
    pub(crate) allow: Option<Vec<Rule>>,
    pub(crate) deny: Vec<PathPattern>,
}

/// Files that may be reached.
pub(crate) struct Rule {
    pub(crate) path: PathPattern,
    pub(crate) access: Access,
    /// Bytes of what is written.
    pub(crate) max_size: Option<u64>,
}

/// In which direction.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    Read,
    Write,
    Both,
}

impl Access {
    /// What is done to a file, as a sentence has it.
    pub(crate) fn word(self) -> &'static str {
        if self == Self::Read { "read" } else { "written or changed" }
    }
}

/// The settings as they are written, each rule to be read by itself.
#[derive(Deserialize)]
struct WrittenSettings {
    #[serde(flatten)]
    remote: WrittenLists,
    local: Option<WrittenLists>,
}

/// Lists as they are written.
#[derive(Deserialize)]
struct WrittenLists {
    allow: Option<Vec<Value>>,
    #[serde(default)]
    deny: Vec<String>,
}

/// A rule as it is written.
#[derive(Deserialize)]
struct WrittenRule {
    path: String,
    access: Access,
    max_size: Option<u64>,
}

impl Settings {
    /// Reads a JSON object. Every wrong rule is a problem of its own.
    pub(crate) fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let written: WrittenSettings =
            serde_json::from_str(text).map_err(|error| vec![Problem::value(error.to_string())])?;
        let mut problems = Vec::new();
        let remote = Lists::read(written.remote, &mut problems);
        let mut local_problems = Vec::new();
        let local = written.local.map(|lists| Lists::read(lists, &mut local_problems));
        for mut problem in local_problems {
            problem.path.insert(0, "local".into());
            problems.push(problem);
        }
        if problems.is_empty() { Ok(Self { remote, local }) } else { Err(problems) }
    }
}

impl Lists {
    fn read(written: WrittenLists, problems: &mut Vec<Problem>) -> Self {
        let allow = written.allow.map(|rules| Problem::read_each("allow", rules, problems, Rule::read));
        let pattern = |text: String| PathPattern::read(&text).map_err(Problem::value);
        Self { allow, deny: Problem::read_each("deny", written.deny, problems, pattern) }
    }
}

impl Rule {
    fn read(value: Value) -> Result<Self, Problem> {
        let WrittenRule { path, access, max_size } =
            serde_json::from_value(value).map_err(|error| Problem::value(error.to_string()))?;
        let path = PathPattern::read(&path).map_err(|message| Problem::new(["path"], "value_error", message))?;
        Ok(Self { path, access, max_size })
    }

    /// Whether the rule is about a path and a direction. The size is another question.
    pub(crate) fn covers(&self, path: &str, access: Access) -> bool {
        self.gives(access) && self.path.covers(path)
    }

    /// Whether it is about a direction.
    pub(crate) fn gives(&self, access: Access) -> bool {
        self.access == Access::Both || self.access == access
    }
}
