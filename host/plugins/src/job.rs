//! The job that a guest serves, as its capabilities see it.

use crate::policy::Jury;
use crate::scrub::Scrubber;
use crate::{Grant, Witness};
use hostler_model::{ErrorKind, Failure, JobId, Phase, Secret, Target};
use hostler_remote::{Connector, Exec};
use serde_json::{Value, json};
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

/// Something that a driver is about to do.
pub(crate) enum Action<'a> {
    /// Connect to the target at one of these addresses.
    Connect(&'a [SocketAddr]),
    /// Run a command.
    Exec(&'a Exec),
}

impl Action<'_> {
    /// The word that policies and the log know it by.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Exec(_) => "exec",
        }
    }

    /// What policies see of it.
    pub(crate) fn details(&self) -> Value {
        match self {
            Self::Connect(addresses) => {
                json!({"addresses": addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>()})
            }
            Self::Exec(exec) => {
                let environment: BTreeMap<_, _> = exec.environment.iter().cloned().collect();
                json!({"command": exec.command, "environment": environment, "wire": exec.wire()})
            }
        }
    }

    fn grant(&self) -> Grant {
        match self {
            Self::Connect(_) | Self::Exec(_) => Grant::Ssh,
        }
    }

    /// Whether it can change something on the target.
    fn has_effect(&self) -> bool {
        match self {
            Self::Connect(_) => false,
            Self::Exec(_) => true,
        }
    }
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
        self.jury.authorize(action).await?;
        if action.has_effect() {
            self.witness.before_effect().await?;
        }
        tracing::info!(job = %self.id, driver = &*self.driver, target = %self.target, action = kind, "admitted");
        Ok(())
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
