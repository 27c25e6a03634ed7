//! Where the truth about jobs is kept.

use crate::{Filter, Job};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId, Outcome};
use jiff::Timestamp;
use std::time::Duration;

/// Where the truth about jobs is kept. Each change is one atomic step that is durable when the
/// future yields, and the state of the job decides whether it takes place: of two that race, one is
/// refused. A terminal state is never left, and is never seen without its outcome.
pub(crate) trait JobStore: Send + Sync + 'static {
    /// Adds a job that is queued, or started already.
    fn insert<'a>(&'a self, job: &'a Job, ttl: Duration) -> BoxFuture<'a, Result<(), Failure>>;

    /// Jobs that match, newest first, at most `limit`. Once a job has ended, its warnings include
    /// those of its outcome.
    fn list(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<Job>, Failure>>;

    /// Queued to started. False if it was not queued.
    fn claim(&self, id: JobId, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>>;

    /// Notes that a started job is about to act on its target; the first time counts. False if it
    /// was not started.
    fn mark_effect(&self, id: JobId, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>>;

    /// Queued or started to finished, or to failed if the outcome has an error. False if it was
    /// neither.
    fn end<'a>(&'a self, id: JobId, outcome: &'a Outcome, at: Timestamp) -> BoxFuture<'a, Result<bool, Failure>>;

    /// Queued to canceled, for all that match. Answers which.
    fn cancel(&self, filter: Filter, at: Timestamp) -> BoxFuture<'_, Result<Vec<JobId>, Failure>>;

    /// Queued or started to failed with kind `lost`, for all. Answers which.
    fn abandon(&self, at: Timestamp) -> BoxFuture<'_, Result<Vec<JobId>, Failure>>;
}
