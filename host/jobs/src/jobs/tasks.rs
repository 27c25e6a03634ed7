//! A look at a target, and what goes on there after its job.

use super::Jobs;
use crate::kept::Kept;
use crate::store::tasks::is_open;
use crate::store::{KeptTask, Piece, Sight, Telling, Watch};
use crate::work::Run;
use crate::{Job, Rejection, clock, failures, supervisor};
use hostler_model::{
    Caller, ErrorKind, Failure, JobId, Outcome, Phase, Request, Task, TaskId, TaskSlice, TaskState, Tested,
    WebhookEvent,
};
use hostler_plugins::{Prepared, TaskLog, TaskSeen, TaskStatus, Visit};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a look at a target may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Bytes of a log that a reader is given at once.
const SLICE: u64 = 1 << 20;

/// Bytes of a log that one letter has. Receivers commonly take letters of up to 1 MiB.
const PIECE: u64 = 256 << 10;

/// An offset behind every log: how a task is, and nothing that it wrote.
const BEHIND: u64 = u64::MAX >> 2;

/// What the target keeps beside a task.
#[derive(Default, Deserialize)]
struct About {
    job: Option<JobId>,
    #[serde(default)]
    command: Vec<String>,
}

impl Jobs {
    /// Logs in at the target of a request, as its driver would for a job, and does nothing there that changes it. Grants,
    /// policies and the caller's reach hold as for a job. No job is made of it.
    pub async fn test(&self, mut request: Request, by: Caller) -> Result<Tested, Rejection> {
        let mut warnings = std::mem::take(&mut request.warnings);
        let prepared = self.prepare_visit(&by, request).await?;
        warnings.extend_from_slice(&prepared.plan().warnings);
        let visit = prepared.visit(PATIENCE).await?;
        let mut tested = visit.look().await;
        visit.leave().await;
        warnings.append(&mut tested.warnings);
        Ok(Tested { warnings, ..tested })
    }

    /// The detached tasks that the caller reaches, newest first.
    pub async fn tasks(&self, by: &Caller) -> Result<Vec<Task>, Failure> {
        let mut tasks = self.dispatcher.store.tasks(by.reach()).await?;
        for task in tasks.iter_mut().filter(|task| task.state == TaskState::Launching) {
            if let Launch::Never = self.launch(task).await?
                && let Some(lost) = self.saw(&task.id, lost()).await?
            {
                *task = lost;
            }
        }
        Ok(tasks)
    }

    /// Asks the target how a detached task is and reads its log from this byte on, or from where the last reader without an
    /// offset ended. `None` if there is no such task, or the caller does not reach it. The log of a task is read no more
    /// an hour after the task was seen to have ended: then its secrets are gone.
    pub async fn read_task(&self, id: &TaskId, offset: Option<u64>, by: &Caller) -> Result<Option<TaskSlice>, Failure> {
        let Some(kept) = self.reached(id, by).await? else { return Ok(None) };
        let from = offset.unwrap_or(kept.task.next_offset);
        let nothing = |task: Task| {
            let completed = !is_open(task.state);
            Some(TaskSlice { task, offset: from, output: Vec::new(), next_offset: from, completed })
        };
        match self.launch(&kept.task).await? {
            Launch::Awaited => return Ok(nothing(kept.task)),
            Launch::Never => return Ok(self.saw(id, lost()).await?.and_then(nothing)),
            Launch::Done if kept.sealed.is_none() || never_ran(&kept.task) => return Ok(nothing(kept.task)),
            Launch::Done => {}
        }
        let visit = self.visit(&kept, by).await?;
        let read = visit.read_task(id, from, SLICE, kept.elevated.as_ref()).await;
        visit.leave().await;
        let TaskLog { seen, output, next_offset, completed } = read?;
        let told = offset.is_none().then_some(next_offset);
        let sight = Sight { next_offset: told, ..sight(seen.as_ref()) };
        let task = self.saw(id, sight).await?;
        Ok(task.map(|task| {
            let completed = completed && !is_open(task.state);
            TaskSlice { task, offset: from, output, next_offset, completed }
        }))
    }

