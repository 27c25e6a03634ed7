//! Commands that go on when their session has ended: the programs that the target's `/bin/sh` gets on standard input,
//! and what they answer. They need POSIX tools, `head -c`, `setsid` and `/proc`.
//!
//! A task has a folder of its own, `~/.local/state/hostler/tasks/NAME` of whoever's rights it has (or below
//! `/tmp/hostler-UID`): `log` has both of its streams, `pid` its process and when that started, `status` how it ended,
//! `about` what it is, and `kill` is there if it was to be stopped. Its process leads a session and a process group, and it
//! and all that it starts bear the task's name in their environment, so that nothing else is ever taken for it.

use crate::line::quoted;
use crate::{Elevation, Exec};
use bytes::Bytes;
use hostler_model::{ErrorKind, Exit, Failure, Phase, TaskId};
use std::time::Duration;
use uuid::Uuid;

const PRELUDE: &str = include_str!("task/prelude.sh");
const LAUNCH: &str = include_str!("task/launch.sh");
const LEADER: &str = include_str!("task/leader.sh");
const READ: &str = include_str!("task/read.sh");
const KILL: &str = include_str!("task/kill.sh");
const LIST: &str = include_str!("task/list.sh");

/// It is valid in POSIX shells, csh and fish, and shows nothing of what is done in process listings.
const SHELL: &str = r#"exec /bin/sh -c 'eval "$(cat)"'"#;

/// Commands that are to go on by themselves.
#[derive(Clone)]
pub struct Detached {
    /// The name of the task.
    pub id: TaskId,
    /// For the login shell, in order.
    pub commands: Vec<String>,
    /// Whether one that fails is the last.
    pub stop_on_error: bool,
    /// Variables for them.
    pub environment: Vec<(String, String)>,
    /// Where they start. Absent: the user's home.
    pub working_directory: Option<String>,
    /// As whom they run by sudo. Absent: as the user who logged in.
    pub elevation: Option<Elevation>,
    /// What the first of them reads. Absent: nothing.
    pub stdin: Option<String>,
    /// Wall clock for the launch.
    pub timeout: Duration,
}

/// Something that is asked about tasks, or done with them: a program, and the mark of its answer.
pub struct TaskCall {
    /// What runs it.
    pub exec: Exec,
    mark: String,
}

/// How a task is, as its target tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// Its process is there.
    Running,
    /// It ended by itself.
    Ended,
    /// It was killed by a call of ours.
    Killed,
    /// Its process is gone, and nobody knows how it ended.
    Gone,
}

/// What a target tells of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSeen {
    /// Its name.
    pub id: TaskId,
    /// How it is.
    pub status: TaskStatus,
    /// What its commands returned: 0, or the last status that was not. Above 128 it is a signal's number and 128.
    pub exit: Option<Exit>,
    /// Its process, while it runs.
    pub pid: Option<u32>,
    /// Bytes of its log, when its status had been looked at.
    pub size: u64,
    /// Its folder.
    pub folder: String,
    /// What was written down when it was launched.
    pub about: Option<String>,
}

impl Detached {
    /// Each command by itself, as those see it who judge commands.
    pub fn execs(&self) -> impl Iterator<Item = Exec> {
        self.commands.iter().enumerate().map(|(index, command)| Exec {
            command: command.clone(),
            environment: self.environment.clone(),
            working_directory: self.working_directory.clone(),
            elevation: self.elevation.clone(),
            stdin: self.stdin.clone().map(Bytes::from).filter(|_| index == 0),
            timeout: self.timeout,
            ..Exec::default()
        })
    }

    /// Refuses what cannot be sent as it is meant. Errors: `invalid-request`.
    pub fn check(&self, user: &str) -> Result<(), Failure> {
        self.execs().try_for_each(|exec| exec.check(user))?;
        if self.commands.is_empty() || self.stdin.as_ref().is_some_and(|text| text.contains('\0')) {
            let message = "A detached task needs a command, and what it reads holds no NUL character: change that.";
            return Err(Failure::new(ErrorKind::InvalidRequest, Phase::Exec, message));
        }
        Ok(())
    }

