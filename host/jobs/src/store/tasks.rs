//! Detached tasks, and how their targets are asked.

use crate::kept::Kept;
use futures::future::BoxFuture;
use hostler_model::{Elevated, Exit, Failure, JobId, Target, Task, TaskId, TaskSlice, TaskState, WebhookEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A task as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeptTask {
    pub(crate) task: Task,
    /// With whose rights it runs, if not those of the user who logs in.
    pub(crate) elevated: Option<Elevated>,
    /// The name that the request was sealed for.
    pub(crate) sealed_for: JobId,
    /// What the target is asked with, as long as it is.
    pub(crate) sealed: Option<Kept>,
    /// What webhooks are still to be told of it.
    pub(crate) telling: Option<Telling>,
    /// Whether a letter about it is on its way. It is told no more until that has arrived or is given up: so letters come
    /// in order, and what nobody takes stays on the target.
    pub(crate) unheard: bool,
}

impl KeptTask {
    /// One that nobody has seen yet. Its target is asked with a request that was sealed for this name, right now.
    pub(crate) fn new(
        id: TaskId,
        caller: String,
        driver: String,
        target: Target,
        sealed_for: JobId,
        sealed: Kept,
    ) -> Self {
        let task = Task {
            id,
            job: None,
            caller,
            driver,
            target,
            command: Vec::new(),
            state: TaskState::Launching,
            exit: None,
            pid: None,
            log_file: None,
            push_interval: None,
            next_offset: 0,
            created_at: sealed_for.made_at(),
            asked_at: None,
            ended_at: None,
        };
        Self { task, elevated: None, sealed_for, sealed: Some(sealed), telling: None, unheard: false }
    }
}

/// How far webhooks were told of a task whose end they have not heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Telling {
    /// The byte of its log that they hear next.
    pub(crate) offset: u64,
    /// When there may be something to tell.
    pub(crate) next_at: Timestamp,
    /// Whether they hear what it writes before it ends.
    pub(crate) output: bool,
}

/// A part of a task's log, for those who are told.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) offset: u64,
    pub(crate) output: Vec<u8>,
    pub(crate) next_offset: u64,
    /// Whether it goes to the end of the log of a task that has ended.
    pub(crate) completed: bool,
    /// Whether nothing follows it once the task has ended.
    pub(crate) is_last: bool,
}

/// What was seen of a task. What is absent stays as it is.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) at: Timestamp,
    /// A task that has ended stays what it is.
    pub(crate) state: Option<TaskState>,
    pub(crate) exit: Option<Exit>,
    pub(crate) pid: Option<u32>,
    pub(crate) log_file: Option<String>,
    pub(crate) next_offset: Option<u64>,
    pub(crate) elevated: Option<Elevated>,
    /// When there may be something to tell next.
    pub(crate) next_at: Option<Timestamp>,
    /// What is to be told now, unless it was told already.
    pub(crate) piece: Option<Piece>,
}

impl Sight {
    /// Of which nothing is known yet.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self {
            at,
            state: None,
            exit: None,
            pid: None,
            log_file: None,
            next_offset: None,
            elevated: None,
            next_at: None,
            piece: None,
        }
    }

    /// Makes the task what it is after it; answers what is to be told of that.
    pub(crate) fn apply(self, kept: &mut KeptTask) -> Option<(WebhookEvent, TaskSlice)> {
        let task = &mut kept.task;
        task.asked_at = Some(self.at);
        task.pid = self.pid.or(task.pid);
        task.log_file = self.log_file.or(task.log_file.take());
        task.next_offset = self.next_offset.unwrap_or(task.next_offset);
        kept.elevated = self.elevated.or(kept.elevated.take());
        let mut next_at = self.next_at;
        if let Some(state) = self.state.filter(|_| is_open(task.state)) {
            task.state = state;
            task.exit = self.exit;
            if !is_open(state) {
                task.ended_at = Some(self.at);
                // Whoever saw it: that is told at once.
                next_at = Some(self.at);
            }
        }
        let telling = kept.telling.as_mut()?;
        telling.next_at = next_at.unwrap_or(telling.next_at);
        let Piece { offset, output, next_offset, completed, is_last } =
            self.piece.filter(|piece| piece.offset == telling.offset)?;
        telling.offset = next_offset;
        let is_end = is_last && !is_open(task.state);
        if is_end {
            kept.telling = None;
        }
        let event = if is_end { WebhookEvent::TaskEnded } else { WebhookEvent::TaskOutput };
        Some((event, TaskSlice { task: kept.task.clone(), offset, output, next_offset, completed }))
    }
}

/// Whether a task may still run.
pub(crate) fn is_open(state: TaskState) -> bool {
    matches!(state, TaskState::Launching | TaskState::Running)
}

/// Where detached tasks are kept.
pub(crate) trait TaskStore: Send + Sync + 'static {
    /// Keeps a task that was found; one that is to be launched comes in with its job ([`super::Arrival`]). It is durable
    /// when this returns. `false` if there is one of its name.
    fn insert_task(&self, kept: KeptTask) -> BoxFuture<'_, Result<bool, Failure>>;

    /// One task, or `None` if there is none of that name.
    fn task<'a>(&'a self, id: &'a TaskId) -> BoxFuture<'a, Result<Option<KeptTask>, Failure>>;

    /// All tasks, or those of one caller, newest first.
    fn tasks(&self, caller: Option<String>) -> BoxFuture<'_, Result<Vec<Task>, Failure>>;

    /// Those that may still run, and those whose end is still to be told.
    fn open_tasks(&self) -> BoxFuture<'_, Result<Vec<KeptTask>, Failure>>;

    /// Keeps what was seen of a task, and in the same step makes the deliveries that tell of it; answers it as it is then,
    /// or `None` if it was forgotten.
    fn saw_task<'a>(&'a self, id: &'a TaskId, sight: Sight) -> BoxFuture<'a, Result<Option<Task>, Failure>>;

    /// Forgets all tasks, or those of one caller. How many.
    fn forget_tasks(&self, caller: Option<String>) -> BoxFuture<'_, Result<u64, Failure>>;

    /// Removes the requests of tasks that had ended before `shut`, and the tasks that had ended before `forget`.
    fn expire_tasks(&self, shut: Timestamp, forget: Timestamp) -> BoxFuture<'_, Result<(), Failure>>;
}
