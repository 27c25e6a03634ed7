//! The policy `policy-no-root`: nobody logs in as root, and no command becomes root.
//!
//! ```json
//! {"users": ["root", "toor"], "elevate": false}
//! ```

use hostler_patterns::command::parse;
use hostler_sdk::policy::{Action, Context, Denial, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem, Target};
use serde::Deserialize;

/// Programs whose purpose is to run something with another user's rights.
const ELEVATORS: [&str; 10] =
    ["doas", "machinectl", "pkexec", "run0", "runuser", "setpriv", "su", "sudo", "sudoedit", "systemd-run"];

/// The policy, as the operator sets it.
#[derive(Deserialize)]
#[serde(default)]
pub struct NoRoot {
    users: Vec<String>,
    elevate: bool,
}

impl Default for NoRoot {
    fn default() -> Self {
        Self { users: vec!["root".into(), "toor".into()], elevate: false }
    }
}

/// The details of a command.
#[derive(Deserialize)]
struct Exec {
    command: String,
    elevate: Option<String>,
}

impl Policy for NoRoot {
    fn describe() -> Description {
        Description {
            name: "policy-no-root".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Keeps jobs from logging in as root and from becoming root.".into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn new(settings: &str) -> Result<Self, Vec<Problem>> {
        serde_json::from_str(settings).map_err(|error| vec![Problem::value(error.to_string())])
    }

    fn review(&self, _context: &Context, job: &Job) -> Judgement {
        self.check_login(&job.target).into()
    }

    fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
        self.check_action(action).into()
    }
}

impl NoRoot {
    fn is_root(&self, user: &str) -> bool {
        self.users.iter().any(|root| root == user)
    }

    /// Judges the logins at a server and at each jump host on the way.
    fn check_login(&self, target: &Target) -> Result<(), Denial> {
        let hops = target.jumps.iter().map(|hop| (&hop.user, &hop.host));
        match hops.chain([(&target.user, &target.host)]).find(|(user, _)| self.is_root(user)) {
            Some((user, host)) => {
                let reason = format!("Nobody may log in to {host} as {user}: use an account of your own.");
                Err(Denial::new("root-login", reason))
            }
            None => Ok(()),
        }
    }

    fn check_action(&self, action: &Action) -> Result<(), Denial> {
        match action.kind.as_str() {
            "connect" => self.check_login(&action.target),
            "exec" if !self.elevate => {
                let exec: Exec = serde_json::from_str(&action.details).map_err(Denial::unreadable)?;
                self.check_exec(&exec)
            }
            // Whatever else happens is done by the user who logged in.
            _ => Ok(()),
        }
    }

    fn check_exec(&self, exec: &Exec) -> Result<(), Denial> {
        // sudo takes a number too, after `#`, and many numbers may be root's.
        if let Some(user) = exec.elevate.as_ref().filter(|user| user.starts_with('#') || self.is_root(user)) {
            let reason = format!("Commands may not run with the rights of {user}: leave out `sudo`.");
            return Err(Denial::new("root-elevation", reason));
        }
        // What cannot be taken apart is for `policy-commands` to deny.
        let commands = parse(&exec.command).unwrap_or_default();
        let name = |program: &str| program.rsplit('/').next().unwrap_or_default().to_owned();
        match commands.iter().find(|command| ELEVATORS.contains(&name(command.program()).as_str())) {
            Some(command) => {
                let reason = format!("`{}` may not be run: it can give the rights of root.", command.program());
                Err(Denial::new("root-elevation", reason))
            }
            None => Ok(()),
        }
    }
}

hostler_sdk::policy!(NoRoot);

#[cfg(test)]
mod tests {
    use super::*;
    use hostler_sdk::{Hop, Request};
    use serde_json::json;

    fn target(user: &str, hop: Option<&str>) -> Target {
        let jumps = hop.map(|user| Hop { host: "bastion".into(), port: 22, user: user.into() });
        Target { host: "a".into(), port: 22, user: user.into(), jumps: jumps.into_iter().collect() }
    }

    /// The code of the denial, or `allow`.
    fn word(judgement: impl Into<Judgement>) -> String {
        match judgement.into() {
            Judgement::Allow => "allow".into(),
            Judgement::Deny(denial) => denial.code,
            Judgement::Amend(_) => "amend".into(),
        }
    }

    fn policy(settings: &str) -> NoRoot {
        NoRoot::new(settings).expect("settings")
    }

    fn context() -> Context {
        Context { settings: "{}".into(), now_ms: 0, may_amend: true }
    }

    fn review(settings: &str, target: Target) -> String {
        let (connection_args, driver_args) = ("{}".into(), "{}".into());
        let request = Request { command: None, config: None, connection_args, driver_args, secrets: vec![] };
        let job = Job { id: "1".into(), driver: "paramiko".into(), target, request };
        word(policy(settings).review(&context(), &job))
    }

    fn act(settings: &str, kind: &str, target: Target, details: String) -> String {
        let (job, driver, kind) = ("1".into(), "paramiko".into(), kind.into());
        word(policy(settings).authorize(&context(), &Action { job, driver, kind, target, details }))
    }

    fn exec(settings: &str, command: &str, elevate: Option<&str>) -> String {
        let details = json!({"command": command, "elevate": elevate}).to_string();
        act(settings, "exec", target("admin", None), details)
    }

    #[test]
    fn nobody_logs_in_as_root_on_any_leg() {
        let cases = [
            ("admin", None, "allow"),
            ("root", None, "root-login"),
            ("toor", None, "root-login"),
            ("admin", Some("root"), "root-login"),
            ("admin", Some("hop"), "allow"),
        ];
        for (user, hop, expected) in cases {
            assert_eq!(review("{}", target(user, hop)), expected, "{user} {hop:?}");
            assert_eq!(act("{}", "connect", target(user, hop), "{}".into()), expected, "{user} {hop:?}");
        }
        assert_eq!(review(r#"{"users": ["admin"]}"#, target("admin", None)), "root-login");
        assert_eq!(review(r#"{"elevate": true}"#, target("root", None)), "root-login");
    }

    #[test]
    fn no_command_asks_for_the_rights_of_root() {
        assert_eq!(exec("{}", "id", None), "allow");
        assert_eq!(exec("{}", "id", Some("postgres")), "allow");
        for user in ["root", "toor", "#0", "#00"] {
            assert_eq!(exec("{}", "id", Some(user)), "root-elevation", "{user}");
            assert_eq!(exec(r#"{"elevate": true}"#, "id", Some(user)), "allow", "{user}");
        }
    }

    #[test]
    fn no_command_calls_a_program_that_gives_them() {
        for line in ["sudo id", "ls; /usr/bin/sudo id", "su -", "s''u", "/opt/bin/doas id", "true && pkexec id"] {
            assert_eq!(exec("{}", line, None), "root-elevation", "{line}");
            assert_eq!(exec(r#"{"elevate": true}"#, line, None), "allow", "{line}");
        }
        assert_eq!(exec("{}", "echo sudo; ls /usr/bin/sudo", None), "allow");
    }

    #[test]
    fn what_cannot_be_judged_is_denied() {
        assert_eq!(act("{}", "exec", target("admin", None), "{}".into()), "cannot-judge");
        assert!(NoRoot::new("[1]").is_err());
    }
}
