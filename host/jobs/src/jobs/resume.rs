//! How jobs that waited when the daemon ended go on.

use super::Jobs;
use crate::failures;
use crate::kept::Kept;
use crate::needs::Need;
use crate::store::Waiting;
use crate::work::{Run, Task, Work};
use hostler_model::{Failure, JobId, Target};
use hostler_plugins::Rejection;

impl Jobs {
    /// Queues them. Each is validated and judged by the plugins of now when its turn has come, so that thousands
    /// of them hold nobody up.
    pub(crate) fn resume(&self, queued: Vec<Waiting>) {
        for waiting in queued {
            let job = &waiting.job;
            // Without its driver it fails as soon as it can.
            let concurrency = self.plugins.concurrency(&job.driver).unwrap_or(0);
            let needs = Need::of(job, &self.config, concurrency);
            let ttl = job.options.ttl.unwrap_or(self.config.default_ttl());
            let (jobs, id, target, kept) = (self.clone(), job.id, job.plan.target.clone(), waiting.kept.clone());
            let prepare = Box::new(move || Box::pin(async move { jobs.prepare_again(id, &target, kept).await }) as _);
            self.dispatcher.resume(waiting, ttl, Work { needs, task: Task::Kept(prepare) });
        }
    }

    async fn prepare_again(&self, id: JobId, target: &Target, kept: Kept) -> Result<Run, Failure> {
        let request = kept.open(&self.vault, id)?;
        let prepared = self.plugins.prepare(id, request).await.map_err(|rejection| match rejection {
            Rejection::Invalid(problems) => failures::not_valid(&problems),
            Rejection::Failed(failure) => failure,
        })?;
        if prepared.plan().target != *target {
            return Err(failures::other_target(target, &prepared.plan().target));
        }
        Ok(Box::new(move |witness, cancel| Box::pin(prepared.execute(witness, cancel)) as _))
    }
}
