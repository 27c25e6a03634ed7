//! A look at a target, and what goes on there after its job.

use super::Jobs;
use crate::Rejection;
use hostler_model::{Caller, ErrorKind, Failure, Phase, Request, Task, TaskId, TaskSlice, Tested};

impl Jobs {
    /// Logs in at the target of a request, as its driver would for a job, and does nothing there that changes it. Grants,
    /// policies and the caller's reach hold as for a job. No job is made of it.
    pub async fn test(&self, _request: Request, _by: Caller) -> Result<Tested, Rejection> {
        Err(not_yet().into())
    }

    /// The detached tasks that the caller reaches, newest first.
    pub async fn tasks(&self, _by: &Caller) -> Result<Vec<Task>, Failure> {
        Err(not_yet())
    }

    /// Asks the target how a detached task is and reads its log from this byte on, or from where the last reader without an
    /// offset ended. `None` if there is no such task, or the caller does not reach it.
    pub async fn read_task(
        &self,
        _id: &TaskId,
        _offset: Option<u64>,
        _by: &Caller,
    ) -> Result<Option<TaskSlice>, Failure> {
        Err(not_yet())
    }

    /// Stops a detached task and answers it when its processes are gone. `None` if there is no such task that runs.
    pub async fn kill_task(&self, _id: &TaskId, _by: &Caller) -> Result<Option<Task>, Failure> {
        Err(not_yet())
    }

    /// Forgets the detached tasks that the caller reaches, with their secrets; on their targets they go on. How many.
    pub async fn forget_tasks(&self, _by: &Caller) -> Result<u64, Failure> {
        Err(not_yet())
    }

    /// The detached tasks of this daemon and others on the target of a request, for the user who logs in. Those that are
    /// not known here are known from then on.
    pub async fn discover_tasks(&self, _request: Request, _by: Caller) -> Result<Vec<Task>, Rejection> {
        Err(not_yet().into())
    }
}

fn not_yet() -> Failure {
    Failure::new(ErrorKind::Unsupported, Phase::Plugin, "Detached tasks and tests are being built.")
}
