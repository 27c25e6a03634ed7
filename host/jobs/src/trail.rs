//! What the audit says of a job's life.

use crate::{Job, State};
use hostler_model::{AuditEntry, AuditEvent, ErrorKind, JobId, Phase};
use serde_json::json;

/// It was accepted.
pub(crate) fn submitted(job: &Job) -> AuditEntry {
    let count = |lines: &Option<Vec<String>>| lines.as_ref().map(Vec::len);
    let details = json!({"commands": count(&job.plan.command), "config": count(&job.plan.config), "batch": job.batch});
    AuditEntry { details, ..about(job, AuditEvent::Submitted) }
}

/// It ended. `job` is as it is kept.
pub(crate) fn ended(job: &Job) -> AuditEntry {
    let error = job.outcome.as_ref().and_then(|outcome| outcome.error.as_ref());
    let details = how(job.state, error.map(|error| (&error.kind, error.phase)));
    AuditEntry { details, ..about(job, AuditEvent::Ended) }
}

/// A job of which only the name is known ended in a way that says nothing of its work.
pub(crate) fn given_up(job: JobId, state: State, kind: &ErrorKind) -> AuditEntry {
    AuditEntry {
        job: Some(job),
        details: how(state, Some((kind, Phase::Store))),
        ..AuditEntry::new(AuditEvent::Ended, "job")
    }
}

/// Somebody cancelled it.
pub(crate) fn canceled(job: JobId, by: &str) -> AuditEntry {
    AuditEntry { job: Some(job), caller: Some(by.into()), ..AuditEntry::new(AuditEvent::Canceled, "job") }
}

fn how(state: State, error: Option<(&ErrorKind, Phase)>) -> serde_json::Value {
    json!({"state": state, "kind": error.map(|(kind, _)| kind), "phase": error.map(|(_, phase)| phase)})
}

fn about(job: &Job, event: AuditEvent) -> AuditEntry {
    AuditEntry {
        caller: Some(job.caller.clone()),
        job: Some(job.id),
        plugin: job.driver.clone(),
        digest: job.plan.driver_digest.clone(),
        target: Some(job.plan.target.to_string()),
        ..AuditEntry::new(event, "job")
    }
}
