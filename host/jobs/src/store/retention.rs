//! Where things are removed when their time is over.

use crate::retention::Retention;
use futures::future::BoxFuture;
use hostler_model::Failure;
use jiff::Timestamp;

/// Where things are removed when their time is over.
pub(crate) trait RetentionStore: Send + Sync + 'static {
    /// Removes some of what need not be kept any more, the oldest first; answers whether that was all. Times were
    /// written by the wall clock: where it was set back, things are kept for longer; where it was set forward, less.
    fn sweep(&self, retention: Retention, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>>;
}