    /// Stops a detached task and answers it when its processes are gone. `None` if there is no such task that runs.
    pub async fn kill_task(&self, id: &TaskId, by: &Caller) -> Result<Option<Task>, Failure> {
        let Some(kept) = self.reached(id, by).await?.filter(|kept| is_open(kept.task.state)) else { return Ok(None) };
        match self.launch(&kept.task).await? {
            Launch::Awaited => {
                let message = "The task has not been launched yet: cancel its job, or try again in a moment.";
                return Err(Failure::new(ErrorKind::Busy, Phase::Exec, message));
            }
            Launch::Never => return self.saw(id, lost()).await.map(|_| None),
            Launch::Done => {}
        }
        let visit = self.visit(&kept, by).await?;
        let killed = visit.kill_task(id, kept.elevated.as_ref()).await;
        visit.leave().await;
        let seen = killed?;
        let task = self.saw(id, sight(seen.as_ref())).await?;
        Ok(task.filter(|task| task.state == TaskState::Killed))
    }

    /// Forgets the detached tasks that the caller reaches, with their secrets; on their targets they go on. How many.
    pub async fn forget_tasks(&self, by: &Caller) -> Result<u64, Failure> {
        self.dispatcher.store.forget_tasks(by.reach()).await
    }

    /// The detached tasks of this daemon and others on the target of a request, for the user who logs in. Those that are
    /// not known here are known from then on.
    pub async fn discover_tasks(&self, request: Request, by: Caller) -> Result<Vec<Task>, Rejection> {
        let (sealed_for, driver) = (JobId::new(), request.driver.clone());
        let sealed = Kept::seal(&self.vault, sealed_for, &request)?;
        let prepared = self.prepare_visit(&by, request).await?;
        let target = prepared.plan().target.clone();
        let visit = prepared.visit(PATIENCE).await?;
        let listed = visit.list_tasks().await;
        visit.leave().await;
        let mut found = Vec::new();
        for seen in listed? {
            let about: About = serde_json::from_str(seen.about.as_deref().unwrap_or_default()).unwrap_or_default();
            let created_at = about.job.map_or_else(clock::now, |job| job.made_at());
            let task = Task {
                id: seen.id.clone(),
                job: about.job,
                caller: by.name.clone(),
                driver: driver.clone(),
                target: target.clone(),
                command: about.command,
                state: TaskState::Running,
                exit: None,
                pid: None,
                log_file: None,
                push_interval: None,
                next_offset: 0,
                created_at,
                asked_at: None,
                ended_at: None,
            };
            let sealed = Some(sealed.clone());
            let mut kept = KeptTask { task, elevated: None, sealed_for, sealed, telling: None, unheard: false };
            sight(Some(&seen)).apply(&mut kept);
            if self.dispatcher.store.insert_task(kept.clone()).await? {
                found.push(kept.task);
            } else if let Some(known) = self.reached(&seen.id, &by).await?
                // Somebody else's server may have a folder of the same name.
                && known.task.target == target
                && known.elevated.is_none()
            {
                found.extend(self.saw(&seen.id, sight(Some(&seen))).await?);
            }
        }
        self.supervised.notify_one();
        Ok(found)
    }

