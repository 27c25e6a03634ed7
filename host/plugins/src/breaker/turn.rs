//! One job at the breaker of one plugin.

use super::{Pass, Step, is_own_fault};
use crate::Audit;
use crate::plugin::Plugin;
use hostler_model::{AuditEntry, AuditEvent, ErrorKind, Failure, JobId, Phase};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// See the module.
pub(crate) struct Turn {
    job: JobId,
    pub(crate) plugin: Arc<Plugin>,
    audit: Arc<dyn Audit>,
    pass: Mutex<Option<Pass>>,
}

impl Turn {
    pub(crate) fn new(job: JobId, plugin: Arc<Plugin>, audit: Arc<dyn Audit>) -> Self {
        Self { job, plugin, audit, pass: Mutex::default() }
    }

    /// Whether the plugin may be called for this job now: before each call. What was begun goes on as long as the breaker
    /// did not open since.
    pub(crate) fn take(&self) -> Result<(), Failure> {
        let mut pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = self.plugin.terms.breaker.admit(*pass, Instant::now());
        *pass = Some(admitted.map_err(|left| self.refused(left))?);
        Ok(())
    }

    /// Takes note of how a call ended: with this failure, if it failed.
    pub(crate) fn ended(&self, step: Step, failure: Option<&Failure>) {
        let (breaker, now) = (&self.plugin.terms.breaker, Instant::now());
        let pass = *self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            None if breaker.succeeded(step) => {
                self.enter(AuditEvent::BreakerClosed, "it was tried again and did not fail");
            }
            Some(failure) if is_own_fault(failure) => {
                if let Some(wait) = pass.and_then(|pass| breaker.failed(step, pass, now)) {
                    let reason = format!("it is not called for {} s: {}", wait.as_secs(), failure.message);
                    self.enter(AuditEvent::BreakerOpened, &reason);
                }
            }
            _ => {}
        }
    }

    fn enter(&self, event: AuditEvent, reason: &str) {
        let Plugin { terms, digest, .. } = &*self.plugin;
        tracing::warn!(plugin = &*terms.name, ?event, reason, "breaker");
        self.audit.record(AuditEntry {
            job: Some(self.job),
            plugin: terms.name.to_string(),
            digest: digest.clone(),
            by: "breaker".into(),
            reason: reason.into(),
            ..AuditEntry::new(event, "plugin")
        });
    }

    fn refused(&self, left: Duration) -> Failure {
        let name = &self.plugin.terms.name;
        // Who comes a moment too early is sent away once more.
        let seconds = left.as_secs() + 1;
        let message = format!(
            "plugin {name} failed too often in a row and is not called now: submit the job again in {seconds} s; \
             /v1/audit says how it failed"
        );
        let failure = Failure::new(ErrorKind::PluginUnavailable, Phase::Plugin, message);
        failure.with_retry_after(Duration::from_secs(seconds))
    }
}
