//! The queued jobs and their work, in memory, because it holds secrets.

use crate::lanes::Lanes;
use crate::needs::Needs;
use crate::work::Work;
use crate::{Job, failures};
use hostler_model::{Failure, JobId};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// What a running job holds of all that is limited. It is free again when this is dropped.
pub(crate) struct Place {
    queue: Arc<Queue>,
    needs: Needs,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.waiting().lanes.release(&self.needs);
        self.queue.changed.notify_one();
    }
}

/// A place in the queue, and bytes of it. They are free again when this is dropped.
pub(crate) struct Room {
    _place: OwnedSemaphorePermit,
    _bytes: Option<OwnedSemaphorePermit>,
}

/// Instants beyond it may not be representable.
const LONGEST_TTL: Duration = Duration::from_hours(30 * 365 * 24);

/// The oldest job that finds its places goes first; and out at the end of its time.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    rooms: Arc<Semaphore>,
    max: usize,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
    /// A job came, or a place is free again.
    changed: Notify,
    deadlines_changed: Notify,
}

struct Waiting {
    by_id: HashMap<JobId, Entry>,
    by_deadline: BTreeSet<(Instant, JobId)>,
    lanes: Lanes,
}

struct Entry {
    job: Job,
    work: Work,
    ttl: Duration,
    deadline: Instant,
    _room: Option<Room>,
}

impl Waiting {
    fn remove(&mut self, id: JobId) -> Option<Entry> {
        let entry = self.by_id.remove(&id)?;
        self.by_deadline.remove(&(entry.deadline, id));
        self.lanes.remove(id, &entry.work.needs);
        Some(entry)
    }

    /// The oldest job that finds its places, and whose time is not over: then it is left to whoever ends it.
    fn next(&mut self) -> Option<Entry> {
        let now = Instant::now();
        loop {
            let (id, needs) = self.lanes.next()?;
            let in_time = self.by_id.get(&id).is_some_and(|entry| entry.deadline > now);
            if in_time {
                let entry = self.by_id.remove(&id)?;
                self.by_deadline.remove(&(entry.deadline, id));
                return Some(entry);
            }
            self.lanes.release(&needs);
        }
    }
}

impl Queue {
    pub(crate) fn new(max: usize, max_bytes: usize, max_running: usize) -> Arc<Self> {
        let lanes = Lanes::new(max_running);
        let max_bytes = max_bytes.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            waiting: Mutex::new(Waiting { by_id: HashMap::new(), by_deadline: BTreeSet::new(), lanes }),
            rooms: Arc::new(Semaphore::new(max)),
            max,
            bytes: Arc::new(Semaphore::new(max_bytes)),
            max_bytes,
            changed: Notify::new(),
            deadlines_changed: Notify::new(),
        })
    }

    /// Takes a place for a job that is about to be accepted; fails with kind `busy` if all are taken.
    pub(crate) fn reserve(&self) -> Result<Room, Failure> {
        let place = Arc::clone(&self.rooms).try_acquire_owned().map_err(|_| failures::full(self.max))?;
        Ok(Room { _place: place, _bytes: None })
    }

    /// Adds bytes to a place; fails with kind `busy` if there are not so many. Who needs more than there are may have all
    /// of them.
    pub(crate) fn widen(&self, room: Room, bytes: usize) -> Result<Room, Failure> {
        let wanted = u32::try_from(bytes.min(self.max_bytes)).unwrap_or(u32::MAX);
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(wanted);
        let bytes = bytes.map_err(|_| failures::full_of_bytes(self.max_bytes))?;
        Ok(Room { _bytes: Some(bytes), ..room })
    }

    /// How many jobs wait, and how many are carried out.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let waiting = self.waiting();
        (waiting.by_id.len(), waiting.lanes.running())
    }

    /// Adds a job that may wait for `left` of its `ttl`. It may be taken at once. A job of an earlier run of the
    /// daemon needs no room: it was accepted.
    pub(crate) fn push(&self, room: Option<Room>, job: Job, ttl: Duration, left: Duration, work: Work) {
        let deadline = Instant::now() + left.min(LONGEST_TTL);
        let mut waiting = self.waiting();
        waiting.by_deadline.insert((deadline, job.id));
        waiting.lanes.push(job.id, &work.needs);
        waiting.by_id.insert(job.id, Entry { job, work, ttl, deadline, _room: room });
        drop(waiting);
        self.changed.notify_one();
        self.deadlines_changed.notify_one();
    }

    /// The places that a job needs which has just come, if they are free and nobody waits for them.
    pub(crate) fn place(self: &Arc<Self>, needs: &Needs) -> Option<Place> {
        let free = self.waiting().lanes.start(needs);
        free.then(|| Place { queue: Arc::clone(self), needs: Arc::clone(needs) })
    }

    /// The next job to run, and its places; waits for one. For one caller at a time.
    pub(crate) async fn next(self: &Arc<Self>) -> (Job, Work, Place) {
        loop {
            let next = self.waiting().next();
            if let Some(Entry { job, work, .. }) = next {
                let place = Place { queue: Arc::clone(self), needs: Arc::clone(&work.needs) };
                return (job, work, place);
            }
            self.changed.notified().await;
        }
    }

    /// In words, why a job waits that is in the queue; `None` if its turn has come.
    pub(crate) fn waiting_for(&self, id: JobId) -> Option<String> {
        let waiting = self.waiting();
        waiting.lanes.waiting_for(&waiting.by_id.get(&id)?.work.needs)
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
        self.changed.notify_one();
        entries.into_iter().map(|entry| (entry.job, entry.ttl)).collect()
    }

    /// Takes out these jobs, as far as they wait, and drops their work.
    pub(crate) fn remove(&self, ids: &[JobId]) -> Vec<Job> {
        let mut waiting = self.waiting();
        let removed: Vec<Entry> = ids.iter().filter_map(|id| waiting.remove(*id)).collect();
        drop(waiting);
        self.changed.notify_one();
        removed.into_iter().map(|entry| entry.job).collect()
    }

    /// Drops all jobs.
    pub(crate) fn clear(&self) {
        let mut waiting = self.waiting();
        waiting.lanes.clear();
        waiting.by_deadline.clear();
        let entries = std::mem::take(&mut waiting.by_id);
        drop(waiting);
        drop(entries);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing panics under this lock")
    }
}

#[cfg(test)]
mod tests;
