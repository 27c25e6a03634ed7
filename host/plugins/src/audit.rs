//! What is remembered of decisions about a job and its driver.

use crate::plugin::Plugin;
use hostler_model::{AuditEntry, AuditEvent, ErrorKind, Failure, JobId, Phase};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Decisions about one job that are written down one by one: a guest may ask again and again.
const WRITTEN_OUT: u64 = 100;

/// Where decisions are written down. Implemented by the room `jobs`. It must not block, and keeps the order.
pub trait Audit: Send + Sync + 'static {
    /// Writes a decision down.
    fn record(&self, entry: AuditEntry);
}

/// The decisions about one job.
pub(crate) struct Docket {
    pub(crate) job: JobId,
    pub(crate) driver: Arc<Plugin>,
    audit: Arc<dyn Audit>,
    decisions: AtomicU64,
}

/// One decision: who made it, by what rule, and why.
pub(crate) struct Decision<'a> {
    pub(crate) event: AuditEvent,
    pub(crate) action: &'a str,
    pub(crate) target: String,
    pub(crate) by: &'a str,
    pub(crate) rule: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) details: Value,
}

impl Docket {
    pub(crate) fn new(job: JobId, driver: Arc<Plugin>, audit: Arc<dyn Audit>) -> Self {
        Self { job, driver, audit, decisions: AtomicU64::new(0) }
    }

    /// What was judged, as it is written down. A script may be long; its beginning says what it is.
    pub(crate) fn details(json: &str) -> Value {
        const ENOUGH: usize = 4096;
        if json.len() > ENOUGH {
            return Value::String(json.chars().take(ENOUGH).collect::<String>() + "…");
        }
        serde_json::from_str(json).unwrap_or_default()
    }

    /// Writes a decision down and counts it.
    pub(crate) fn enter(&self, decision: Decision<'_>) {
        if decision.event == AuditEvent::Denied {
            self.driver.terms.usage.denied();
        }
        if self.decisions.fetch_add(1, Ordering::Relaxed) < WRITTEN_OUT {
            self.write(decision);
        }
    }

    /// Writes down that the driver itself failed. Being busy is no failing.
    pub(crate) fn failed(&self, failure: &Failure) {
        if failure.phase == Phase::Plugin && failure.kind != ErrorKind::Throttled {
            self.enter(Decision {
                event: AuditEvent::Failed,
                action: "job",
                target: String::new(),
                by: "host",
                rule: &failure.kind.to_string(),
                reason: &failure.message,
                details: Value::Null,
            });
        }
    }

    fn write(&self, decision: Decision<'_>) {
        let Decision { event, action, target, by, rule, reason, details } = decision;
        tracing::warn!(job = %self.job, driver = &*self.driver.terms.name, ?event, action, target, by, rule, reason, "decided");
        self.audit.record(AuditEntry {
            event,
            job: Some(self.job),
            plugin: self.driver.terms.name.to_string(),
            digest: self.driver.digest.clone(),
            action: action.into(),
            target: Some(target),
            by: by.into(),
            rule: rule.into(),
            reason: reason.into(),
            details,
        });
    }
}

impl Drop for Docket {
    fn drop(&mut self) {
        let more = self.decisions.load(Ordering::Relaxed).saturating_sub(WRITTEN_OUT);
        if more > 0 {
            self.write(Decision {
                event: AuditEvent::More,
                action: "job",
                target: String::new(),
                by: "host",
                rule: "",
                reason: &format!("{more} more decisions about this job are not written out"),
                details: Value::Null,
            });
        }
    }
}
