//! The ends of jobs, as events to wait for.

use hostler_model::JobId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

/// One event for each job that this daemon holds and that has not ended.
#[derive(Default)]
pub(crate) struct Ends(Mutex<HashMap<JobId, CancellationToken>>);

impl Ends {
    /// From now on the end of this job can be awaited.
    pub(crate) fn expect(&self, id: JobId) {
        self.open().insert(id, CancellationToken::new());
    }

    /// These jobs have ended, and the store says so: wakes everybody who waits for them.
    pub(crate) fn announce(&self, ids: &[JobId]) {
        let mut open = self.open();
        for ended in ids.iter().filter_map(|id| open.remove(id)) {
            ended.cancel();
        }
    }

    /// Returns when the job has ended; at once if it is not held.
    pub(crate) async fn wait(&self, id: JobId) {
        let end = self.open().get(&id).cloned();
        if let Some(end) = end {
            end.cancelled().await;
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<JobId, CancellationToken>> {
        self.0.lock().expect("nothing panics under this lock")
    }
}
