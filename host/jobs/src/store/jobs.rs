//! Where the truth about jobs is kept.

use super::{KeptTask, Watch};
use crate::kept::Kept;
use crate::submission::Idempotency;
use crate::{Cancelled, Event, Filter, Job, Page, State};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId, Outcome};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The token of one run of the daemon. No other run has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) i64);

impl Owner {
    /// How many times a job is begun at most, where the daemon ends each time.
    pub(crate) const MOST_ATTEMPTS: u32 = 3;

    /// A token for this run.
    pub(crate) fn new() -> Self {
        let mut token = [0; 8];
        getrandom::fill(&mut token).expect("the system has random numbers");
        Self(i64::from_ne_bytes(token))
    }
}

/// A job that is about to be kept.
pub(crate) struct Arrival<'a> {
    /// Queued, or started already.
    pub(crate) job: &'a Job,
    /// How long it may wait.
    pub(crate) ttl: Duration,
    /// What is needed to carry it out after a restart. Without it, it is lost then.
    pub(crate) kept: Option<Kept>,
    /// How its caller named it.
    pub(crate) idempotency: Option<&'a Idempotency>,
    /// The detached task that it is to launch. It is kept with the job or not at all: nobody meets one without a job.
    pub(crate) task: Option<KeptTask>,
    /// Whom to tell what becomes of it.
    pub(crate) webhooks: &'a [Watch],
    /// Who carries it out, if it has started.
    pub(crate) owner: Owner,
}

/// What became of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It is kept.
    New,
    /// The caller submitted the same under this key before: this job, which may have been removed since.
    Known(JobId),
    /// The caller submitted something else under this key before.
    Conflict,
}

/// A job that goes on waiting after a restart.
pub(crate) struct Waiting {
    /// Queued; perhaps a new attempt.
    pub(crate) job: Job,
    /// What is needed to carry it out.
    pub(crate) kept: Kept,
    /// How much of its time to live is left.
    pub(crate) left: Duration,
}

/// What the run before this one left.
#[derive(Default)]
pub(crate) struct Recovered {
    /// What waits, oldest first.
    pub(crate) queued: Vec<Waiting>,
    /// What was ended: lost, expired or canceled.
    pub(crate) lost: Vec<JobId>,
}

/// Where the truth about jobs is kept. Each change is one atomic step that is durable when the
/// future yields, and the state of the job decides whether it takes place: of two that race, one is
/// refused. A terminal state is never left, and is never seen without its outcome.
pub(crate) trait JobStore: Send + Sync + 'static {
    /// Adds a job, unless its caller submitted one under the same key before.
    fn insert<'a>(&'a self, arrival: Arrival<'a>) -> BoxFuture<'a, Result<Inserted, Failure>>;

    /// One job, whole. Once a job has ended, its warnings include those of its outcome.
    fn get(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, Failure>>;

    /// Jobs that match, newest first: one page of them.
    fn list(&self, filter: Filter, page: Page) -> BoxFuture<'_, Result<Vec<Job>, Failure>>;

    /// How many jobs match, by state. A state without any is absent.
    fn counts(&self, filter: Filter) -> BoxFuture<'_, Result<BTreeMap<State, u64>, Failure>>;

    /// Queued to started, by this owner. False if it was not queued.
    fn claim(&self, id: JobId, owner: Owner, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>>;

    /// Notes that a started job is about to act on its target; the first time counts. False if it
    /// was not started, or by another owner. What was kept to carry it out again goes, unless it may be repeated.
    fn mark_effect(&self, id: JobId, owner: Owner, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>>;

    /// Queued or started to canceled if it was to be and the outcome says so, else to failed if the outcome has
    /// an error, else to finished; answers which. `None` if it was neither. What was kept to carry it out goes, and its
    /// log gets the last events, but for those that it has.
    fn end<'a>(
        &'a self,
        id: JobId,
        outcome: &'a Outcome,
        last_events: &'a [Arc<Event>],
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<State>, Failure>>;

    /// For all that match: queued to canceled; of started ones it is noted that they are to be stopped.
    fn request_cancel(&self, filter: Filter, at: Timestamp) -> BoxFuture<'_, Result<Cancelled, Failure>>;

    /// Begins the run of a new owner: what earlier ones left goes on waiting, or ends. Nothing else may use the
    /// store meanwhile.
    fn recover(&self, owner: Owner, at: Timestamp) -> BoxFuture<'_, Result<Recovered, Failure>>;

    /// What the caller submitted under this key before, if it did.
    fn known<'a>(
        &'a self,
        caller: &'a str,
        idempotency: &'a Idempotency,
    ) -> BoxFuture<'a, Result<Option<Inserted>, Failure>>;

    /// Whether it can be written: the owner lives, and that is on disk.
    fn check(&self, owner: Owner, at: Timestamp) -> BoxFuture<'_, Result<(), Failure>>;

    /// The owner still lives. Does not wait for the disk.
    fn seen(&self, owner: Owner, at: Timestamp);
}
