//! The mark that a job acts on its target.

use crate::clock;
use crate::failures::{self, Reached};
use crate::store::{Owner, Store};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId};
use hostler_plugins::{Piece, Progress, Witness};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The witness of one job: it makes the mark once, however often it is asked.
pub(crate) struct Mark {
    id: JobId,
    owner: Owner,
    store: Arc<dyn Store>,
    made: OnceCell<()>,
}

impl Mark {
    pub(crate) fn new(id: JobId, owner: Owner, store: Arc<dyn Store>) -> Self {
        Self { id, owner, store, made: OnceCell::new() }
    }

    /// How far the job came.
    pub(crate) fn reached(&self) -> Reached {
        if self.made.initialized() { Reached::Effect } else { Reached::Start }
    }

    async fn make(&self) -> Result<(), Failure> {
        if self.store.mark_effect(self.id, self.owner, clock::now()).await? {
            Ok(())
        } else {
            Err(failures::ended_before_effect())
        }
    }
}

impl Witness for Mark {
    fn before_effect(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { self.made.get_or_try_init(|| self.make()).await.copied() })
    }

    // Nobody can read it before the end yet.
    fn output(&self, piece: Piece<'_>) {
        let Piece { run, stream, offset, bytes } = piece;
        tracing::trace!(job = %self.id, run, stream, offset, length = bytes.len(), "output");
    }

    fn progress(&self, run: u32, progress: &Progress) {
        let Progress { file, bytes, total, rate } = progress;
        tracing::debug!(job = %self.id, run, file, bytes, total, rate, "progress");
    }
}
