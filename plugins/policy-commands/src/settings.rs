//! The operator's settings.

use hostler_patterns::CommandPattern;
use hostler_sdk::Problem;
use serde::Deserialize;

/// What an operator allows and denies.
pub(crate) struct Settings {
    /// `None`: whatever `deny` does not name.
    pub(crate) allow: Option<Vec<CommandPattern>>,
    pub(crate) deny: Vec<CommandPattern>,
    pub(crate) flags: Flags,
}

/// What needs no reading.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Flags {
    pub(crate) stdin: bool,
    pub(crate) shell: bool,
    pub(crate) files: bool,
    /// Names of variables, with wildcards.
    pub(crate) environment: Vec<String>,
    /// `None`: any user.
    pub(crate) elevate: Option<Vec<String>>,
    /// Drivers that run each line of a request as a command.
    pub(crate) drivers: Vec<String>,
}

impl Default for Flags {
    fn default() -> Self {
        // None of these names a file that is loaded or a program that is run.
        let environment = ["LANG", "LANGUAGE", "LC_*", "TERM", "TZ"].map(str::to_owned).to_vec();
        Self { stdin: false, shell: false, files: false, environment, elevate: None, drivers: vec!["paramiko".into()] }
    }
}

/// The settings as they are written, each pattern to be read by itself.
#[derive(Deserialize)]
struct WrittenSettings {
    allow: Option<Vec<String>>,
    #[serde(default)]
    deny: Vec<String>,
    #[serde(flatten)]
    flags: Flags,
}

impl Settings {
    /// Reads a JSON object. Every wrong pattern is a problem of its own.
    pub(crate) fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let written: WrittenSettings =
            serde_json::from_str(text).map_err(|error| vec![Problem::value(error.to_string())])?;
        let mut problems = Vec::new();
        let pattern = |text: String| CommandPattern::read(&text).map_err(Problem::value);
        let allow = written.allow.map(|texts| Problem::read_each("allow", texts, &mut problems, pattern));
        let deny = Problem::read_each("deny", written.deny, &mut problems, pattern);
        // What allows everything allows what no list does.
        let allow = allow.filter(|patterns| !patterns.iter().any(CommandPattern::is_all));
        if problems.is_empty() { Ok(Self { allow, deny, flags: written.flags }) } else { Err(problems) }
    }
}
