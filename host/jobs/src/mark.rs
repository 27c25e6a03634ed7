//! The witness of one job: the mark that it acts on its target, and its log.

use crate::failures::{self, Reached};
use crate::log::Log;
use crate::store::{Owner, Store};
use crate::{Progress, clock};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId, RunResult};
use hostler_plugins::{Piece, Witness};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The witness of one job: it makes the mark once, however often it is asked, and logs what it hears.
pub(crate) struct Mark {
    id: JobId,
    owner: Owner,
    store: Arc<dyn Store>,
    log: Arc<Log>,
    made: OnceCell<()>,
}

impl Mark {
    pub(crate) fn new(id: JobId, owner: Owner, store: Arc<dyn Store>, log: Arc<Log>) -> Self {
        Self { id, owner, store, log, made: OnceCell::new() }
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

    fn output(&self, piece: Piece<'_>) {
        let Piece { run, stream, offset, bytes } = piece;
        self.log.output(run, stream, offset, bytes);
    }

    fn progress(&self, run: u32, progress: &hostler_plugins::Progress) {
        let hostler_plugins::Progress { file, bytes, total, rate } = progress.clone();
        self.log.progress(Progress { run, file, bytes, total, rate });
    }

    fn ran(&self, run: u32, result: &RunResult) {
        self.log.ran(run, result);
    }
}
