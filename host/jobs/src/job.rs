//! A job as it is kept and shown.

use hostler_model::{BatchId, JobId, Options, Outcome, Plan};
use jiff::Timestamp;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where a job stands. The last three are terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for a worker.
    Queued,
    /// A worker carries it out.
    Started,
    /// It was carried out.
    Finished,
    /// An error stopped it.
    Failed,
    /// Somebody cancelled it.
    Canceled,
}

impl State {
    /// Where a job stands that was carried out with this outcome.
    pub(crate) fn after(outcome: &Outcome) -> Self {
        if outcome.error.is_none() { Self::Finished } else { Self::Failed }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FromStr for State {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        Self::deserialize(StrDeserializer::new(word))
    }
}

/// A job as it is kept and shown. It holds no secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Where it stands.
    pub state: State,
    /// Who submitted it: [`hostler_model::Caller::name`].
    pub caller: String,
    /// The batch that it is part of.
    pub batch: Option<BatchId>,
    /// The driver that carries it out.
    pub driver: String,
    /// What was asked of it besides its work.
    pub options: Options,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The trace that it is part of: `traceparent` of W3C Trace Context.
    pub trace: Option<String>,
    /// What the driver made of the request.
    pub plan: Plan,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a worker claimed it.
    pub started_at: Option<Timestamp>,
    /// When somebody asked to cancel it after it had started.
    pub cancel_requested_at: Option<Timestamp>,
    /// When it reached its terminal state.
    pub ended_at: Option<Timestamp>,
    /// How it ended; present exactly in a terminal state.
    pub outcome: Option<Outcome>,
    /// What the client should know: from the way in, the driver and the outcome.
    pub warnings: Vec<String>,
}

impl Job {
    /// The same job, claimed by a worker.
    pub(crate) fn started(self, at: Timestamp) -> Self {
        Self { state: State::Started, started_at: Some(at), ..self }
    }

    /// The same job at its end.
    pub(crate) fn ended(mut self, outcome: Outcome, at: Timestamp) -> Self {
        self.warnings.extend_from_slice(&outcome.warnings);
        Self { state: State::after(&outcome), ended_at: Some(at), outcome: Some(outcome), ..self }
    }
}

/// Which jobs are meant. All that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// This one.
    pub id: Option<JobId>,
    /// Those in this state.
    pub state: Option<State>,
    /// Those for this target host, spelled as in the request.
    pub host: Option<String>,
    /// Those of this caller.
    pub caller: Option<String>,
}
