//! What is remembered of what a job did, and of decisions about it and its driver.

use crate::breaker::{Step, Turn, is_own_fault};
use crate::plugin::Plugin;
use hostler_model::{AuditEntry, AuditEvent, Failure, JobId, Target};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Decisions about one job, and deeds of it, that are written down one by one: a guest may ask again and again.
const WRITTEN_OUT: u64 = 100;

/// Where the audit is kept. Implemented by the room `jobs`. It must not block, and keeps the order.
pub trait Audit: Send + Sync + 'static {
    /// Writes a line.
    fn record(&self, entry: AuditEntry);
}

/// The deeds of one job, and the decisions about it.
pub(crate) struct Docket {
    pub(crate) job: JobId,
    pub(crate) driver: Arc<Plugin>,
    pub(crate) caller: String,
    pub(crate) audit: Arc<dyn Audit>,
    turn: Turn,
    decisions: AtomicU64,
    /// Counted apart: what a job did must not keep out what was denied to it.
    deeds: AtomicU64,
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
    pub(crate) fn new(job: JobId, caller: &str, driver: Arc<Plugin>, audit: Arc<dyn Audit>) -> Self {
        Self {
            job,
            caller: caller.into(),
            turn: Turn::new(job, Arc::clone(&driver), Arc::clone(&audit)),
            driver,
            audit,
            decisions: AtomicU64::new(0),
            deeds: AtomicU64::new(0),
        }
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

    /// Writes down what the job is about to do. `details` are asked for only if there is room for them.
    pub(crate) fn done(&self, action: &str, target: &Target, details: impl FnOnce() -> String) {
        if self.deeds.fetch_add(1, Ordering::Relaxed) < WRITTEN_OUT {
            self.record(Decision {
                event: AuditEvent::Executed,
                action,
                target: target.to_string(),
                by: "",
                rule: "",
                reason: "",
                details: Self::details(&details()),
            });
        }
    }

    /// Whether the driver may be called for this now: before each call of it, and before the job is let in.
    pub(crate) fn take_turn(&self, step: Step) -> Result<(), Failure> {
        self.turn.take(step)
    }

    /// Writes down that the driver itself failed, if this call of it ended so.
    pub(crate) fn called(&self, step: Step, failure: Option<&Failure>) {
        if let Some(failure) = failure.filter(|failure| is_own_fault(failure)) {
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
        self.turn.ended(step, failure);
    }

    fn write(&self, decision: Decision<'_>) {
        let Decision { event, action, target, by, rule, reason, details: _ } = &decision;
        tracing::warn!(job = %self.job, driver = &*self.driver.terms.name, ?event, action, target, by, rule, reason, "decided");
        self.record(decision);
    }

    fn record(&self, decision: Decision<'_>) {
        let Decision { event, action, target, by, rule, reason, details } = decision;
        self.audit.record(AuditEntry {
            event,
            caller: Some(self.caller.clone()),
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
        for (count, what) in
            [(&self.decisions, "more decisions about this job"), (&self.deeds, "more deeds of this job")]
        {
            let more = count.load(Ordering::Relaxed).saturating_sub(WRITTEN_OUT);
            if more > 0 {
                self.record(Decision {
                    event: AuditEvent::More,
                    action: "job",
                    target: String::new(),
                    by: "host",
                    rule: "",
                    reason: &format!("{more} {what} are not written out"),
                    details: Value::Null,
                });
            }
        }
    }
}
