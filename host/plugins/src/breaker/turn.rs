//! One job at the breaker of one plugin.

use super::{Pass, Step, is_own_fault};
use crate::Audit;
use crate::plugin::Plugin;
use hostler_model::{AuditEntry, AuditEvent, ErrorKind, Failure, JobId, Phase};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// See the module.
pub(crate) struct Turn {
    job: JobId,
    pub(crate) plugin: Arc<Plugin>,
    audit: Arc<dyn Audit>,
    /// By step.
    passes: Mutex<[Option<Pass>; 3]>,
}

impl Turn {
    pub(crate) fn new(job: JobId, plugin: Arc<Plugin>, audit: Arc<dyn Audit>) -> Self {
        Self { job, plugin, audit, passes: Mutex::default() }
    }

    /// Whether the plugin may be called for this step of the job now: before each call, and before the job is let in. What
    /// was begun goes on as long as the breaker did not open since.
    pub(crate) fn take(&self, step: Step) -> Result<(), Failure> {
        let pass = &mut self.passes()[step as usize];
        let admitted = self.plugin.terms.breaker.admit(step, *pass, Instant::now());
        *pass = Some(admitted.map_err(|left| self.refused(left))?);
        Ok(())
    }

    /// Takes note of how a call ended: with this failure, if it failed.
    pub(crate) fn ended(&self, step: Step, failure: Option<&Failure>) {
        let (breaker, now) = (&self.plugin.terms.breaker, Instant::now());
        let pass = self.passes()[step as usize];
        match failure {
            None if breaker.succeeded(step) => {
                self.enter(AuditEvent::BreakerClosed, "it was tried again and did not fail");
            }
            Some(failure) if is_own_fault(failure) => {
                if let Some(wait) = pass.and_then(|pass| breaker.failed(pass, now)) {
                    let reason = format!("it is not called for {} s: {}", wait.as_secs(), failure.message);
                    self.enter(AuditEvent::BreakerOpened, &reason);
                }
            }
            _ => {}
        }
    }

    fn passes(&self) -> MutexGuard<'_, [Option<Pass>; 3]> {
        self.passes.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Drop for Turn {
    /// A job that was refused, denied or cancelled, or that was never meant to be done, decides nothing: others may try.
    fn drop(&mut self) {
        let passes = *self.passes();
        for pass in passes.into_iter().flatten() {
            self.plugin.terms.breaker.take_back(pass, Instant::now());
        }
    }
}
