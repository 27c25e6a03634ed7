//! What is asked of a job besides its work.

use crate::{CredentialRef, Detach};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// What is asked of a job besides its work. What is absent is up to the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// How long the job may wait in the queue.
    pub ttl: Option<Duration>,
    /// How long it may take from its start to its end.
    pub execution_timeout: Option<Duration>,
    /// How long it is kept after its end.
    pub result_ttl: Option<Duration>,
    /// Whether it may be carried out once more where the daemon ended in the middle of it.
    pub repeatable: bool,
    /// Whether it takes turns with the other pinned jobs for the same host and port: one at a time.
    pub pinned: bool,
    /// Whether its commands go on after it.
    pub detach: Option<Detach>,
    /// A file that a client left with the daemon, for the job to move.
    pub staged: Option<Uuid>,
    /// What is read out of the output of each command.
    pub parsing: Option<Parsing>,
    /// Where to get what is missing in `connection_args`.
    pub credential: Option<CredentialRef>,
}

/// How the output of commands is made into data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parsing {
    /// The parser: `textfsm`.
    pub parser: String,
    /// What it parses by.
    pub template: String,
    /// What else it was given, for it to judge.
    pub arguments: serde_json::Map<String, Value>,
}
