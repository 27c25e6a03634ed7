//! How a job ended.

use crate::{Failure, Launched, Moved, base64_text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// How a command ended (RFC 4254 section 6.10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// It returned a status.
    Status(u32),
    /// A signal ended it: the name without `SIG`, such as `TERM`.
    Signal(String),
    /// The server did not say, which is legal.
    Unknown,
}

/// What came out of one stream: all of it, or its head and its tail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The first bytes; all of them unless `omitted` says otherwise.
    #[serde(with = "base64_text")]
    pub head: Vec<u8>,
    /// The last bytes, where the middle was cut out.
    #[serde(with = "base64_text")]
    pub tail: Vec<u8>,
    /// How many bytes were cut out between head and tail.
    pub omitted: u64,
}

impl Output {
    /// The whole as text: bytes that are not UTF-8 are replaced, a cut is named in a line.
    pub fn text(&self) -> String {
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail));
        if self.omitted == 0 {
            return [head, tail].concat();
        }
        format!("{head}\n[{} bytes omitted]\n{tail}", self.omitted)
    }

    /// Bytes that are kept.
    pub fn kept(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// Bytes that the command wrote.
    pub fn total(&self) -> u64 {
        self.kept() as u64 + self.omitted
    }
}

/// What one command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResult {
    /// The command as it was asked.
    pub command: String,
    /// How it ended; absent while it has not.
    pub exit: Exit,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// From the start of the command to its end.
    pub duration: Duration,
    /// Whether it ran on a connection that an earlier job had opened.
    #[serde(default)]
    pub session_reused: bool,
    /// What was moved, if it was a transfer and no command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Box<Moved>>,
    /// What a parser read out of the output, if that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parsed: Option<Value>,
    /// What it launched, if it is a detached task and goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched: Option<Box<Launched>>,
}

/// How a job ended: the results of the commands that ran, and an error if one stopped it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The commands that ran, in order; also those before an error.
    pub results: Vec<RunResult>,
    /// What stopped the job.
    pub error: Option<Failure>,
    /// What the client should know besides.
    pub warnings: Vec<String>,
}

impl From<Failure> for Outcome {
    fn from(error: Failure) -> Self {
        Self { error: Some(error), ..Self::default() }
    }
}
