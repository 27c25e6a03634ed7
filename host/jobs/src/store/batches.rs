//! Where batches are kept.

use crate::Batch;
use futures::future::BoxFuture;
use hostler_model::{BatchId, Failure};

/// Where batches are kept.
pub(crate) trait BatchStore: Send + Sync + 'static {
    /// Adds a batch, or keeps what is new of it: one of its name that was made at another time stays as it is. It is durable
    /// when the future yields.
    fn insert_batch<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), Failure>>;

    /// One batch, or `None` if there is none of that name.
    fn batch(&self, id: BatchId) -> BoxFuture<'_, Result<Option<Batch>, Failure>>;
}
