//! Where the audit is kept.

use crate::{AuditFilter, Recorded};
use futures::future::BoxFuture;
use hostler_model::{AuditEntry, Failure};
use jiff::Timestamp;

/// Where the audit is kept. Nothing is changed or taken out here.
pub(crate) trait AuditStore: Send + Sync + 'static {
    /// Writes a line, after all that was written before. Does not wait for the disk.
    fn record(&self, entry: &AuditEntry, at: Timestamp);

    /// Lines that match, newest first, at most `limit`.
    fn audit(&self, filter: AuditFilter, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>>;
}
