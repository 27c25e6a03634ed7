//! How a job launches its detached task, and what follows from whether it did.

use super::Jobs;
use crate::kept::Kept;
use crate::store::{KeptTask, Sight, Telling, Watch};
use crate::work::Run;
use crate::{Job, clock, supervisor};
use hostler_model::{Failure, Outcome, Phase, Task, TaskId, TaskState, WebhookEvent};
use hostler_plugins::Prepared;

/// How far a task came that its job is to launch.
pub(super) enum Launch {
    /// Its job is not over.
    Awaited,
    /// It may be on its target.
    Done,
    /// It is not.
    Never,
}

impl Jobs {
    /// How a prepared job is carried out: what it launches is kept before its end is.
    pub(super) fn run(&self, job: &Job, prepared: Prepared) -> Run {
        if job.options.detach.is_none() {
            return Box::new(move |witness, cancel| Box::pin(prepared.execute(witness, cancel)) as _);
        }
        let (jobs, task) = (self.clone(), TaskId::from(job.id));
        Box::new(move |witness, cancel| {
            Box::pin(async move {
                let outcome = prepared.execute(witness, cancel).await;
                jobs.launched(&task, outcome).await
            })
        })
    }

    async fn launched(&self, task: &TaskId, mut outcome: Outcome) -> Outcome {
        let launched = outcome.results.iter().find_map(|result| result.launched.as_deref());
        let sight = match launched {
            Some(launched) => Sight {
                state: Some(TaskState::Running),
                pid: Some(launched.pid),
                log_file: Some(launched.log_file.clone()),
                elevated: launched.elevated.clone(),
                ..Sight::new(clock::now())
            },
            None if outcome.error.as_ref().is_some_and(|error| is_before_launch(error.phase)) => lost(),
            // The target knows.
            None => return outcome,
        };
        if let Err(failure) = self.saw(task, sight).await {
            outcome.warnings.push(format!("What became of the task could not be kept: {}", failure.message));
        }
        outcome
    }

    /// Whether its job has come to launching it.
    pub(super) async fn launch(&self, task: &Task) -> Result<Launch, Failure> {
        let (TaskState::Launching, Some(job)) = (task.state, task.job) else { return Ok(Launch::Done) };
        Ok(match self.get(job).await? {
            Some(job) if job.ended_at.is_none() => Launch::Awaited,
            Some(job) if job.started_at.is_some() => Launch::Done,
            // It never began, or was removed since.
            _ => Launch::Never,
        })
    }

    /// Whether a task never ran, and its job is still to tell why: it ends right after.
    pub(super) async fn is_failing(&self, task: &Task) -> Result<bool, Failure> {
        let Some(job) = task.job.filter(|_| never_ran(task)) else { return Ok(false) };
        Ok(self.get(job).await?.is_some_and(|job| job.ended_at.is_none()))
    }
}

/// The task that a job will launch, if it is to launch one, and that these webhooks are told of it.
pub(super) fn expected(job: &Job, kept: &Kept, webhooks: &[Watch]) -> Option<KeptTask> {
    let detach = job.options.detach?;
    let (id, target) = (TaskId::from(job.id), job.plan.target.clone());
    let expected = KeptTask::new(id, job.caller.clone(), job.driver.clone(), target, job.id, kept.clone());
    let command = job.plan.command.clone().unwrap_or_default();
    let task = Task { job: Some(job.id), command, push_interval: detach.push_interval, ..expected.task };
    let wanted = |event| webhooks.iter().any(|webhook| webhook.events.contains(&event));
    let output = wanted(WebhookEvent::TaskOutput);
    let next_at = task.created_at + supervisor::interval(&task);
    let telling = (output || wanted(WebhookEvent::TaskEnded)).then_some(Telling { offset: 0, next_at, output });
    Some(KeptTask { task, telling, ..expected })
}

/// Whether the target has nothing of it.
pub(super) fn never_ran(task: &Task) -> bool {
    task.state == TaskState::Lost && task.pid.is_none()
}

/// That the target has nothing of it, or does not know how it ended.
pub(super) fn lost() -> Sight {
    Sight { state: Some(TaskState::Lost), ..Sight::new(clock::now()) }
}

/// Whether what failed then was not launched.
fn is_before_launch(phase: Phase) -> bool {
    matches!(phase, Phase::Validate | Phase::Policy | Phase::Connect | Phase::HostKey | Phase::Auth)
}
