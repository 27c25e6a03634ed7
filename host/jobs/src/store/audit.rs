//! Where decisions are written down.

use crate::Recorded;
use futures::future::BoxFuture;
use hostler_model::{AuditEntry, Failure, JobId};
use jiff::Timestamp;

/// Where decisions are written down. Nothing is changed or taken out here.
pub(crate) trait AuditStore: Send + Sync + 'static {
    /// Writes a decision down, after all that was written down before. Does not wait for the disk.
    fn record(&self, entry: &AuditEntry, at: Timestamp);

    /// Decisions, newest first, at most `limit`; all, or those about one job.
    fn decisions(&self, job: Option<JobId>, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>>;
}
