//! Carries jobs from the queue through their work to their end.

mod carry;
mod closing;

use crate::ends::Ends;
use crate::follower::Follower;
use crate::journal::Journal;
use crate::kept::Kept;
use crate::metrics::Metrics;
use crate::needs::Needs;
use crate::queue::{Queue, Room};
use crate::running::Running;
use crate::store::{Arrival, Inserted, KeptTask, Owner, Store, Waiting, Watch};
use crate::work::{Prepare, Run, Task, Work};
use crate::{Cancelled, Config, Filter, Idempotency, Job, State, Submitted, clock, failures, to_its_end, trail};
use hostler_model::{Failure, JobId};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::RwLock;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What decides which job runs, and sees to it that each ends.
pub(crate) struct Dispatcher {
    pub(crate) store: Arc<dyn Store>,
    owner: Owner,
    queue: Arc<Queue>,
    ends: Arc<Ends>,
    journal: Journal,
    pub(crate) metrics: Metrics,
    running: Running,
    drain_timeout: Duration,
    /// Read by submissions from the store to the queue; written by whoever must not meet a job in
    /// between: there it could be cancelled in the store and still arrive in the queue.
    door: RwLock<()>,
    /// From then on no job comes, and none begins.
    draining: CancellationToken,
    /// From then on those that run are to stop.
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A job at the door.
pub(crate) struct Newcomer {
    pub(crate) room: Room,
    pub(crate) job: Job,
    pub(crate) ttl: Duration,
    /// What carries it out after a restart.
    pub(crate) kept: Option<Kept>,
    pub(crate) idempotency: Option<Idempotency>,
    /// The detached task that it is to launch.
    pub(crate) task: Option<KeptTask>,
    pub(crate) webhooks: Vec<Watch>,
    pub(crate) needs: Needs,
    pub(crate) run: Run,
    /// What is done instead of `run` if it must wait first.
    pub(crate) later: Option<Prepare>,
}

impl Dispatcher {
    /// Starts on the current tokio runtime, as this owner of the store.
    pub(crate) fn start(config: &Config, store: Arc<dyn Store>, owner: Owner) -> Arc<Self> {
        let dispatcher = Arc::new(Self {
            journal: Journal::start(Arc::clone(&store), config.max_log_bytes),
            store,
            owner,
            queue: Queue::new(
                config.max_queued.get() as usize,
                usize::try_from(config.max_queued_bytes.get()).unwrap_or(usize::MAX),
                config.max_running.get() as usize,
            ),
            ends: Arc::default(),
            metrics: Metrics::default(),
            running: Running::default(),
            drain_timeout: config.drain_timeout(),
            door: RwLock::default(),
            draining: CancellationToken::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let (starter, reaper) = (Arc::clone(&dispatcher), Arc::clone(&dispatcher));
        dispatcher.tasks.spawn(async move { starter.draining.run_until_cancelled(starter.start_jobs()).await });
        dispatcher.tasks.spawn(async move { reaper.draining.run_until_cancelled(reaper.expire_jobs()).await });
        dispatcher
    }

    /// Takes a place in the queue.
    pub(crate) fn reserve(&self) -> Result<Room, Failure> {
        if self.draining.is_cancelled() {
            return Err(failures::stopping());
        }
        self.queue.reserve()
    }

    /// Takes room for so many bytes, too.
    pub(crate) fn widen(&self, room: Room, bytes: usize) -> Result<Room, Failure> {
        self.queue.widen(room, bytes)
    }

    /// Stores a job, and begins its work if there is a place for it and nobody waits for one, or else queues
    /// it. Answers the job as it was accepted, or the one that its caller submitted under the same key before.
    pub(crate) async fn accept(self: &Arc<Self>, newcomer: Newcomer) -> Result<Submitted, Failure> {
        let this = Arc::clone(self);
        to_its_end(async move {
            let Newcomer { room, job, ttl, kept, idempotency, task, webhooks, needs, run, later } = newcomer;
            let _inside = this.door.read().await;
            if this.draining.is_cancelled() {
                return Err(failures::stopping());
            }
            this.ends.expect(&job);
            let accepted = job.clone();
            // Stored as claimed, it is spared a transaction and two changes of threads.
            let place = this.queue.place(&needs);
            let entry = place.is_some().then(|| this.running.enter(job.id));
            let job = if place.is_some() { job.started(clock::now()) } else { job };
            let idempotency = idempotency.as_ref();
            let arrival = Arrival { job: &job, ttl, kept, idempotency, task, webhooks: &webhooks, owner: this.owner };
            let known = match this.store.insert(arrival).await {
                Ok(Inserted::New) => None,
                Ok(Inserted::Known(id)) => Some(Ok(id)),
                Ok(Inserted::Conflict) => Some(Err(failures::other_request())),
                Err(failure) => Some(Err(failure)),
            };
            if let Some(known) = known {
                this.ends.announce(&[job.id]);
                return this.known(known?).await;
            }
            // Before its work can write anything down.
            this.store.record(&trail::submitted(&accepted), clock::now());
            if let Some((place, entry)) = place.zip(entry) {
                drop(this.tasks.spawn(Arc::clone(&this).carry_out(job, run, place, entry)));
            } else {
                let task = later.map_or(Task::Ready(run), Task::Kept);
                this.queue.push(Some(room), job, ttl, ttl, Work { needs, task });
            }
            Ok(Submitted { job: accepted, known: false })
        })
        .await
    }

    /// The job that a caller submitted under this key before, if it did.
    pub(crate) async fn submitted_before(
        &self,
        caller: &str,
        idempotency: &Idempotency,
    ) -> Result<Option<Submitted>, Failure> {
        match self.store.known(caller, idempotency).await? {
            None | Some(Inserted::New) => Ok(None),
            Some(Inserted::Conflict) => Err(failures::other_request()),
            Some(Inserted::Known(id)) => self.known(id).await.map(Some),
        }
    }

    /// The job that was submitted before.
    async fn known(&self, id: JobId) -> Result<Submitted, Failure> {
        let job = self.store.get(id).await?.ok_or_else(failures::removed)?;
        Ok(Submitted { job, known: true })
    }

    /// Queues a job that an earlier run of the daemon left waiting.
    pub(crate) fn resume(&self, waiting: Waiting, ttl: Duration, work: Work) {
        self.ends.expect(&waiting.job);
        self.queue.push(None, waiting.job, ttl, waiting.left, work);
    }

    /// Cancels the jobs that match: those that wait at once, those that run are stopped.
    pub(crate) async fn cancel(self: &Arc<Self>, filter: Filter) -> Result<Cancelled, Failure> {
        let this = Arc::clone(self);
        to_its_end(async move {
            let _alone = this.door.write().await;
            let at = clock::now();
            let cancelled = this.store.request_cancel(filter, at).await?;
            for job in this.queue.remove(&cancelled.ended) {
                this.count_canceled(job, at);
            }
            this.ends.announce(&cancelled.ended);
            this.running.cancel(&cancelled.asked);
            Ok(cancelled)
        })
        .await
    }

    /// Counts a job that was cancelled before it began: of what had left the queue by then, whoever has it does.
    fn count_canceled(&self, job: Job, at: Timestamp) {
        self.metrics.ended(&job.ended(State::Canceled, failures::canceled().into(), at));
    }

    /// One job, when it has ended or `patience` is over; `None` if there is none of that name.
    pub(crate) async fn wait(&self, id: JobId, patience: Duration) -> Result<Option<Job>, Failure> {
        match timeout(patience, self.ends.wait(id)).await {
            Ok(Some(job)) => Ok(Some(job)),
            Ok(None) | Err(_) => self.store.get(id).await,
        }
    }

    /// See [`crate::Jobs::caller_of_open`].
    pub(crate) fn caller_of_open(&self, id: JobId) -> Option<String> {
        self.ends.caller(id)
    }

    /// A reader of the log of this job.
    pub(crate) fn follower(&self, job: Job) -> Follower {
        Follower::new(Arc::clone(&self.store), Arc::clone(&self.ends), &self.journal, job)
    }

    /// See [`crate::Jobs::open`].
    pub(crate) fn open(&self) -> (usize, usize) {
        self.queue.counts()
    }

    /// See [`crate::Jobs::waiting_for`].
    pub(crate) fn waiting_for(&self, id: JobId) -> Option<String> {
        self.queue.waiting_for(id)
    }
}

fn log_failure(failure: &Failure, what: &str) {
    tracing::error!(detail = failure.detail, "{what}");
}

#[cfg(test)]
mod tests;
