//! Carries jobs from the queue through their work to their end.

use crate::ends::Ends;
use crate::failures;
use crate::mark::Mark;
use crate::metrics::Metrics;
use crate::queue::{Queue, Room, Turn, Work};
use crate::store::{Arrival, Inserted, Owner, Store, Watch};
use crate::{Config, Filter, Job, Page, Recorded, clock, to_its_end};
use futures::FutureExt;
use futures::future::join_all;
use hostler_model::{ErrorKind, Failure, JobId, Outcome};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long running jobs may take to stop at shutdown.
const GRACE: Duration = Duration::from_secs(5);
/// How long to wait before an end that could not be stored is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What a running job holds: a place among all, and its driver's turn. They are free again when it is dropped.
struct Place {
    #[expect(dead_code, reason = "it is held for its drop")]
    running: OwnedSemaphorePermit,
    #[expect(dead_code, reason = "it is held for its drop")]
    turn: Turn,
}

/// What decides which job runs, and sees to it that each ends.
pub(crate) struct Dispatcher {
    store: Arc<dyn Store>,
    owner: Owner,
    queue: Queue,
    ends: Ends,
    pub(crate) metrics: Metrics,
    running: Arc<Semaphore>,
    /// Read by submissions from the store to the queue; written by whoever must not meet a job in
    /// between: there it could be cancelled in the store and still arrive in the queue.
    door: RwLock<()>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Dispatcher {
    /// Starts on the current tokio runtime.
    pub(crate) fn start(config: &Config, store: Arc<dyn Store>, owner: Owner) -> Arc<Self> {
        let dispatcher = Arc::new(Self {
            store,
            owner,
            queue: Queue::new(config.max_queued.get() as usize),
            ends: Ends::default(),
            metrics: Metrics::default(),
            running: Arc::new(Semaphore::new(config.max_running.get() as usize)),
            door: RwLock::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let (starter, reaper) = (Arc::clone(&dispatcher), Arc::clone(&dispatcher));
        dispatcher.tasks.spawn(async move { starter.stop.run_until_cancelled(starter.start_jobs()).await });
        dispatcher.tasks.spawn(async move { reaper.stop.run_until_cancelled(reaper.expire_jobs()).await });
        dispatcher
    }

    /// Takes a place in the queue.
    pub(crate) fn reserve(&self) -> Result<Room, Failure> {
        self.queue.reserve()
    }

    /// Stores a job, and begins its work if there is a place for it and nobody waits for one, or else queues
    /// it. Answers the job as it was accepted.
    pub(crate) async fn accept(
        self: &Arc<Self>,
        room: Room,
        job: Job,
        ttl: Duration,
        webhooks: Vec<Watch>,
        work: Work,
    ) -> Result<Job, Failure> {
        let this = Arc::clone(self);
        to_its_end(async move {
            let _inside = this.door.read().await;
            if this.stop.is_cancelled() {
                return Err(failures::stopping());
            }
            this.ends.expect(job.id);
            let accepted = job.clone();
            // Stored as claimed, it is spared a transaction and two changes of threads.
            let place = if this.queue.is_empty() { this.place(&work) } else { None };
            let job = if place.is_some() { job.started(clock::now()) } else { job };
            let arrival =
                Arrival { job: &job, ttl, kept: None, idempotency: None, webhooks: &webhooks, owner: this.owner };
            let inserted = this.store.insert(arrival).await.and_then(|inserted| match inserted {
                Inserted::New => Ok(()),
                Inserted::Known(_) | Inserted::Conflict => Err(failures::store("a job without a key was known")),
            });
            if let Err(failure) = inserted {
                this.ends.announce(&[job.id]);
                return Err(failure);
            }
            match place {
                Some(place) => drop(this.tasks.spawn(Arc::clone(&this).carry_out(job, work, place))),
                None => this.queue.push(room, job, ttl, work),
            }
            Ok(accepted)
        })
        .await
    }

    /// Cancels the queued jobs that match; answers those it cancelled.
    pub(crate) async fn cancel(self: &Arc<Self>, filter: Filter) -> Result<Vec<JobId>, Failure> {
        let this = Arc::clone(self);
        to_its_end(async move {
            let _alone = this.door.write().await;
            let canceled = this.store.request_cancel(filter, clock::now()).await?.ended;
            this.queue.remove(&canceled);
            this.ends.announce(&canceled);
            Ok(canceled)
        })
        .await
    }

    /// One job, or `None` if there is none of that name.
    pub(crate) async fn get(&self, id: JobId) -> Result<Option<Job>, Failure> {
        self.store.get(id).await
    }

    /// One job, when it has ended or `patience` is over.
    pub(crate) async fn wait(&self, id: JobId, patience: Duration) -> Result<Option<Job>, Failure> {
        match timeout(patience, self.ends.wait(id)).await {
            Ok(Some(job)) => Ok(Some(job)),
            Ok(None) | Err(_) => self.get(id).await,
        }
    }

    /// Jobs that match, newest first.
    pub(crate) async fn list(&self, filter: Filter, page: Page) -> Result<Vec<Job>, Failure> {
        self.store.list(filter, page).await
    }

    /// See [`crate::Jobs::decisions`].
    pub(crate) async fn decisions(&self, job: Option<JobId>, limit: usize) -> Result<Vec<Recorded>, Failure> {
        self.store.decisions(job, limit).await
    }

    /// See [`crate::Jobs::ready`].
    pub(crate) async fn ready(&self) -> Result<(), Failure> {
        if self.stop.is_cancelled() {
            return Err(failures::stopping());
        }
        self.store.decisions(None, 0).await.map(drop)
    }

    /// See [`crate::Jobs::shutdown`].
    pub(crate) async fn shutdown(&self) {
        self.stop.cancel();
        // Submissions that were under way are through when the door is ours; later ones see `stop`.
        drop(self.door.write().await);
        self.queue.clear();
        self.tasks.close();
        if timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!(jobs = self.tasks.len(), "jobs did not stop in time and are given up");
        }
        match self.store.recover(Owner::new(), clock::now()).await {
            Ok(recovered) => self.ends.announce(&recovered.lost),
            Err(failure) => log_failure(&failure, "open jobs could not be ended; the next start does it"),
        }
    }

    /// See [`crate::Jobs::open`].
    pub(crate) fn open(&self) -> (usize, usize) {
        (self.queue.len(), self.tasks.len())
    }

    /// A place for work that has just come, if there is one.
    fn place(&self, work: &Work) -> Option<Place> {
        let running = Arc::clone(&self.running).try_acquire_owned().ok()?;
        Some(Place { running, turn: self.queue.turn(work)? })
    }

    async fn start_jobs(self: &Arc<Self>) {
        loop {
            // Only then is a place taken: while no job waits, it is for one that has just come.
            self.queue.arrival().await;
            let running = Arc::clone(&self.running).acquire_owned().await.expect("this semaphore is never closed");
            if let Some((job, work, turn)) = self.queue.take_oldest() {
                self.tasks.spawn(Arc::clone(self).claim(job, work, Place { running, turn }));
            }
        }
    }

    async fn expire_jobs(&self) {
        loop {
            let expired = self.queue.expired().await;
            join_all(expired.into_iter().map(|(job, ttl)| self.end(job, failures::expired(ttl).into()))).await;
        }
    }

    async fn claim(self: Arc<Self>, job: Job, work: Work, place: Place) {
        let at = clock::now();
        match self.store.claim(job.id, self.owner, at).await {
            Ok(true) => self.carry_out(job.started(at), work, place).await,
            Ok(false) => {} // cancelled between queue and claim
            Err(failure) => self.end(job, failure.into()).await,
        }
    }

    async fn carry_out(self: Arc<Self>, job: Job, work: Work, _place: Place) {
        let mark = Arc::new(Mark::new(job.id, self.owner, Arc::clone(&self.store)));
        let witness = Arc::clone(&mark);
        let cancel = self.stop.child_token();
        let work = AssertUnwindSafe(async move { (work.run)(witness, cancel).await });
        let mut outcome =
            work.catch_unwind().await.unwrap_or_else(|_| Outcome::from(failures::panicked(mark.reached())));
        // Nobody cancelled it but the end of the daemon.
        if self.stop.is_cancelled()
            && let Some(error) = outcome.error.as_mut().filter(|error| error.kind == ErrorKind::Canceled)
        {
            *error = failures::lost(mark.reached());
        }
        self.end(job, outcome).await;
    }

    /// Stores how a job ended, and tries until it is stored or the daemon stops.
    async fn end(&self, job: Job, outcome: Outcome) {
        let id = job.id;
        let (at, state) = loop {
            let at = clock::now();
            match self.store.end(id, &outcome, at).await {
                Ok(state) => break (at, state),
                Err(failure) => log_failure(&failure, "the end of a job could not be stored and is tried again"),
            }
            if self.stop.run_until_cancelled(sleep(RETRY)).await.is_none() {
                return;
            }
        };
        match &outcome.error {
            None => tracing::info!(job = %id, "job finished"),
            Some(Failure { kind, phase, detail, .. }) => {
                tracing::info!(job = %id, %kind, %phase, detail, "job failed");
            }
        }
        match state {
            Some(state) => {
                let job = job.ended(state, outcome, at);
                self.metrics.ended(&job);
                self.ends.hand_out(job);
            }
            None => self.ends.announce(&[id]),
        }
    }
}

fn log_failure(failure: &Failure, what: &str) {
    tracing::error!(detail = failure.detail, "{what}");
}

#[cfg(test)]
mod tests;
