//! A job as it is kept and shown.

use hostler_model::{BatchId, JobId, Options, Outcome, Plan};
use jiff::Timestamp;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// Where a job stands. The last three are terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
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
    /// When it came: [`JobId::made_at`] of its name, so that names sort by it.
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
    pub(crate) fn ended(mut self, state: State, outcome: Outcome, at: Timestamp) -> Self {
        self.warnings.extend_from_slice(&outcome.warnings);
        Self { state, ended_at: Some(at), outcome: Some(outcome), ..self }
    }
}

/// Which jobs are meant. All that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// This one.
    pub id: Option<JobId>,
    /// One of these.
    pub ids: Option<Vec<JobId>>,
    /// Those in one of these states; all if it is empty.
    pub states: BTreeSet<State>,
    /// Those for this target host, spelled as in the request.
    pub host: Option<String>,
    /// Those that this caller submitted.
    pub caller: Option<String>,
    /// Those for this driver.
    pub driver: Option<String>,
    /// Those of this batch.
    pub batch: Option<BatchId>,
    /// Those that take turns with others for the same target, or those that do not.
    pub pinned: Option<bool>,
    /// Those created at this time or later.
    pub created_after: Option<Timestamp>,
    /// Those created before this time.
    pub created_before: Option<Timestamp>,
}

/// Which part of a list is meant.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// What comes after this job in the list: those older than it. It need not be there any more.
    pub before: Option<JobId>,
    /// At most so many.
    pub limit: usize,
    /// Whether outcomes come with their results, which may be long.
    pub with_results: bool,
}

impl Page {
    /// The first `limit` jobs, whole.
    pub fn first(limit: usize) -> Self {
        Self { before: None, limit, with_results: true }
    }
}

/// What a request to cancel came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// They waited, and are canceled now.
    pub ended: Vec<JobId>,
    /// They had started, and are asked to stop.
    pub asked: Vec<JobId>,
}
