//! How jobs that waited when the daemon ended go on.

use super::Jobs;
use crate::Job;
use crate::failures;
use crate::kept::Kept;
use crate::needs::Need;
use crate::store::Waiting;
use crate::work::{Prepare, Run, Task, Work};
use hostler_model::Failure;

impl Jobs {
    /// Queues them. Each is validated and judged by the plugins of now when its turn has come, so that thousands
    /// of them hold nobody up.
    pub(crate) fn resume(&self, queued: Vec<Waiting>) {
        self.files().keep_for(&queued.iter().filter_map(|waiting| waiting.job.options.staged).collect());
        for waiting in queued {
            let (id, staged) = (waiting.job.id, waiting.job.options.staged);
            let job = &waiting.job;
            // Without its driver it fails as soon as it can.
            let concurrency = self.plugins.concurrency(&job.driver).unwrap_or(0);
            let needs = Need::of(job, &self.config, concurrency);
            let ttl = job.options.ttl.unwrap_or(self.config.default_ttl());
            let task = Task::Kept(self.later(job, waiting.kept.clone()));
            self.dispatcher.resume(waiting, ttl, Work { needs, task });
            if let Some(file) = staged {
                self.release_after(id, file);
            }
        }
    }

    /// What validates and judges a job when its turn has come.
    pub(super) fn later(&self, job: &Job, kept: Kept) -> Prepare {
        let (jobs, job) = (self.clone(), job.clone());
        Box::new(move || Box::pin(async move { jobs.prepare_again(&job, kept).await }) as _)
    }

    async fn prepare_again(&self, job: &Job, kept: Kept) -> Result<Run, Failure> {
        let request = kept.open(&self.vault, job.id)?;
        let prepare = |request| self.plugins.prepare(job.id, &job.caller, request);
        let prepared = self.with_credential(job.id, &job.caller, request, prepare).await;
        let prepared = prepared.map_err(failures::rejected)?;
        let (was, is) = (&job.plan.target, &prepared.plan().target);
        if is != was {
            let failure = if job.options.credential.is_some() { failures::other_user } else { failures::other_target };
            return Err(failure(was, is));
        }
        Ok(self.run(job, prepared))
    }
}
