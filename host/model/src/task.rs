//! Detached tasks: commands that go on when their job has ended.

use crate::{Exit, JobId, Target, base64_text};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// That the commands of a job are to go on after it, on the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detach {
    /// How often the target is asked how the task is, and webhooks are told what it wrote. Absent: as seldom as the
    /// daemon likes.
    pub push_interval: Option<Duration>,
}

/// The name of a detached task: the last twelve digits of the job that launched it, so that it is known before the job
/// has begun.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(String);

impl TaskId {
    /// A name as somebody gives it, or as a server has it. `None` unless it is of lower-case hexadecimal digits and
    /// `-`, at most 36 of them: it becomes the name of a folder.
    pub fn read(text: &str) -> Option<Self> {
        let plain = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte) || *byte == b'-';
        (1..=36).contains(&text.len()).then_some(())?;
        text.as_bytes().iter().all(plain).then(|| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<JobId> for TaskId {
    fn from(job: JobId) -> Self {
        let digits = job.to_string();
        Self(digits[digits.len() - 12..].into())
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// That a run of a job launched a detached task, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    /// Its name.
    pub id: TaskId,
    /// Its process (and process group) on the target.
    pub pid: u32,
    /// The file on the target that has its output.
    pub log_file: String,
    /// What runs, in order.
    pub command: Vec<String>,
    /// With whose rights, if not those of the user who logged in.
    pub elevated: Option<Elevated>,
}

/// How a detached task got another user's rights, so that it can be asked and stopped with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elevated {
    /// Whose rights.
    pub user: String,
    /// Where the request has the password that sudo gets.
    pub secret: Option<String>,
}

/// Where a detached task stands. The last three are terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Its job has not launched it yet.
    Launching,
    /// It was launched, and nobody saw it end.
    Running,
    /// Its commands ended by themselves.
    Completed,
    /// Somebody stopped it.
    Killed,
    /// It was never launched, or the target does not know how it ended (its process is gone and left no status).
    Lost,
}

/// A detached task, as it is kept and shown. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its name.
    pub id: TaskId,
    /// The job that launched it; absent if it was found on the target and nothing else is known of it.
    pub job: Option<JobId>,
    /// Who submitted the job, or found the task.
    pub caller: String,
    /// The driver by which its target is reached.
    pub driver: String,
    /// Where it runs.
    pub target: Target,
    /// What runs, in order.
    pub command: Vec<String>,
    /// Where it stands.
    pub state: TaskState,
    /// How it ended, if that is known.
    pub exit: Option<Exit>,
    /// Its process (and process group) on the target.
    pub pid: Option<u32>,
    /// The file on the target that has its output.
    pub log_file: Option<String>,
    /// See [`Detach::push_interval`].
    pub push_interval: Option<Duration>,
    /// Bytes of its log that were told already to whoever asks without an offset.
    pub next_offset: u64,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When the target was last asked.
    pub asked_at: Option<Timestamp>,
    /// When it was seen to have ended.
    pub ended_at: Option<Timestamp>,
}

/// A part of the log of a detached task, scrubbed of the secrets of its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSlice {
    /// The task as it is after this look at it.
    pub task: Task,
    /// The byte of the log with which it begins.
    pub offset: u64,
    /// What was read. It never ends inside what may be a secret, nor inside a character of UTF-8 while the task runs.
    #[serde(with = "base64_text")]
    pub output: Vec<u8>,
    /// The byte of the log that comes next.
    pub next_offset: u64,
    /// Whether the task has ended and `output` goes to the end of its log.
    pub completed: bool,
}

/// What a look at a target told: that one can log in, and who answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tested {
    /// From the beginning until the session was ready.
    pub latency: Duration,
    /// The identification string of the server (RFC 4253 section 4.2).
    pub server_version: Option<String>,
    /// What `uname -a` prints there, if the driver may run commands and it is known.
    pub system: Option<String>,
    /// What the client should know.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_named_by_its_job_and_by_nothing_that_is_a_path() {
        let id = TaskId::from(JobId::new());
        assert_eq!(TaskId::read(id.as_str()), Some(id));
        for text in ["", "..", "a/b", "A", "g", &"a".repeat(37)] {
            assert_eq!(TaskId::read(text), None, "{text}");
        }
    }
}
