//! The logs of the jobs that run, on their way to the store.

use crate::log::{Log, MUCH};
use crate::store::Store;
use crate::{Event, Job};
use hostler_model::JobId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::AbortOnDropHandle;

/// How long events are collected before they are stored, where nobody waits for them. A job that is shorter has them
/// stored with its end.
const COLLECTED: Duration = Duration::from_millis(100);
/// The same where somebody waits for them.
const AWAITED: Duration = Duration::from_millis(20);
/// How long to wait before events that could not be stored are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The logs of the jobs that run. Readers see only what the store has: so a number that somebody saw means the same after
/// a crash, and however many there are and however slow, they cost the jobs nothing.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    _flusher: AbortOnDropHandle<()>,
}

struct Shared {
    store: Arc<dyn Store>,
    limit: u64,
    open: Mutex<HashMap<JobId, Arc<Log>>>,
    followed: Mutex<HashMap<JobId, watch::Sender<()>>>,
    wake: Arc<Notify>,
}

impl Journal {
    /// Starts on the current tokio runtime. A log has at most `limit` bytes of output.
    pub(crate) fn start(store: Arc<dyn Store>, limit: u64) -> Self {
        let (open, followed, wake) = Default::default();
        let shared = Arc::new(Shared { store, limit, open, followed, wake });
        let flusher = Arc::clone(&shared);
        let flusher = tokio::spawn(async move { flusher.flush_for_ever().await });
        Self { shared, _flusher: AbortOnDropHandle::new(flusher) }
    }

    /// The log of a job that has just started.
    pub(crate) fn open(&self, job: &Job) -> Arc<Log> {
        let log = Log::new(Event::before(job.attempt), self.shared.limit, Arc::clone(&self.shared.wake));
        let log = Arc::new(log);
        self.shared.open().insert(job.id, Arc::clone(&log));
        self.shared.tell(job.id);
        log
    }

    /// Takes the log of a job out that is about to end; answers what the store may not have yet.
    pub(crate) fn close(&self, id: JobId) -> Vec<Arc<Event>> {
        let log = self.shared.open().remove(&id);
        log.map(|log| log.waiting()).unwrap_or_default()
    }

    /// Brings everything to the store.
    pub(crate) async fn flush(&self) {
        self.shared.flush(|_, _| true).await;
    }

    /// From now on, says when the store has more events of a job, and when the job starts.
    pub(crate) fn news(&self, id: JobId) -> News {
        let changes = self.shared.followed().entry(id).or_default().subscribe();
        self.shared.wake.notify_one();
        News { shared: Arc::clone(&self.shared), id, changes }
    }
}

impl Shared {
    async fn flush_for_ever(&self) {
        loop {
            if self.open().values().all(|log| log.size().is_none()) {
                self.wake.notified().await;
            }
            let collected = Instant::now() + COLLECTED;
            while Instant::now() < collected {
                self.flush(|id, bytes| bytes >= MUCH || self.followed().contains_key(&id)).await;
                sleep(AWAITED).await;
                // Either way it goes on.
                let _ = timeout_at(collected, self.wake.notified()).await;
            }
            self.flush(|_, _| true).await;
        }
    }

    /// Brings the logs to the store of which `which` says so, by their job and how many bytes wait.
    async fn flush(&self, which: impl Fn(JobId, usize) -> bool) {
        let mut logs: Vec<(JobId, Arc<Log>)> = self.open().iter().map(|(id, log)| (*id, Arc::clone(log))).collect();
        logs.retain(|(id, log)| log.size().is_some_and(|bytes| which(*id, bytes)));
        if logs.is_empty() {
            return;
        }
        let events: Vec<_> = logs.iter().map(|(id, log)| (*id, log.waiting())).collect();
        let newest: Vec<_> = events.iter().map(|(_, events)| events.last().map_or(0, |event| event.number)).collect();
        if let Err(failure) = self.store.append(events).await {
            tracing::error!(detail = failure.detail, "events of jobs could not be stored, which is tried again");
            sleep(RETRY).await;
            return;
        }
        for ((id, log), newest) in logs.into_iter().zip(newest) {
            log.forget(newest);
            self.tell(id);
        }
    }

    fn tell(&self, id: JobId) {
        if let Some(followed) = self.followed().get(&id) {
            followed.send_replace(());
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Log>>> {
        self.open.lock().expect("nothing panics under this lock")
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<JobId, watch::Sender<()>>> {
        self.followed.lock().expect("nothing panics under this lock")
    }
}

/// Says when there is more to read of a job.
pub(crate) struct News {
    shared: Arc<Shared>,
    id: JobId,
    changes: watch::Receiver<()>,
}

impl News {
    /// What came until now is known.
    pub(crate) fn note(&mut self) {
        self.changes.mark_unchanged();
    }

    /// Returns when something came since [`News::note`].
    pub(crate) async fn come(&mut self) {
        self.changes.changed().await.expect("its sender stays as long as there are receivers");
    }
}

impl Drop for News {
    fn drop(&mut self) {
        let mut followed = self.shared.followed();
        // This one is still counted.
        if followed.get(&self.id).is_some_and(|sender| sender.receiver_count() <= 1) {
            followed.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests;
