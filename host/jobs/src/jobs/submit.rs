//! How a request becomes a job.

use super::{Jobs, launch};
use crate::dispatcher::Newcomer;
use crate::kept::Kept;
use crate::needs::Need;
use crate::reach::{self, Beyond};
use crate::{DryRun, Job, Rejection, State, Submission, Submitted};
use hostler_model::{Caller, Failure, JobId, Request, Target};
use hostler_plugins::Prepared;

impl Jobs {
    /// Validates a request, has it reviewed, stores it, and answers the queued job. The job is
    /// durable when this returns. Under a key that its caller used before for the same request, the answer is the job
    /// of then. A staged file that came for the job goes with it, and at once if there will be none.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, Rejection> {
        let Some(file) = submission.request.options.staged else { return self.accept(submission).await };
        self.check_staged(&submission)?;
        let submitted = self.accept(submission).await;
        match &submitted {
            Ok(Submitted { job, known: false }) => self.release_after(job.id, file),
            Ok(_) | Err(_) => self.release(file).await,
        }
        submitted
    }

    async fn accept(&self, submission: Submission) -> Result<Submitted, Rejection> {
        if let Some(known) = self.known(&submission).await? {
            return Ok(known);
        }
        // Before the plugins are asked: a flood must not cost more than a look at a counter.
        let room = self.dispatcher.reserve().map_err(Rejection::Failed)?;
        let Submission { mut request, caller, idempotency, batch, trace } = submission;
        let id = JobId::new();
        let (driver, options) = (request.driver.clone(), request.options.clone());
        let ttl = options.ttl.unwrap_or(self.config.default_ttl());
        let mut warnings = std::mem::take(&mut request.warnings);
        let webhooks = std::mem::take(&mut request.webhooks);
        let webhooks = self.webhooks.seal(id, webhooks).map_err(Rejection::Failed)?;
        // What the credential holds comes later: it is not kept.
        let kept = Kept::seal(&self.vault, id, &request)?;
        let bytes = kept.0.len() + webhooks.iter().map(|webhook| webhook.sealed.len()).sum::<usize>();
        let room = self.dispatcher.widen(room, bytes).map_err(Rejection::Failed)?;
        let prepared = self.prepare(id, &caller, request).await?;
        let plan = prepared.plan().clone();
        warnings.extend_from_slice(&plan.warnings);
        let job = Job {
            id,
            state: State::Queued,
            caller: caller.name,
            batch,
            driver,
            options,
            attempt: 1,
            trace,
            plan,
            created_at: id.made_at(),
            started_at: None,
            cancel_requested_at: None,
            ended_at: None,
            outcome: None,
            warnings,
        };
        let needs = Need::of(&job, &self.config, prepared.concurrency());
        let task = launch::expected(&job, &kept, &webhooks);
        // Who must wait, and logs in by a reference, is to use what stands there then.
        let later = job.options.credential.is_some().then(|| self.later(&job, kept.clone()));
        let run = self.run(&job, prepared);
        let newcomer = Newcomer { room, job, ttl, kept: Some(kept), idempotency, task, webhooks, needs, run, later };
        let accepted = self.dispatcher.accept(newcomer).await.map_err(Rejection::Failed)?;
        if accepted.job.options.detach.is_some() {
            self.supervised.notify_one();
        }
        Ok(accepted)
    }

    /// Does all that [`Jobs::submit`] does before it stores the job, and says what it would be.
    pub async fn dry_run(&self, submission: Submission) -> Result<DryRun, Rejection> {
        self.check_staged(&submission)?;
        let Submission { mut request, caller, .. } = submission;
        let mut warnings = std::mem::take(&mut request.warnings);
        let prepared = self.prepare(JobId::new(), &caller, request).await?;
        let (plan, policies) = (prepared.plan().clone(), prepared.verdicts().to_vec());
        warnings.extend_from_slice(&plan.warnings);
        Ok(DryRun { plan, policies, warnings })
    }

    /// Has the plugins look at the request. A job that the caller's key is not for is denied, and leaves a line of the
    /// audit only.
    async fn prepare(&self, id: JobId, caller: &Caller, request: Request) -> Result<Prepared, Rejection> {
        self.prepared(id, caller, request, |request| self.plugins.prepare(id, &caller.name, request)).await
    }

    /// The same for somebody who only wants to connect.
    pub(super) async fn prepare_visit(&self, caller: &Caller, request: Request) -> Result<Prepared, Rejection> {
        let id = JobId::new();
        self.prepared(id, caller, request, |request| self.plugins.prepare_visit(id, &caller.name, request)).await
    }

    async fn prepared<P: Future<Output = Result<Prepared, Rejection>>>(
        &self,
        id: JobId,
        caller: &Caller,
        request: Request,
        prepare: impl FnOnce(Request) -> P,
    ) -> Result<Prepared, Rejection> {
        let driver = &request.driver.clone();
        reach::check_driver(caller, driver).map_err(|beyond| self.deny(beyond, caller, id, driver, None))?;
        let prepared = self.with_credential(id, &caller.name, request, prepare).await?;
        let target = &prepared.plan().target;
        reach::check_target(caller, target).map_err(|beyond| self.deny(beyond, caller, id, driver, Some(target)))?;
        Ok(prepared)
    }

    fn deny(&self, beyond: Beyond, caller: &Caller, job: JobId, driver: &str, target: Option<&Target>) -> Failure {
        self.record(&beyond.entry(caller, job, driver, target));
        beyond.into()
    }

    /// The job that this caller submitted under the same key. The store looks once more when it stores one.
    async fn known(&self, submission: &Submission) -> Result<Option<Submitted>, Failure> {
        match &submission.idempotency {
            Some(idempotency) => self.dispatcher.submitted_before(&submission.caller.name, idempotency).await,
            None => Ok(None),
        }
    }
}
