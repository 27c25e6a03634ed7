//! The policy `{{name}}`: some programs may not be run.

use hostler_sdk::policy::{Action, Context, Denial, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};
use serde::Deserialize;

/// The policy, as the operator sets it: `settings.schema.json`.
#[derive(Deserialize)]
#[serde(default)]
pub struct Plugin {
    forbidden: Vec<String>,
}

impl Default for Plugin {
    fn default() -> Self {
        Self { forbidden: vec!["reboot".into()] }
    }
}

/// What is told of a command.
#[derive(Deserialize)]
struct Exec {
    command: String,
    stdin: Option<String>,
    #[serde(default)]
    answers: Vec<(String, String)>,
}

impl Policy for Plugin {
    fn describe() -> Description {
        Description {
            name: "{{name}}".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Keeps jobs from running some programs.".into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn new(settings: &str) -> Result<Self, Vec<Problem>> {
        serde_json::from_str(settings).map_err(|error| vec![Problem::value(error.to_string())])
    }

    /// Before a job is accepted: what can be known then is best denied then.
    fn review(&self, _context: &Context, job: &Job) -> Judgement {
        let commands = job.request.command.iter().chain(&job.request.config).flatten();
        commands.map(|command| self.judge(command)).find(Result::is_err).unwrap_or(Ok(())).into()
    }

    /// Before each action: what really happens.
    fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
        match action.kind.as_str() {
            "exec" => serde_json::from_str(&action.details)
                .map_err(Denial::unreadable)
                .and_then(|exec: Exec| self.judge_exec(&exec))
                .into(),
            "connect" => Verdict::Allow,
            // More kinds will come: deny what you cannot judge.
            kind => Verdict::Deny(Denial::unknown(kind)),
        }
    }
}

impl Plugin {
    /// A shell runs what it reads.
    fn judge_exec(&self, exec: &Exec) -> Result<(), Denial> {
        if exec.stdin.is_some() || !exec.answers.is_empty() {
            return Err(Denial::new("input", "Commands may be given no input: neither a script nor answers."));
        }
        self.judge(&exec.command)
    }

    /// By the first word only. `policy-commands`, which comes with the daemon, takes whole lines apart.
    fn judge(&self, command: &str) -> Result<(), Denial> {
        let program = command.split_whitespace().next().unwrap_or_default();
        if self.forbidden.iter().any(|forbidden| forbidden == program) {
            return Err(Denial::new("forbidden-program", format!("`{program}` may not be run: ask the operator.")));
        }
        Ok(())
    }
}

hostler_sdk::policy!(Plugin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_forbidden_and_commands_read_nothing() {
        let policy = Plugin::new(r#"{"forbidden": ["shutdown"]}"#).expect("good settings");
        let exec = |details: &str| policy.judge_exec(&serde_json::from_str(details).expect("what is told"));
        assert!(exec(r#"{"command": "reboot", "stdin": null, "answers": []}"#).is_ok());
        for (details, code) in [
            (r#"{"command": "shutdown -h now"}"#, "forbidden-program"),
            (r#"{"command": "bash", "stdin": "shutdown"}"#, "input"),
            (r#"{"command": "bash", "answers": [["$", "shutdown"]]}"#, "input"),
        ] {
            assert_eq!(exec(details).expect_err(details).code, code);
        }
    }

    #[test]
    fn without_settings_nobody_reboots() {
        assert!(Plugin::new("{}").expect("good settings").judge("reboot").is_err());
        assert!(Plugin::new(r#"{"forbidden": "reboot"}"#).is_err());
    }
}
