//! Detached tasks, as callers ask for them: what goes on at targets after its job.

use super::Jobs;
use super::launch::{Launch, lost, never_ran};
use super::visit::PATIENCE;
use crate::kept::Kept;
use crate::store::tasks::is_open;
use crate::store::{KeptTask, Sight};
use crate::{Rejection, clock};
use hostler_model::{Caller, ErrorKind, Failure, JobId, Phase, Request, Task, TaskId, TaskSlice, TaskState};
use hostler_plugins::{TaskLog, TaskSeen, TaskStatus};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Bytes of a log that a reader is given at once.
const SLICE: u64 = 1 << 20;

/// What the target keeps beside a task.
#[derive(Default, Deserialize)]
struct About {
    job: Option<JobId>,
    #[serde(default)]
    command: Vec<String>,
}

impl Jobs {
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
            let (id, caller, sealed) = (seen.id.clone(), by.name.clone(), sealed.clone());
            let kept = KeptTask::new(id, caller, driver.clone(), target.clone(), sealed_for, sealed);
            let created_at = about.job.map_or(kept.task.created_at, |job| job.made_at());
            let task = Task { job: about.job, command: about.command, created_at, ..kept.task };
            let mut kept = KeptTask { task, ..kept };
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

    async fn reached(&self, id: &TaskId, by: &Caller) -> Result<Option<KeptTask>, Failure> {
        let kept = self.dispatcher.store.task(id).await?;
        Ok(kept.filter(|kept| by.reaches(&kept.task.caller)))
    }

    /// Keeps what was seen of a task; answers it as it is then.
    pub(super) async fn saw(&self, id: &TaskId, sight: Sight) -> Result<Option<Task>, Failure> {
        self.dispatcher.store.saw_task(id, sight).await
    }
}

/// What the target told. It told of nothing where the folder of the task is gone.
pub(super) fn sight(seen: Option<&TaskSeen>) -> Sight {
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
