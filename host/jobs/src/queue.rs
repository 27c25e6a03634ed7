//! The work of queued jobs, in memory, because it holds their secrets.

use crate::{Job, failures};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId, Outcome};
use hostler_plugins::Witness;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// What is to be done for a job. Dropping it drops the job's secrets.
pub(crate) struct Work {
    /// Carries the job out.
    pub(crate) run: Run,
    /// How many jobs its driver carries out at once.
    pub(crate) turns: Arc<Semaphore>,
}

type Run = Box<dyn FnOnce(Arc<dyn Witness>, CancellationToken) -> BoxFuture<'static, Outcome> + Send>;

/// A job's turn at its driver. When it is dropped, the next may have one.
pub(crate) struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    arrived: Arc<Notify>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.arrived.notify_one();
    }
}

/// A place in the queue. It is free again when this is dropped.
pub(crate) struct Room(#[expect(dead_code, reason = "it is held for its drop")] OwnedSemaphorePermit);

/// Instants beyond it may not be representable.
const LONGEST_TTL: Duration = Duration::from_hours(30 * 365 * 24);

/// First in, first out; and out at the end of its time.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    rooms: Arc<Semaphore>,
    max: usize,
    /// A job came, or a driver has a turn again.
    arrived: Arc<Notify>,
    deadlines_changed: Notify,
}

#[derive(Default)]
struct Waiting {
    /// Names sort by time of creation, so the first entry is the oldest.
    by_id: BTreeMap<JobId, Entry>,
    by_deadline: BTreeSet<(Instant, JobId)>,
}

struct Entry {
    job: Job,
    work: Work,
    ttl: Duration,
    deadline: Instant,
    _room: Room,
}

impl Waiting {
    /// The oldest job whose time is not over and whose driver has a turn for it.
    fn oldest(&self) -> Option<JobId> {
        let now = Instant::now();
        let is_ready = |entry: &Entry| entry.deadline > now && entry.work.turns.available_permits() > 0;
        self.by_id.iter().find(|(_, entry)| is_ready(entry)).map(|(id, _)| *id)
    }

    fn remove(&mut self, id: JobId) -> Option<Entry> {
        let entry = self.by_id.remove(&id)?;
        self.by_deadline.remove(&(entry.deadline, id));
        Some(entry)
    }
}

impl Queue {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            rooms: Arc::new(Semaphore::new(max)),
            max,
            arrived: Arc::default(),
            deadlines_changed: Notify::new(),
        }
    }

    /// Takes a place for a job that is about to be accepted; fails with kind `busy` if all are taken.
    pub(crate) fn reserve(&self) -> Result<Room, Failure> {
        Arc::clone(&self.rooms).try_acquire_owned().map(Room).map_err(|_| failures::full(self.max))
    }

    /// How many jobs wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting().by_id.len()
    }

    /// Whether no job waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting().by_id.is_empty()
    }

    /// Adds a job. It may be taken at once.
    pub(crate) fn push(&self, room: Room, job: Job, ttl: Duration, work: Work) {
        let deadline = Instant::now() + ttl.min(LONGEST_TTL);
        let mut waiting = self.waiting();
        waiting.by_deadline.insert((deadline, job.id));
        waiting.by_id.insert(job.id, Entry { job, work, ttl, deadline, _room: room });
        drop(waiting);
        self.arrived.notify_one();
        self.deadlines_changed.notify_one();
    }

    /// Returns when a job waits that could be taken. For one caller at a time.
    pub(crate) async fn arrival(&self) {
        while self.waiting().oldest().is_none() {
            self.arrived.notified().await;
        }
    }

    /// The oldest job that can be taken, and its turn.
    pub(crate) fn take_oldest(&self) -> Option<(Job, Work, Turn)> {
        let mut waiting = self.waiting();
        let id = waiting.oldest()?;
        let turn = self.turn(&waiting.by_id.get(&id)?.work)?;
        let entry = waiting.remove(id)?;
        Some((entry.job, entry.work, turn))
    }

    /// A turn at the driver of this work, if it has one now.
    pub(crate) fn turn(&self, work: &Work) -> Option<Turn> {
        let permit = Arc::clone(&work.turns).try_acquire_owned().ok()?;
        Some(Turn { permit: Some(permit), arrived: Arc::clone(&self.arrived) })
    }

    /// Takes out the jobs whose time is over, each with its time to live; waits for one. For one
    /// caller at a time.
    pub(crate) async fn expired(&self) -> Vec<(Job, Duration)> {
        loop {
            let expired = self.take_expired();
            if !expired.is_empty() {
                return expired;
            }
            let first = self.waiting().by_deadline.first().map(|(deadline, _)| *deadline);
            match first {
                Some(deadline) => tokio::select! {
                    () = sleep_until(deadline) => {}
                    () = self.deadlines_changed.notified() => {}
                },
                None => self.deadlines_changed.notified().await,
            }
        }
    }

    fn take_expired(&self) -> Vec<(Job, Duration)> {
        let mut waiting = self.waiting();
        let now = Instant::now();
        let mut entries = Vec::new();
        while let Some(&(deadline, id)) = waiting.by_deadline.first()
            && deadline <= now
        {
            entries.extend(waiting.remove(id));
        }
        drop(waiting);
        entries.into_iter().map(|entry| (entry.job, entry.ttl)).collect()
    }

    /// Drops these jobs, as far as they wait.
    pub(crate) fn remove(&self, ids: &[JobId]) {
        let mut waiting = self.waiting();
        let removed: Vec<Entry> = ids.iter().filter_map(|id| waiting.remove(*id)).collect();
        drop(waiting);
        drop(removed);
    }

    /// Drops all jobs.
    pub(crate) fn clear(&self) {
        let waiting = std::mem::take(&mut *self.waiting());
        drop(waiting);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing panics under this lock")
    }
}

#[cfg(test)]
mod tests;
