//! The job that a guest serves, as its capabilities see it.

use crate::Witness;
use crate::action::{Action, MAX_DETAILS};
use crate::audit::{Decision, Docket};
use crate::deadline::Deadline;
use crate::grant::Place;
use crate::jury::Jury;
use crate::powers::Refusal;
use crate::scrub::Scrubber;
use hostler_files::Files;
use hostler_model::{AuditEvent, ErrorKind, Failure, Phase, Secret, Target, TaskId};
use hostler_remote::{Connector, HostKeyPolicy};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Everything a driver's capabilities need to know about its job.
pub(crate) struct JobContext {
    pub(crate) docket: Arc<Docket>,
    pub(crate) target: Target,
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) scrubber: Scrubber,
    pub(crate) jury: Jury,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) files: Files,
    /// The file that came with the request.
    pub(crate) staged: Option<Uuid>,
    pub(crate) witness: Arc<dyn Witness>,
    pub(crate) cancel: CancellationToken,
    pub(crate) deadline: Deadline,
    /// Addresses that the target's name stood for when it was connected to.
    pub(crate) addresses: Mutex<BTreeSet<IpAddr>>,
    /// The detached task that it may launch.
    pub(crate) task: Mutex<Option<TaskId>>,
    /// What the client should know afterwards.
    pub(crate) warnings: Mutex<Vec<String>>,
}

impl JobContext {
    /// The one gate: every capability method calls it first, and nothing else reaches `remote`.
    /// Grant, then policies, then witness; what has an effect is in the audit.
    pub(crate) async fn admit(&self, action: &Action<'_>) -> Result<(), Failure> {
        self.judge(action).await?;
        let kind = action.kind();
        if action.has_effect() {
            self.witness.before_effect().await?;
            self.docket.done(kind, action.place().unwrap_or(&self.target), &action.details(&self.target.user));
        }
        let Docket { job, driver, .. } = &*self.docket;
        // What has an effect is in the audit.
        tracing::debug!(%job, driver = &*driver.terms.name, target = %self.target, action = kind, "admitted");
        Ok(())
    }

    /// The part of the gate that only says yes or no, for what is one part of an action that is admitted then.
    pub(crate) async fn judge(&self, action: &Action<'_>) -> Result<(), Failure> {
        if let Some(failure) = self.over() {
            return Err(failure);
        }
        if action.size() > MAX_DETAILS {
            return Err(self.docket.too_large(action, &self.target, action.size()));
        }
        self.check_grants(action)?;
        self.jury.authorize(action).await
    }

    /// All that an action needs must have been granted to the driver, at that server.
    fn check_grants(&self, action: &Action<'_>) -> Result<(), Failure> {
        let terms = &self.docket.driver.terms;
        let (server, addresses): (_, Vec<IpAddr>) = if let Action::Connect { to, addresses, .. } = action {
            (*to, addresses.iter().map(SocketAddr::ip).collect())
        } else {
            let known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            (&self.target, known.iter().copied().collect())
        };
        let place = Place::new(&server.host, server.port, &server.user, &addresses);
        let refused = action.needs().into_iter().find_map(|need| terms.powers.check(&need, &place).err());
        let Some(Refusal { rule, reason }) = refused else { return Ok(()) };
        let details = action.details(&self.target.user);
        self.docket.enter(Decision {
            event: AuditEvent::Denied,
            action: action.kind(),
            target: server.to_string(),
            by: "grants",
            rule: &rule,
            reason: &reason,
            details: Docket::details(&details),
        });
        let message = format!("driver {} may not do that: {reason} ({rule})", terms.name);
        Err(Failure::new(ErrorKind::Denied, Phase::Policy, message))
    }

    /// Asks for the way to the target: each jump host, then the target itself. Gives the addresses to dial.
    /// A name behind a jump host is looked up there, so only a literal address can be judged beforehand. Keys are pinned for
    /// the target only.
    pub(crate) async fn admit_way(
        &self,
        policy: HostKeyPolicy,
        pins: &[String],
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
            let is_target = index == self.target.jumps.len();
            let pins = if is_target { pins } else { &[] };
            self.admit(&Action::Connect { to: &place, addresses: &addresses, policy, pins }).await?;
            if is_target {
                let mut known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
                known.extend(addresses.iter().map(SocketAddr::ip));
            }
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
            () = tokio::time::sleep_until(self.deadline.at) => {}
        }
        self.over().unwrap_or_else(|| Failure::new(ErrorKind::Canceled, Phase::Exec, "the job was cancelled"))
    }

    /// Time until it has to end.
    pub(crate) fn time_left(&self) -> Duration {
        if self.cancel.is_cancelled() {
            Duration::ZERO
        } else {
            self.deadline.at.saturating_duration_since(Instant::now())
        }
    }

    fn over(&self) -> Option<Failure> {
        if self.cancel.is_cancelled() {
            Some(Failure::new(ErrorKind::Canceled, Phase::Exec, "the job was cancelled"))
        } else {
            (Instant::now() >= self.deadline.at).then(|| self.deadline.passed())
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
