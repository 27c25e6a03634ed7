//! What is remembered of what a job did, and of decisions about it and its driver.

use crate::action::{Action, MAX_DETAILS};
use crate::breaker::{Step, Turn, is_own_fault};
use crate::plugin::{Plugin, digest};
use hostler_model::{AuditEntry, AuditEvent, ErrorKind, Failure, JobId, Phase, Target};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Decisions about one job, and deeds of it, that are written down at once: a guest may ask again and again.
const WRITTEN_OUT: u64 = 100;

/// How many of those that come later are written down when the job has ended: the last ones.
const LAST: usize = 20;

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
    decisions: Mutex<Lines>,
    /// Counted apart: what a job did must not keep out what was denied to it.
    deeds: Mutex<Lines>,
}

/// Lines of one sort.
#[derive(Default)]
struct Lines {
    count: u64,
    last: VecDeque<AuditEntry>,
}

impl Lines {
    /// Takes one. Answers it if it is to be written down at once.
    fn take(&mut self, entry: AuditEntry) -> Option<AuditEntry> {
        self.count += 1;
        if self.count <= WRITTEN_OUT {
            return Some(entry);
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(entry);
        None
    }
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
            decisions: Mutex::default(),
            deeds: Mutex::default(),
        }
    }

    /// What was judged, as it is written down. A script may be long; its beginning says what it is, and its digest which.
    pub(crate) fn details(json: &str) -> Value {
        const ENOUGH: usize = 4096;
        if json.len() > ENOUGH {
            let beginning: String = json.chars().take(ENOUGH).collect();
            return format!("{beginning}… ({} bytes, {})", json.len(), digest(json.as_bytes())).into();
        }
        serde_json::from_str(json).unwrap_or_default()
    }

    /// Writes a decision down and counts it.
    pub(crate) fn enter(&self, decision: Decision<'_>) {
        if decision.event == AuditEvent::Denied {
            self.driver.terms.usage.denied();
        }
        let Some(entry) = lock(&self.decisions).take(self.entry(decision)) else { return };
        let AuditEntry { event, action, target, by, rule, reason, .. } = &entry;
        tracing::warn!(job = %self.job, driver = &*self.driver.terms.name, ?event, action, target, by, rule, reason, "decided");
        self.audit.record(entry);
    }

    /// Writes down what the job is about to do.
    pub(crate) fn done(&self, action: &str, target: &Target, details: &str) {
        let entry = self.entry(Decision {
            event: AuditEvent::Executed,
            action,
            target: target.to_string(),
            by: "",
            rule: "",
            reason: "",
            details: Self::details(details),
        });
        if let Some(entry) = lock(&self.deeds).take(entry) {
            self.audit.record(entry);
        }
    }

    /// Denies an action of so many bytes that no policy could judge it: that is its driver's doing.
    pub(crate) fn too_large(&self, action: &Action<'_>, target: &Target, bytes: usize) -> Failure {
        let kind = action.kind();
        let reason = format!("an action has {MAX_DETAILS} bytes at most, and this {kind} has {bytes}");
        self.enter(Decision {
            event: AuditEvent::Denied,
            action: kind,
            target: action.place().unwrap_or(target).to_string(),
            by: "host",
            rule: "action-size",
            reason: &reason,
            // As it is where details were cut: there is nothing to be judged once more.
            details: format!("… ({bytes} bytes)").into(),
        });
        Failure::new(ErrorKind::Limit, Phase::Policy, format!("{reason}: do it in parts, or move a file"))
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

    fn entry(&self, decision: Decision<'_>) -> AuditEntry {
        let Decision { event, action, target, by, rule, reason, details } = decision;
        AuditEntry {
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
        }
    }
}

fn lock(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Docket {
    fn drop(&mut self) {
        for (lines, what) in
            [(&self.decisions, "more decisions about this job"), (&self.deeds, "more deeds of this job")]
        {
            let Lines { count, last } = std::mem::take(&mut *lock(lines));
            let more = count.saturating_sub(WRITTEN_OUT + last.len() as u64);
            if more > 0 {
                self.audit.record(self.entry(Decision {
                    event: AuditEvent::More,
                    action: "job",
                    target: String::new(),
                    by: "host",
                    rule: "",
                    reason: &format!("{more} {what} are not written out"),
                    details: Value::Null,
                }));
            }
            for entry in last {
                self.audit.record(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_that_are_cut_say_what_they_were() {
        let script = format!("{{\"command\":\"{}\"}}", "a".repeat(5000));
        let Value::String(cut) = Docket::details(&script) else { panic!("a text is needed") };
        assert!(script.starts_with(cut.split('…').next().unwrap_or_default()), "{cut}");
        assert!(cut.ends_with(&format!("… (5014 bytes, {})", digest(script.as_bytes()))), "{cut}");
        assert_eq!(Docket::details("{}"), serde_json::json!({}), "what is short is whole");
    }
}
