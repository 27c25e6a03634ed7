//! A look at a target without a job.

use super::Jobs;
use crate::store::KeptTask;
use crate::{Rejection, failures};
use hostler_model::{Caller, ErrorKind, Failure, Phase, Request, Tested};
use hostler_plugins::{Prepared, Visit};
use std::time::Duration;

/// How long it may take.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

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

    /// Goes to the target of a task, for a caller.
    pub(super) async fn visit(&self, kept: &KeptTask, by: &Caller) -> Result<Visit, Failure> {
        let prepared = self.prepare_visit(by, self.request(kept)?).await.map_err(failures::rejected)?;
        self.enter(prepared, kept).await
    }

    /// Connects, unless that would lead to another target than the one where the task runs.
    pub(super) async fn enter(&self, prepared: Prepared, kept: &KeptTask) -> Result<Visit, Failure> {
        let target = &prepared.plan().target;
        if *target != kept.task.target {
            return Err(failures::other_target(&kept.task.target, target));
        }
        prepared.visit(PATIENCE).await
    }

    /// What the target of a task is asked with.
    pub(super) fn request(&self, kept: &KeptTask) -> Result<Request, Failure> {
        let gone = || {
            let message = "The request of this task is not kept any more: discover the tasks of its target.";
            Failure::new(ErrorKind::NotFound, Phase::Store, message)
        };
        kept.sealed.as_ref().ok_or_else(gone)?.open(&self.vault, kept.sealed_for)
    }
}
