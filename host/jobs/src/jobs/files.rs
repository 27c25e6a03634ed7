//! Staged files: what clients hand over, and what they fetch.

use super::Jobs;
use crate::intake::{Intake, blocking};
use crate::{Rejection, Submission};
use hostler_files::{Staged, StagedFile};
use hostler_model::{Caller, ErrorKind, Failure, JobId, Phase, Problem};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

impl Jobs {
    /// Starts to take in a file, by the client's name for it. `once`: it comes for one job, and goes with it. Errors:
    /// `busy`.
    pub async fn stage(&self, name: &str, once: bool, by: &Caller) -> Result<Intake, Failure> {
        let (staged, name, owner) = (Arc::clone(self.files()), name.to_owned(), by.name.clone());
        blocking(move || staged.put(&name, &owner, once)).await.map(Intake::new)
    }

    /// A file that the caller reaches, and its content. Error: `not-found`.
    pub async fn staged(&self, id: Uuid, by: &Caller) -> Result<(StagedFile, File), Failure> {
        reached(self.files(), id, by)?;
        let staged = Arc::clone(self.files());
        blocking(move || staged.get(&id.to_string())).await
    }

    /// Removes a file that the caller reaches. Error: `not-found`.
    pub async fn unstage(&self, id: Uuid, by: &Caller) -> Result<(), Failure> {
        reached(self.files(), id, by)?;
        let staged = Arc::clone(self.files());
        blocking(move || staged.remove(&id.to_string())).await
    }

    /// Whether the file that came with a request is one that its caller reaches.
    pub(super) fn check_staged(&self, submission: &Submission) -> Result<(), Rejection> {
        let Some(id) = submission.request.options.staged else { return Ok(()) };
        reached(self.files(), id, &submission.caller).map_err(|failure| {
            let problem = Problem::new(["staged"], "not_found", failure.message);
            Rejection::Invalid(vec![problem])
        })
    }

    /// Removes a file that came for a job which there will not be.
    pub(super) async fn release(&self, file: Uuid) {
        let staged = Arc::clone(self.files());
        blocking(move || staged.used(file)).await;
    }

    /// Removes a file that came for a job with the end of that job, however it ends. Where the daemon ends before, the
    /// next start sees to it.
    pub(super) fn release_after(&self, job: JobId, file: Uuid) {
        if !self.files().about(file).is_ok_and(|about| about.once) {
            return;
        }
        let jobs = self.clone();
        tokio::spawn(async move {
            match jobs.dispatcher.wait(job, Duration::MAX).await {
                Ok(Some(job)) if job.ended_at.is_none() => {}
                Ok(_) => jobs.release(file).await,
                Err(failure) => tracing::warn!(%file, detail = failure.detail, "a staged file stays until it expires"),
            }
        });
    }

    pub(super) fn files(&self) -> &Arc<Staged> {
        &self.plugins.files().staged
    }
}

/// What the caller does not reach is not there.
fn reached(staged: &Staged, id: Uuid, by: &Caller) -> Result<(), Failure> {
    let about = staged.about(id)?;
    if by.reaches(&about.owner) {
        return Ok(());
    }
    let message = format!("there is no staged file {:?}; it may have been removed, or be too old", id.to_string());
    Err(Failure::new(ErrorKind::NotFound, Phase::Transfer, message))
}
