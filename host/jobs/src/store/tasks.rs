//! Detached tasks, and how their targets are asked.

use crate::kept::Kept;
use futures::future::BoxFuture;
use hostler_model::{Elevated, Exit, Failure, JobId, Task, TaskId, TaskState};
use jiff::Timestamp;

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
}

impl Sight {
    /// Of which nothing is known yet.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self { at, state: None, exit: None, pid: None, log_file: None, next_offset: None, elevated: None }
    }

    /// The task after it.
    pub(crate) fn apply(self, kept: &mut KeptTask) {
        let task = &mut kept.task;
        task.asked_at = Some(self.at);
        task.pid = self.pid.or(task.pid);
        task.log_file = self.log_file.or(task.log_file.take());
        task.next_offset = self.next_offset.unwrap_or(task.next_offset);
        kept.elevated = self.elevated.or(kept.elevated.take());
        if let Some(state) = self.state.filter(|_| is_open(task.state)) {
            task.state = state;
            task.exit = self.exit;
            task.ended_at = (!is_open(state)).then_some(self.at);
        }
    }
}

/// Whether a task may still run.
pub(crate) fn is_open(state: TaskState) -> bool {
    matches!(state, TaskState::Launching | TaskState::Running)
}

/// Where detached tasks are kept.
pub(crate) trait TaskStore: Send + Sync + 'static {
    /// Keeps a task. It is durable when this returns. `false` if there is one of its name.
    fn insert_task(&self, kept: KeptTask) -> BoxFuture<'_, Result<bool, Failure>>;

    /// One task, or `None` if there is none of that name.
    fn task<'a>(&'a self, id: &'a TaskId) -> BoxFuture<'a, Result<Option<KeptTask>, Failure>>;

    /// All tasks, or those of one caller, newest first.
    fn tasks(&self, caller: Option<String>) -> BoxFuture<'_, Result<Vec<Task>, Failure>>;

    /// Those that may still run.
    fn open_tasks(&self) -> BoxFuture<'_, Result<Vec<KeptTask>, Failure>>;

    /// Keeps what was seen of a task; answers it as it is then, or `None` if it was forgotten.
    fn saw_task<'a>(&'a self, id: &'a TaskId, sight: Sight) -> BoxFuture<'a, Result<Option<Task>, Failure>>;

    /// Forgets one task.
    fn forget_task<'a>(&'a self, id: &'a TaskId) -> BoxFuture<'a, Result<(), Failure>>;

    /// Forgets all tasks, or those of one caller. How many.
    fn forget_tasks(&self, caller: Option<String>) -> BoxFuture<'_, Result<u64, Failure>>;

    /// Removes the requests of tasks that had ended before `shut`, and the tasks that had ended before `forget`.
    fn expire_tasks(&self, shut: Timestamp, forget: Timestamp) -> BoxFuture<'_, Result<(), Failure>>;
}
