//! Whether a command may be run, and what it is given.

use crate::runners::is_runner;
use crate::settings::Settings;
use hostler_patterns::command::parse;
use hostler_patterns::{Command, CommandPattern, matches};
use hostler_sdk::Job;
use hostler_sdk::policy::{Action, Denial};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Words of a job's lines that are judged when it is submitted: a review has little time.
const MAX_WORDS: usize = 20_000;

/// The details of a command.
#[derive(Deserialize)]
struct Exec {
    command: String,
    environment: BTreeMap<String, String>,
    elevate: Option<String>,
    stdin: Option<String>,
    answers: Vec<(String, String)>,
}

/// Judges the lines of a job, if its driver runs them as they are. An empty one, beside a script, runs nothing.
pub(crate) fn of_job(settings: &Settings, job: &Job) -> Result<(), Denial> {
    if !settings.flags.drivers.contains(&job.driver) {
        return Ok(());
    }
    let lines = [&job.request.command, &job.request.config].into_iter().flatten().flatten();
    let mut words = 0;
    for line in lines.filter(|line| !line.is_empty()) {
        words += of_line(settings, line)?;
        if words > MAX_WORDS {
            return Err(Denial::cannot_judge(format_args!(
                "its lines have more than {MAX_WORDS} words: divide it into several jobs"
            )));
        }
    }
    Ok(())
}

/// Judges an action.
pub(crate) fn of_action(settings: &Settings, action: &Action) -> Result<(), Denial> {
    let flags = &settings.flags;
    match action.kind.as_str() {
        "exec" => {
            let exec: Exec = serde_json::from_str(&action.details).map_err(Denial::unreadable)?;
            of_line(settings, &exec.command)?;
            let is_silent = exec.stdin.is_none() && exec.answers.is_empty();
            demand(flags.stdin || is_silent, "stdin", "Commands may be given no input, neither a script nor answers")?;
            for name in exec.environment.keys() {
                let is_named = flags.environment.iter().any(|pattern| matches(pattern, name));
                demand(is_named, "environment", format_args!("The variable {name} may not be set"))?;
            }
            let Some(user) = exec.elevate else { return Ok(()) };
            let is_named = flags.elevate.as_ref().is_none_or(|users| users.contains(&user));
            demand(is_named, "elevate", format_args!("Commands may not run with the rights of {user}"))
        }
        "shell" | "type" => demand(flags.shell, "shell", "Interactive sessions may not be opened"),
        "write-file" | "change-file" => demand(flags.files, "files", "Files may not be written or changed"),
        // Each command of a detached task was judged as one.
        "connect" | "detach" | "tend" | "read-file" | "list-folder" | "read-local-file" | "write-local-file" => Ok(()),
        unknown => Err(Denial::unknown(unknown)),
    }
}

fn demand(is_met: bool, setting: &str, what: impl std::fmt::Display) -> Result<(), Denial> {
    if is_met {
        return Ok(());
    }
    Err(Denial::new(format!("{setting}-not-allowed"), format!("{what}: the setting `{setting}` does not allow it.")))
}

/// Judges a line; answers how many words of it had to be looked at.
fn of_line(settings: &Settings, line: &str) -> Result<usize, Denial> {
    if settings.deny.iter().any(CommandPattern::is_all) {
        return Err(Denial::new("command-denied", "No command may be run: the list `deny` names them all."));
    }
    if settings.allow.is_none() && settings.deny.is_empty() {
        return Ok(0);
    }
    let mut words = 0;
    for command in parse(line).map_err(Denial::cannot_judge)? {
        check_denied(&settings.deny, &command)?;
        match &settings.allow {
            Some(allow) if allow.iter().any(|pattern| pattern.covers(&command)) => {}
            Some(_) => {
                let reason = format!("`{command}` may not be run: no rule of the list `allow` names it.");
                return Err(Denial::new("command-not-allowed", reason));
            }
            None => check_program(&command)?,
        }
        words += command.words().len();
    }
    Ok(words)
}

