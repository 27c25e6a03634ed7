//! Where the logs of jobs are kept.

use crate::{Event, Slice};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId};
use std::sync::Arc;

/// Where the logs of jobs are kept. The last events of a job come with its end: [`super::JobStore::end`].
pub(crate) trait EventStore: Send + Sync + 'static {
    /// Adds events to the logs of jobs, each log in order. What is there already, and what comes for a job that is not
    /// started, is passed over.
    fn append(&self, events: Vec<(JobId, Vec<Arc<Event>>)>) -> BoxFuture<'_, Result<(), Failure>>;

    /// The events that come after this number, in order: a page of them, or none if there are none.
    fn events(&self, job: JobId, after: u64) -> BoxFuture<'_, Result<Vec<Event>, Failure>>;

    /// What a stream of a run has from this offset on: a page of it, or nothing if there is nothing.
    fn output(&self, job: JobId, run: u32, stream: String, offset: u64) -> BoxFuture<'_, Result<Slice, Failure>>;
}