    /// Keeps the task that a job will launch, if it is to launch one, and that these webhooks are told of it. It is durable
    /// when this returns.
    pub(super) async fn expect_task(
        &self,
        job: &Job,
        kept: &Kept,
        webhooks: &[Watch],
    ) -> Result<Option<TaskId>, Failure> {
        let Some(detach) = job.options.detach else { return Ok(None) };
        let id = TaskId::from(job.id);
        let task = Task {
            id: id.clone(),
            job: Some(job.id),
            caller: job.caller.clone(),
            driver: job.driver.clone(),
            target: job.plan.target.clone(),
            command: job.plan.command.clone().unwrap_or_default(),
            state: TaskState::Launching,
            exit: None,
            pid: None,
            log_file: None,
            push_interval: detach.push_interval,
            next_offset: 0,
            created_at: job.created_at,
            asked_at: None,
            ended_at: None,
        };
        let wanted = |event| webhooks.iter().any(|webhook| webhook.events.contains(&event));
        let output = wanted(WebhookEvent::TaskOutput);
        let telling = (output || wanted(WebhookEvent::TaskEnded)).then(|| Telling {
            offset: 0,
            next_at: job.created_at + supervisor::interval(&task),
            output,
        });
        let sealed = Some(kept.clone());
        let kept = KeptTask { task, elevated: None, sealed_for: job.id, sealed, telling, unheard: false };
        if !self.dispatcher.store.insert_task(kept).await? {
            let message = "There is a detached task of this name already: submit the job again.";
            return Err(Failure::new(ErrorKind::InUse, Phase::Store, message));
        }
        self.supervised.notify_one();
        Ok(Some(id))
    }

