//! The job that a guest serves, as its capabilities see it.

use crate::action::Action;
use crate::policy::Jury;
use crate::scrub::Scrubber;
use crate::{Grant, Witness};
use hostler_model::{ErrorKind, Failure, JobId, Phase, Secret, Target};
use hostler_remote::{Connector, HostKeyPolicy};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Everything a driver's capabilities need to know about its job.
pub(crate) struct JobContext {
    pub(crate) id: JobId,
    pub(crate) driver: Arc<str>,
    pub(crate) target: Target,
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) scrubber: Scrubber,
    pub(crate) grants: Vec<Grant>,
    pub(crate) jury: Jury,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) witness: Arc<dyn Witness>,
    pub(crate) cancel: CancellationToken,
    pub(crate) deadline: Instant,
    pub(crate) max_execution_time: Duration,
    /// What the client should know afterwards.
    pub(crate) warnings: Mutex<Vec<String>>,
}

impl JobContext {
    /// The one gate: every capability method calls it first, and nothing else reaches `remote`.
    /// Grant, then policies, then witness.
    pub(crate) async fn admit(&self, action: &Action<'_>) -> Result<(), Failure> {
        if let Some(failure) = self.over() {
            return Err(failure);
        }
        let kind = action.kind();
        if !self.grants.contains(&action.grant()) {
            let message =
                format!("driver {} was not granted `{kind}`; the operator's configuration decides", self.driver);
            return Err(Failure::new(ErrorKind::Denied, Phase::Policy, message));
        }
        self.jury.authorize(self.id, &self.driver, action).await?;
        if action.has_effect() {
            self.witness.before_effect().await?;
        }
        tracing::info!(job = %self.id, driver = &*self.driver, target = %self.target, action = kind, "admitted");
        Ok(())
    }

    /// Asks for the way to the target: each jump host, then the target itself. Gives the addresses to dial.
    /// A name behind a jump host is looked up there, so only a literal address can be judged beforehand.
    pub(crate) async fn admit_way(
        &self,
        policy: HostKeyPolicy,
        patience: Duration,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let mut dialled = Vec::new();
        for index in 0..=self.target.jumps.len() {
            let place = self.target.jump(index).unwrap_or_else(|| self.target.clone());
            let addresses = if index == 0 {
                self.connector.resolve(&place.host, place.port, patience).await?
            } else {
                place.host.parse().map(|address| SocketAddr::new(address, place.port)).into_iter().collect()
            };
            self.admit(&Action::Connect(&place, &addresses, policy)).await?;
            if index == 0 {
                dialled = addresses;
            }
        }
        Ok(dialled)
    }

    /// Waits until the job has to end, and says why.
    pub(crate) async fn end(&self) -> Failure {
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = tokio::time::sleep_until(self.deadline) => {}
        }
        self.over().unwrap_or_else(|| Failure::new(ErrorKind::Canceled, Phase::Exec, "the job was cancelled"))
    }

    fn over(&self) -> Option<Failure> {
        if self.cancel.is_cancelled() {
            Some(Failure::new(ErrorKind::Canceled, Phase::Exec, "the job was cancelled"))
        } else if Instant::now() >= self.deadline {
            let seconds = self.max_execution_time.as_secs_f64();
            let message = format!("the job took longer than the operator's max_execution_time of {seconds} s");
            Some(Failure::new(ErrorKind::Timeout, Phase::Exec, message))
        } else {
            None
        }
    }

    /// Adds something the client should know.
    pub(crate) fn warn(&self, warnings: impl IntoIterator<Item = String>) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings);
    }

    /// What was added so far.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
