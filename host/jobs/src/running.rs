//! The jobs that run, and how they are stopped.

use hostler_model::JobId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

/// What stops each job that runs.
#[derive(Default)]
pub(crate) struct Running(Arc<Mutex<HashMap<JobId, Arc<Brake>>>>);

#[derive(Default)]
struct Brake {
    stop: CancellationToken,
    /// Somebody asked for it; else it is the end of the daemon.
    asked: AtomicBool,
}

/// One job in the list; it is taken out when this is dropped.
pub(crate) struct Entry {
    id: JobId,
    brake: Arc<Brake>,
    list: Arc<Mutex<HashMap<JobId, Arc<Brake>>>>,
}

impl Running {
    /// Adds a job. Whoever does so before it is stored as started misses no cancellation.
    pub(crate) fn enter(&self, id: JobId) -> Entry {
        let (brake, list) = (Arc::<Brake>::default(), Arc::clone(&self.0));
        open(&list).insert(id, Arc::clone(&brake));
        Entry { id, brake, list }
    }

    /// Stops these, because somebody asked for it.
    pub(crate) fn cancel(&self, ids: &[JobId]) {
        let list = open(&self.0);
        for brake in ids.iter().filter_map(|id| list.get(id)) {
            brake.asked.store(true, Ordering::Release);
            brake.stop.cancel();
        }
    }

    /// Stops all, because the daemon ends.
    pub(crate) fn stop(&self) {
        open(&self.0).values().for_each(|brake| brake.stop.cancel());
    }
}

impl Entry {
    /// Cancelled when the job is to stop.
    pub(crate) fn token(&self) -> CancellationToken {
        self.brake.stop.clone()
    }

    /// Whether somebody asked to cancel the job.
    pub(crate) fn is_canceled(&self) -> bool {
        self.brake.asked.load(Ordering::Acquire)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        open(&self.list).remove(&self.id);
    }
}

fn open(list: &Mutex<HashMap<JobId, Arc<Brake>>>) -> MutexGuard<'_, HashMap<JobId, Arc<Brake>>> {
    list.lock().expect("nothing panics under this lock")
}