    /// What the process of the task does.
    pub fn wire(&self) -> String {
        let mut lines = vec![format!("stop={}", if self.stop_on_error { "1" } else { "" }), LEADER.trim_end().into()];
        let directory = self.working_directory.as_deref();
        lines.extend(directory.map(|folder| format!("cd -- {} || s=1 h=1", quoted(crate::line::from_home(folder)))));
        let variables = &self.environment;
        lines.extend(variables.iter().map(|(name, value)| format!("export {name}={}", quoted(value))));
        for (index, command) in self.commands.iter().enumerate() {
            let input = self.stdin.as_ref().filter(|_| index == 0);
            let input = input.map_or(String::new(), |text| format!("printf %s {} | ", quoted(text)));
            lines.push(format!(r#"[ -n "$k$h" ] || {{ {input}"${{SHELL:-/bin/sh}}" -c {}; note; }}"#, quoted(command)));
        }
        lines.push(r#"printf '%s\n' "$s" >"$F/status.new" && mv "$F/status.new" "$F/status""#.into());
        lines.join("\n")
    }

    /// What launches it; `about` is a line that is kept beside it.
    pub fn launch(&self, about: &str) -> TaskCall {
        let words = format!("i={}\nabout={}\nprogram={}\ncd\n", self.id, quoted(about), quoted(&self.wire()));
        TaskCall::new(&words, LAUNCH, self.elevation.clone(), self.timeout)
    }
}

impl TaskCall {
    fn new(words: &str, program: &str, elevation: Option<Elevation>, timeout: Duration) -> Self {
        let mark = format!("hostler-tells-{}", Uuid::now_v7().simple());
        let stdin = Some(Bytes::from([&format!("m={mark}\n{words}"), PRELUDE, program].concat()));
        Self { exec: Exec { command: SHELL.into(), elevation, stdin, timeout, ..Exec::default() }, mark }
    }

    /// How a task is, and at most so many bytes of its log from an offset on.
    pub fn read(id: &TaskId, offset: u64, size: u64, elevation: Option<Elevation>, timeout: Duration) -> Self {
        Self::new(&format!("i={id} o={offset} c={size}\n"), READ, elevation, timeout)
    }

    /// Stops a task: TERM, then KILL. It answers when its processes are gone, or after some seconds.
    pub fn kill(id: &TaskId, elevation: Option<Elevation>, timeout: Duration) -> Self {
        Self::new(&format!("i={id}\n"), KILL, elevation, timeout)
    }

    /// All tasks of the user, at most a thousand.
    pub fn list(timeout: Duration) -> Self {
        Self::new("", LIST, None, timeout)
    }

    /// Reads an answer: the tasks that it tells of, and what follows the first of them.
    pub fn answer<'a>(&self, stdout: &'a [u8]) -> Result<(Vec<TaskSeen>, &'a [u8]), Failure> {
        let mut seen: Vec<TaskSeen> = Vec::new();
        let mut rest = stdout;
        let mut after = &stdout[stdout.len()..];
        let mut answered = false;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            // Before it stands what the login shell says, after it the log.
            let Some(told) = line.strip_prefix(self.mark.as_bytes()).and_then(|told| told.strip_prefix(b" ")) else {
                continue;
            };
            answered = true;
            let told = String::from_utf8_lossy(told);
            match told.split_once(' ').unwrap_or((&told, "")) {
                ("task", words) => {
                    after = if seen.is_empty() { rest } else { after };
                    seen.extend(read_seen(words));
                }
                ("about", words) => {
                    let about = words.split_once(' ').map(|(_, about)| about.to_owned());
                    seen.last_mut().into_iter().for_each(|task| task.about.clone_from(&about));
                }
                ("no", why) => {
                    let message = format!("The target cannot keep a detached task: {why}.");
                    return Err(Failure::new(ErrorKind::Unsupported, Phase::Exec, message));
                }
                _ => {}
            }
        }
        if answered {
            return Ok((seen, after));
        }
        let message = "The target did not answer about its detached tasks: it needs /bin/sh and the tools of POSIX.";
        Err(Failure::new(ErrorKind::Unsupported, Phase::Exec, message))
    }
}

fn read_seen(words: &str) -> Option<TaskSeen> {
    let mut words = words.splitn(6, ' ');
    let mut next = || words.next();
    let id = TaskId::read(next()?)?;
    let status = match next()? {
        "running" => TaskStatus::Running,
        "ended" => TaskStatus::Ended,
        "killed" => TaskStatus::Killed,
        _ => TaskStatus::Gone,
    };
    let exit = next()?.parse().ok().map(Exit::Status);
    let (pid, size) = (next()?.parse().ok(), next()?.trim().parse().ok()?);
    Some(TaskSeen { id, status, exit, pid, size, folder: next()?.to_owned(), about: None })
}

#[cfg(test)]
mod tests;
