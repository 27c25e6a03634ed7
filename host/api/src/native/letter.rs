//! A job, and its detached task, as webhooks tell them.

use super::result::exit;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_jobs::Job;
use hostler_model::{RunResult, TaskSlice, Trace, WebhookEvent};
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

/// Tells of a detached task, and what it wrote since it was told of last.
pub(crate) fn letter_of_task(slice: &TaskSlice, event: WebhookEvent, at: Timestamp) -> Value {
    let TaskSlice { task, offset, output, next_offset, completed } = slice;
    let (status, signal) = task.exit.as_ref().map(exit).unwrap_or_default();
    let mut letter = json!({
        "event": if event == WebhookEvent::TaskEnded { "task.ended" } else { "task.output" },
        "at": at,
        "task": {
            "id": task.id,
            "job": task.job,
            "state": task.state,
            "driver": task.driver,
            "target": task.target,
            "command": task.command,
            "exit_status": status,
            "exit_signal": signal,
            "created_at": task.created_at,
            "ended_at": task.ended_at,
        },
        "offset": offset,
        "text": String::from_utf8_lossy(output),
        "next_offset": next_offset,
        "completed": completed,
    });
    if std::str::from_utf8(output).is_err() {
        letter["base64"] = STANDARD.encode(output).into();
    }
    letter
}

fn result(result: &RunResult) -> Value {
    let (status, signal) = exit(&result.exit);
    json!({
        "command": result.command,
        "exit_status": status,
        "exit_signal": signal,
        "duration_s": result.duration.as_secs_f64(),
    })
}
