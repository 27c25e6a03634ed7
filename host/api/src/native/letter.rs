//! A job as webhooks tell it.

use hostler_jobs::Job;
use hostler_model::{Exit, RunResult, Trace, WebhookEvent};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Tells of a job in the words of the native API, without what its commands printed.
pub(crate) fn letter(job: &Job, event: WebhookEvent, at: Timestamp) -> Value {
    let results = job.outcome.iter().flat_map(|outcome| &outcome.results).map(result);
    json!({
        "event": format!("job.{event}"),
        "at": at,
        "job": {
            "id": job.id,
            "state": job.state,
            "driver": job.driver,
            "target": job.plan.target,
            "batch": job.batch,
            "attempt": job.attempt,
            "trace_id": job.trace.as_deref().and_then(Trace::read).map(|trace| trace.id()),
            "created_at": job.created_at,
            "started_at": job.started_at,
            "ended_at": job.ended_at,
            "results": results.collect::<Vec<_>>(),
            "error": job.outcome.as_ref().and_then(|outcome| outcome.error.as_ref()),
        },
    })
}

fn result(result: &RunResult) -> Value {
    let (status, signal) = match &result.exit {
        Exit::Status(status) => (Some(status), None),
        Exit::Signal(signal) => (None, Some(signal)),
        Exit::Unknown => (None, None),
    };
    json!({
        "command": result.command,
        "exit_status": status,
        "exit_signal": signal,
        "duration_s": result.duration.as_secs_f64(),
    })
}
