//! The ends of jobs, as events to wait for.

use crate::Job;
use hostler_model::JobId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// One event for each job that this daemon holds and that has not ended.
#[derive(Default)]
pub(crate) struct Ends(Mutex<HashMap<JobId, Open>>);

struct Open {
    /// Who submitted the job.
    caller: String,
    end: watch::Sender<Option<Arc<Job>>>,
}

impl Ends {
    /// From now on the end of this job can be awaited.
    pub(crate) fn expect(&self, job: &Job) {
        self.open().insert(job.id, Open { caller: job.caller.clone(), end: watch::Sender::default() });
    }

    /// Who submitted the job, if its end can be awaited.
    pub(crate) fn caller(&self, id: JobId) -> Option<String> {
        self.open().get(&id).map(|open| open.caller.clone())
    }

    /// This job has ended, and the store says so too: hands it to everybody who waits for it.
    pub(crate) fn hand_out(&self, job: Job) {
        let open = self.open().remove(&job.id);
        if let Some(Open { end, .. }) = open {
            end.send_replace(Some(Arc::new(job)));
        }
    }

    /// These jobs have ended, and only the store knows how: wakes everybody who waits for them.
    pub(crate) fn announce(&self, ids: &[JobId]) {
        let mut open = self.open();
        for id in ids {
            open.remove(id);
        }
    }

    /// Returns when the job has ended; at once if it is not held. `None` if the store has to be asked how.
    pub(crate) async fn wait(&self, id: JobId) -> Option<Job> {
        let mut end = self.open().get(&id)?.end.subscribe();
        let job = end.wait_for(Option::is_some).await.ok()?.clone();
        drop(end);
        job.map(Arc::unwrap_or_clone)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<JobId, Open>> {
        self.0.lock().expect("nothing panics under this lock")
    }
}
