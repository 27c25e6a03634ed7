//! The end of the daemon, in two steps.

use super::Dispatcher;
use crate::{clock, failures};
use hostler_model::Failure;
use std::time::Duration;
use tokio::time::timeout;

/// How long running jobs may take to stop.
const GRACE: Duration = Duration::from_secs(5);

impl Dispatcher {
    /// See [`crate::Jobs::drain`].
    pub(crate) async fn drain(&self) {
        self.draining.cancel();
        // Submissions that were under way are through when the door is ours; later ones see that it drains.
        drop(self.door.write().await);
        // The store has them for the next run. Here they would only keep secrets in memory.
        self.queue.clear();
        self.tasks.close();
        if timeout(self.drain_timeout, self.tasks.wait()).await.is_err() {
            tracing::warn!(jobs = self.tasks.len(), "jobs did not end within jobs.drain_timeout and are stopped");
        }
    }

    /// See [`crate::Jobs::shutdown`].
    pub(crate) async fn shutdown(&self) {
        self.draining.cancel();
        drop(self.door.write().await);
        self.queue.clear();
        self.tasks.close();
        self.stop.cancel();
        self.running.stop();
        if timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!(jobs = self.tasks.len(), "jobs did not stop in time; the next start ends them");
        }
        self.journal.flush().await;
    }

    /// See [`crate::Jobs::ready`].
    pub(crate) async fn ready(&self) -> Result<(), Failure> {
        if self.draining.is_cancelled() {
            return Err(failures::stopping());
        }
        self.store.check(self.owner, clock::now()).await
    }
}
