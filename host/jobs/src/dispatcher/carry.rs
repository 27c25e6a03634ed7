//! From the queue to the end of a job.

use super::{Dispatcher, log_failure};
use crate::mark::Mark;
use crate::queue::Place;
use crate::running::Entry;
use crate::work::{Run, Task, Work};
use crate::{Job, State, clock, failures, parsing, trail};
use futures::FutureExt;
use futures::future::join_all;
use hostler_model::{ErrorKind, Failure, Outcome, Trace};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tracing::Instrument;

/// How long to wait before an end that could not be stored is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Dispatcher {
    pub(super) async fn start_jobs(self: &Arc<Self>) {
        loop {
            let (job, work, place) = self.queue.next().await;
            // Before the claim: a cancellation that comes right after it is not missed.
            let entry = self.running.enter(job.id);
            self.tasks.spawn(Arc::clone(self).claim(job, work, place, entry));
        }
    }

    pub(super) async fn expire_jobs(&self) {
        loop {
            let expired = self.queue.expired().await;
            join_all(expired.into_iter().map(|(job, ttl)| self.end(job, failures::expired(ttl).into(), || false)))
                .await;
        }
    }

    /// A job that was kept is judged first, while it is still queued.
    async fn claim(self: Arc<Self>, job: Job, work: Work, place: Place, entry: Entry) {
        let run = match work.task {
            Task::Ready(run) => Ok(run),
            Task::Kept(prepare) => AssertUnwindSafe(prepare())
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(failures::panicked(failures::Reached::Queue))),
        };
        // What has not begun is left to the next run of the daemon.
        if self.draining.is_cancelled() {
            return;
        }
        let run = match run {
            Ok(run) => run,
            Err(failure) => return self.end(job, failure.into(), || entry.is_canceled()).await,
        };
        let at = clock::now();
        match self.store.claim(job.id, self.owner, at).await {
            Ok(true) => self.carry_out(job.started(at), run, place, entry).await,
            Ok(false) => self.count_canceled(job, at), // between queue and claim
            Err(failure) => self.end(job, failure.into(), || entry.is_canceled()).await,
        }
    }

    pub(super) async fn carry_out(self: Arc<Self>, job: Job, run: Run, place: Place, entry: Entry) {
        // All lines about the job are found by its name, and by that of its trace.
        let trace = job.trace.as_deref().and_then(Trace::read).map(|trace| trace.id());
        let span = tracing::info_span!(parent: None, "job", job = %job.id, trace_id = trace);
        self.carry_out_inside(job, run, place, entry).instrument(span).await;
    }

    async fn carry_out_inside(self: Arc<Self>, job: Job, run: Run, _place: Place, entry: Entry) {
        let log = self.journal.open(&job);
        let mark = Arc::new(Mark::new(job.id, self.owner, Arc::clone(&self.store), log));
        let (witness, cancel) = (Arc::clone(&mark), entry.token());
        let work = AssertUnwindSafe(async move { run(witness, cancel).await });
        let mut outcome =
            work.catch_unwind().await.unwrap_or_else(|_| Outcome::from(failures::panicked(mark.reached())));
        // Nobody cancelled it but the end of the daemon.
        if self.stop.is_cancelled()
            && !entry.is_canceled()
            && let Some(error) = outcome.error.as_mut().filter(|error| error.kind == ErrorKind::Canceled)
        {
            *error = failures::stopped(mark.reached(), error);
        }
        if let Some(parsing) = job.options.parsing.clone().filter(|_| !outcome.results.is_empty()) {
            outcome = parsing::parsed(outcome, parsing).await;
        }
        self.end(job, outcome, || entry.is_canceled()).await;
    }

    /// Stores how a job ended, and tries until it is stored or the daemon stops.
    async fn end(&self, job: Job, outcome: Outcome, canceled: impl Fn() -> bool) {
        let id = job.id;
        let last_events = self.journal.close(id);
        let (at, state) = loop {
            let at = clock::now();
            match self.store.end(id, &outcome, &last_events, at).await {
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
        let Some(state) = state else {
            if job.state == State::Queued {
                self.count_canceled(job, at);
            }
            return self.ends.announce(&[id]);
        };
        let job = job.ended(state, outcome, at);
        self.metrics.ended(&job);
        self.store.record(&trail::ended(&job), at);
        if canceled() {
            // Only the store knows when it was asked to be cancelled.
            self.ends.announce(&[id]);
        } else {
            self.ends.hand_out(job);
        }
    }
}