    /// How a prepared job is carried out: what it launches is kept before its end is.
    pub(super) fn run(&self, prepared: Prepared, task: Option<TaskId>) -> Run {
        let Some(task) = task else {
            return Box::new(move |witness, cancel| Box::pin(prepared.execute(witness, cancel)) as _);
        };
        let jobs = self.clone();
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

    /// Asks the target how a task is, for nobody in particular, and tells the task's webhooks, if it is time to.
    pub(crate) async fn check_task(&self, kept: &KeptTask, is_told: bool) -> Result<(), Failure> {
        let telling = kept.telling.filter(|_| is_told);
        let sight = match self.launch(&kept.task).await? {
            Launch::Awaited => Sight::new(clock::now()),
            Launch::Never => lost(),
            Launch::Done if never_ran(&kept.task) => Sight { piece: telling.map(nothing_more), ..lost() },
            // What it wrote since the last letter cannot be read any more.
            Launch::Done if kept.sealed.is_none() => {
                let piece = telling.map(|telling| Piece { completed: false, ..nothing_more(telling) });
                Sight { piece, ..Sight::new(clock::now()) }
            }
            Launch::Done => match self.ask(kept, telling).await {
                Ok(sight) => sight,
                Err(failure) => {
                    tracing::info!(task = %kept.task.id, kind = %failure.kind, "a detached task could not be asked about");
                    Sight::new(clock::now())
                }
            },
        };
        let next_at = sight.next_at.or(is_told.then(|| sight.at + supervisor::interval(&kept.task)));
        self.saw(&kept.task.id, Sight { next_at, ..sight }).await.map(drop)
    }

    /// Those that may still run, and those whose end is still to be told.
    pub(crate) async fn open_tasks(&self) -> Result<Vec<KeptTask>, Failure> {
        self.dispatcher.store.open_tasks().await
    }

    /// Removes what is kept of tasks: requests of those that had ended by then, and those that ended long ago.
    pub(crate) async fn expire_tasks(&self, shut: Timestamp) -> Result<(), Failure> {
        let kept_for = Duration::from_secs(self.config.keep_finished);
        self.dispatcher.store.expire_tasks(shut, clock::now() - kept_for).await
    }

    /// Tells when there may be a task that was not there before.
    pub(crate) fn supervised(&self) -> Arc<Notify> {
        self.supervised.clone()
    }

    async fn ask(&self, kept: &KeptTask, telling: Option<Telling>) -> Result<Sight, Failure> {
        // Where only the end is told, the log is read when that has come.
        let telling = telling.filter(|telling| telling.output || !is_open(kept.task.state));
        let (id, caller) = (JobId::new(), &kept.task.caller);
        let prepare = |request| self.plugins.prepare_visit(id, caller, request);
        let prepared = self.with_credential(id, caller, self.request(kept)?, prepare).await;
        let visit = self.enter(prepared.map_err(failures::rejected)?, kept).await?;
        let from = telling.map_or(BEHIND, |telling| telling.offset);
        let read = visit.read_task(&kept.task.id, from, PIECE, kept.elevated.as_ref()).await;
        visit.leave().await;
        let TaskLog { seen, output, next_offset, completed } = read?;
        let sight = sight(seen.as_ref());
        let Some(telling) = telling else { return Ok(sight) };
        let is_last = completed || !telling.output || output.is_empty();
        let has_ended = sight.state.is_some_and(|state| !is_open(state));
        let is_behind = next_offset - from.min(next_offset) > PIECE / 2;
        let next_at = is_behind.then_some(sight.at);
        let piece = (has_ended || !output.is_empty()).then_some(Piece {
            offset: from,
            output,
            next_offset,
            completed,
            is_last,
        });
        Ok(Sight { next_at, piece, ..sight })
    }

    async fn visit(&self, kept: &KeptTask, by: &Caller) -> Result<Visit, Failure> {
        let prepared = self.prepare_visit(by, self.request(kept)?).await.map_err(failures::rejected)?;
        self.enter(prepared, kept).await
    }

    async fn enter(&self, prepared: Prepared, kept: &KeptTask) -> Result<Visit, Failure> {
        let target = &prepared.plan().target;
        if *target != kept.task.target {
            return Err(failures::other_target(&kept.task.target, target));
        }
        prepared.visit(PATIENCE).await
    }

    fn request(&self, kept: &KeptTask) -> Result<Request, Failure> {
        let gone = || {
            let message = "The request of this task is not kept any more: discover the tasks of its target.";
            Failure::new(ErrorKind::NotFound, Phase::Store, message)
        };
        kept.sealed.as_ref().ok_or_else(gone)?.open(&self.vault, kept.sealed_for)
    }

    async fn reached(&self, id: &TaskId, by: &Caller) -> Result<Option<KeptTask>, Failure> {
        let kept = self.dispatcher.store.task(id).await?;
        Ok(kept.filter(|kept| by.reaches(&kept.task.caller)))
    }

    async fn saw(&self, id: &TaskId, sight: Sight) -> Result<Option<Task>, Failure> {
        self.dispatcher.store.saw_task(id, sight).await
    }

    /// Whether its job has come to launching it.
    async fn launch(&self, task: &Task) -> Result<Launch, Failure> {
        let (TaskState::Launching, Some(job)) = (task.state, task.job) else { return Ok(Launch::Done) };
        Ok(match self.dispatcher.store.get(job).await? {
            Some(job) if job.ended_at.is_none() => Launch::Awaited,
            Some(job) if job.started_at.is_some() => Launch::Done,
            // Between the task and its job the daemon ended, or the job never began.
            _ => Launch::Never,
        })
    }
}

/// How far a task came that its job is to launch.
enum Launch {
    /// Its job is not over.
    Awaited,
    /// It may be on its target.
    Done,
    /// It is not.
    Never,
}

/// Whether what failed then was not launched.
fn is_before_launch(phase: Phase) -> bool {
    matches!(phase, Phase::Validate | Phase::Policy | Phase::Connect | Phase::HostKey | Phase::Auth)
}

/// The piece after the last one.
fn nothing_more(Telling { offset, .. }: Telling) -> Piece {
    Piece { offset, output: Vec::new(), next_offset: offset, completed: true, is_last: true }
}

/// Whether the target has nothing of it.
fn never_ran(task: &Task) -> bool {
    task.state == TaskState::Lost && task.pid.is_none()
}

fn lost() -> Sight {
    Sight { state: Some(TaskState::Lost), ..Sight::new(clock::now()) }
}

/// What the target told. It told of nothing where the folder of the task is gone.
fn sight(seen: Option<&TaskSeen>) -> Sight {
    let Some(seen) = seen else { return lost() };
    let state = match seen.status {
        TaskStatus::Running => TaskState::Running,
        TaskStatus::Ended => TaskState::Completed,
        TaskStatus::Killed => TaskState::Killed,
        TaskStatus::Gone => TaskState::Lost,
    };
    Sight {
        state: Some(state),
        exit: seen.exit.clone(),
        pid: seen.pid,
        log_file: Some(format!("{}/log", seen.folder)),
        ..Sight::new(clock::now())
    }
}