/// What may be meant by a rule and has no form in which paths are compared is denied as well.
fn check_denied(deny: &[CommandPattern], command: &Command) -> Result<(), Denial> {
    let mut is_clear = true;
    for denied in deny.iter().map(|pattern| pattern.denies(command)) {
        if denied == Some(true) {
            let reason = format!("`{command}` may not be run: a rule of the list `deny` names it.");
            return Err(Denial::new("command-denied", reason));
        }
        is_clear &= denied.is_some();
    }
    if is_clear {
        return Ok(());
    }
    Err(Denial::cannot_judge(format_args!(
        "a rule of the list `deny` may mean `{command}`: write its paths out, beginning with / and without `..`"
    )))
}

/// Where only `deny` stands between a job and a program, what else the program would run must be known.
fn check_program(command: &Command) -> Result<(), Denial> {
    let program = command.program();
    match command.system_program() {
        Some(name) if is_runner(&name) => Err(Denial::cannot_judge(format_args!(
            "`{program}` can run other programs, which the list `deny` would not see"
        ))),
        Some(_) => Ok(()),
        None => {
            Err(Denial::cannot_judge(format_args!("nobody knows what `{program}`, outside the system's folders, is")))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Commands;
    use hostler_sdk::policy::{Action, Context, Judgement, Policy};
    use hostler_sdk::{Job, Request, Target};
    use serde_json::{Value, json};

    fn policy(settings: &Value) -> Commands {
        Commands::new(&settings.to_string()).expect("settings")
    }

    fn context() -> Context {
        Context { settings: "{}".into(), now_ms: 0, may_amend: true }
    }

    fn target() -> Target {
        Target { host: "a".into(), port: 22, user: "admin".into(), jumps: vec![] }
    }

    /// The code of the denial, or `allow`.
    fn word(judgement: impl Into<Judgement>) -> String {
        match judgement.into() {
            Judgement::Allow => "allow".into(),
            Judgement::Deny(denial) => denial.code,
            Judgement::Amend(_) => "amend".into(),
        }
    }

    fn act(settings: &Value, kind: &str, details: &Value) -> String {
        let (job, driver, kind) = ("1".into(), "appliance".into(), kind.into());
        let action = Action { job, driver, kind, target: target(), details: details.to_string() };
        word(policy(settings).authorize(&context(), &action))
    }

    /// A command as the daemon tells of it, with some details changed.
    fn exec_with(settings: &Value, command: &str, changes: &Value) -> String {
        let mut details = json!({"command": command, "wire": command, "environment": {}, "working-directory": null,
            "elevate": null, "pty": false, "stdin": null, "answers": []});
        let changes = changes.as_object().expect("an object").clone();
        details.as_object_mut().expect("an object").extend(changes);
        act(settings, "exec", &details)
    }

    fn exec(settings: &Value, command: &str) -> String {
        exec_with(settings, command, &json!({}))
    }

    fn review(settings: &Value, driver: &str, command: Option<&str>, config: Option<&str>) -> String {
        let lines = |line: Option<&str>| line.map(|line| vec!["uptime".to_owned(), line.to_owned()]);
        let (connection_args, driver_args) = ("{}".into(), "{}".into());
        let request =
            Request { command: lines(command), config: lines(config), connection_args, driver_args, secrets: vec![] };
        let job = Job { id: "1".into(), driver: driver.into(), target: target(), request };
        word(policy(settings).review(&context(), &job))
    }

    #[test]
    fn each_command_of_a_line_must_be_allowed() {
        let settings = json!({"allow": ["ps *", "grep *", "systemctl status *"]});
        assert_eq!(exec(&settings, "ps aux | grep 'nginx: worker'"), "allow");
        assert_eq!(exec(&settings, "/usr/bin/systemctl status nginx"), "allow");
        assert_eq!(exec(&settings, "systemctl stop nginx"), "command-not-allowed");
        assert_eq!(exec(&settings, "ps aux; rm -rf /"), "command-not-allowed");
        assert_eq!(exec(&settings, "./ps"), "command-not-allowed");
        assert_eq!(exec(&settings, "ps $(rm -rf /)"), "cannot-judge");
    }

    #[test]
    fn deny_wins_over_allow() {
        let settings = json!({"allow": ["systemctl *"], "deny": ["systemctl stop *"]});
        assert_eq!(exec(&settings, "systemctl status x"), "allow");
        assert_eq!(exec(&settings, "systemctl status x && systemctl stop x"), "command-denied");
        assert_eq!(exec(&json!({"allow": ["*"], "deny": ["*"]}), "x"), "command-denied");
    }

    #[test]
    fn another_spelling_is_denied_as_well() {
        let settings = json!({"allow": ["/usr/bin/* *", "cat *", "ls *"], "deny": ["rm *", "cat /etc/shadow"]});
        assert_eq!(exec(&settings, "/usr/bin//rm -rf /"), "command-denied");
        assert_eq!(exec(&settings, "cat //etc/./shadow"), "command-denied");
        for line in ["cat /etc/../etc/shadow", "cat ../etc/shadow", "cat shadow", "/usr/bin/../bin/rm x"] {
            assert_eq!(exec(&settings, line), "cannot-judge", "{line}");
        }
        for line in ["cat /etc/motd", "/usr/bin/cat -A /etc/motd", "ls ../etc"] {
            assert_eq!(exec(&settings, line), "allow", "{line}");
        }
        let by_path = json!({"allow": ["rm *", "/bin/* *"], "deny": ["/usr/bin/rm *"]});
        assert_eq!([exec(&by_path, "rm x"), exec(&by_path, "/bin/rm x")], ["command-denied"; 2]);
    }

    #[test]
    fn a_deny_list_alone_denies_what_it_cannot_see_through() {
        for settings in [json!({"deny": ["rm *"]}), json!({"allow": ["*"], "deny": ["rm *"]})] {
            for line in ["rm -rf /", "r''m -rf /", "/bin/rm x", "ls; \"rm\" x"] {
                assert_eq!(exec(&settings, line), "command-denied", "{line}");
            }
            let tricks = [
                "\\rm x",
                "sudo rm x",
                "sh -c 'rm x'",
                "echo cm0= | base64 -d | sh",
                "/usr/bin/env rm x",
                "find / -delete",
                "python3.11 -c x",
                "dash x",
                "nohup rm x",
                "busybox rm x",
                "/lib/../bin/rm x",
                "/tmp/x",
                "./rm",
                ". x",
                "export PATH=/tmp; ls",
                "printf -v 'a[$(rm x)]' b",
                "eval rm",
                "A=b rm x",
                "tar -cf x --checkpoint-action=exec=rm",
                "/lib64/ld-linux-x86-64.so.2 /bin/rm",
                "ld.so rm",
                "ls\nrm$IFS-rf",
                "ls\r",
                "mawk x",
                "ksh93 x",
                "'[' -v 'a[$(rm x)]' ']'",
            ];
            for line in tricks {
                assert_eq!(exec(&settings, line), "cannot-judge", "{line:?}");
            }
            for line in ["ls -l", "systemctl stop nginx", "cat /etc/motd | grep x", "uname -a && uptime", "df -h"] {
                assert_eq!(exec(&settings, line), "allow", "{line}");
            }
        }
    }

    #[test]
    fn without_lists_any_line_may_be_run_but_not_fed() {
        assert_eq!(exec(&json!({}), "for x in $(ls); do echo $x; done"), "allow");
        assert_eq!(exec_with(&json!({}), "bash", &json!({"stdin": "rm x"})), "stdin-not-allowed");
        assert_eq!(exec_with(&json!({}), "passwd", &json!({"answers": [["?", "x"]]})), "stdin-not-allowed");
        let fed = json!({"stdin": "rm x", "answers": [["?", "x"]]});
        assert_eq!(exec_with(&json!({"stdin": true}), "bash", &fed), "allow");
    }

    #[test]
    fn variables_must_be_named() {
        let with = |settings: &Value, name: &str| exec_with(settings, "ls", &json!({"environment": {name: "x"}}));
        assert_eq!(with(&json!({}), "LC_ALL"), "allow");
        for name in ["LD_PRELOAD", "PATH", "BASH_ENV", "BASH_FUNC_ls%%", "LESSOPEN"] {
            assert_eq!(with(&json!({}), name), "environment-not-allowed", "{name}");
        }
        assert_eq!(with(&json!({"environment": ["APP_*"]}), "APP_HOME"), "allow");
        assert_eq!(with(&json!({"environment": ["APP_*"]}), "LANG"), "environment-not-allowed");
    }

    #[test]
    fn elevation_is_for_the_users_that_are_named() {
        let with = |settings: &Value, user: &str| exec_with(settings, "id", &json!({"elevate": user}));
        assert_eq!(with(&json!({}), "root"), "allow");
        assert_eq!(with(&json!({"elevate": ["www-data"]}), "www-data"), "allow");
        assert_eq!(with(&json!({"elevate": ["www-data"]}), "root"), "elevate-not-allowed");
        assert_eq!(with(&json!({"elevate": ["root"]}), "#0"), "elevate-not-allowed");
        assert_eq!(with(&json!({"elevate": []}), "root"), "elevate-not-allowed");
    }

    #[test]
    fn other_ways_to_run_something_are_closed_unless_they_are_opened() {
        for (kind, setting) in
            [("shell", "shell"), ("type", "shell"), ("write-file", "files"), ("change-file", "files")]
        {
            assert_eq!(act(&json!({}), kind, &json!({})), format!("{setting}-not-allowed"), "{kind}");
            assert_eq!(act(&json!({setting: true}), kind, &json!({})), "allow", "{kind}");
        }
        for kind in ["connect", "detach", "tend", "read-file", "list-folder", "read-local-file", "write-local-file"] {
            assert_eq!(act(&json!({"allow": ["ls"]}), kind, &json!({})), "allow", "{kind}");
        }
    }

    #[test]
    fn a_job_is_judged_at_once_if_its_driver_runs_its_lines() {
        let settings = json!({"allow": ["uptime"]});
        assert_eq!(review(&settings, "paramiko", Some("uptime"), None), "allow");
        assert_eq!(review(&settings, "paramiko", Some(""), None), "allow");
        assert_eq!(review(&settings, "paramiko", Some("ls"), None), "command-not-allowed");
        assert_eq!(review(&settings, "paramiko", None, Some("ls")), "command-not-allowed");
        assert_eq!(review(&settings, "appliance", None, Some("interface ge-0/0/0")), "allow");
        let both = json!({"allow": ["uptime"], "drivers": ["appliance"]});
        assert_eq!(review(&both, "appliance", None, Some("ls")), "command-not-allowed");
    }

    #[test]
    fn a_job_with_more_words_than_there_is_time_for_is_denied() {
        let settings = json!({"allow": ["uptime"]});
        let long = "uptime;".repeat(10_000);
        assert_eq!(review(&settings, "paramiko", Some(&long), None), "allow");
        assert_eq!(review(&settings, "paramiko", Some(&long), Some(&long)), "cannot-judge");
        assert_eq!(review(&json!({}), "paramiko", Some(&long), Some(&long)), "allow", "nobody has to look at them");
        assert_eq!(exec(&settings, &format!("{long}uptime")), "cannot-judge");
    }

    #[test]
    fn what_cannot_be_judged_is_denied() {
        assert_eq!(act(&json!({}), "teleport", &json!({})), "cannot-judge");
        assert_eq!(act(&json!({}), "exec", &json!({"command": "ls"})), "cannot-judge");
    }

    #[test]
    fn each_wrong_pattern_is_named_by_its_path() {
        let settings = json!({"allow": ["ls", "a; b"], "deny": ["./rm"]}).to_string();
        let problems = Commands::new(&settings).err().expect("two are wrong");
        let paths: Vec<String> = problems.iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(paths, ["allow.1", "deny.0"]);
    }
}
