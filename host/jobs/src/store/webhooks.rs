//! What is to be told, and what was.

use crate::webhook::{Attempt, Delivery};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId, TaskSlice, WebhookEvent};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A webhook as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Where it goes, but for what is secret of it: scheme, host and port.
    pub(crate) to: String,
    /// What it tells.
    pub(crate) events: BTreeSet<WebhookEvent>,
    /// All else. Only a [`crate::vault::Vault`] opens it.
    pub(crate) sealed: Vec<u8>,
}

/// A delivery that is still to be made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Due {
    pub(crate) id: String,
    pub(crate) job: JobId,
    pub(crate) event: WebhookEvent,
    pub(crate) to: String,
    /// When the event was.
    pub(crate) created_at: Timestamp,
    /// When it is to be tried.
    pub(crate) next_at: Timestamp,
    /// How often it was tried.
    pub(crate) attempts: u32,
    pub(crate) sealed: Vec<u8>,
    /// What it tells of the task that the job launched. Absent: it tells of the job.
    pub(crate) slice: Option<TaskSlice>,
    /// What the attempts before sent: all of them send the same.
    pub(crate) body: Option<Vec<u8>>,
}

/// What is not wanted as the next delivery.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy {
    /// These are on their way.
    pub(crate) ids: Vec<String>,
    /// These receivers have enough to do.
    pub(crate) receivers: Vec<String>,
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The receiver took it.
    Delivered,
    /// It is tried again then, with the same body if it has one already.
    Retry { at: Timestamp, body: Option<Vec<u8>> },
    /// It is tried no more.
    GivenUp,
    /// Nor is anything else of its webhook: the receiver wants no more.
    Gone,
}

/// Where webhooks and their deliveries are kept. Webhooks come in with their job ([`super::Arrival`]); the step that
/// changes the state of a job also makes the deliveries that tell of it, and so does the step that keeps what was seen of its
/// task ([`super::TaskStore::saw_task`]). What is sealed goes with the end of the job, or with the last delivery after it, or,
/// where the job launches a task of which is told, when the end of that was told.
pub(crate) trait WebhookStore: Send + Sync + 'static {
    /// Returns when there may be a delivery that was not there when this was called last.
    fn news(&self) -> BoxFuture<'_, ()>;

    /// The delivery that is to be made next, now or later.
    fn next_delivery(&self, busy: Busy) -> BoxFuture<'_, Result<Option<Due>, Failure>>;

    /// Writes an attempt down, and what follows from it, in one step.
    fn attempted<'a>(
        &'a self,
        id: &'a str,
        attempt: &'a Attempt,
        verdict: Verdict,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// The deliveries of a job, in their order.
    fn deliveries(&self, job: JobId) -> BoxFuture<'_, Result<Vec<Delivery>, Failure>>;
}
