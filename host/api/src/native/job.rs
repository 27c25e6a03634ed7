//! A job as the native API shows it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_jobs::Job;
use hostler_model::{Exit, Output, RunResult};
use serde_json::{Map, Value, json};

/// A job with all that is known about it. It holds no secret, because a [`Job`] holds none.
pub(super) fn view(job: &Job) -> Value {
    let results = job.outcome.iter().flat_map(|outcome| &outcome.results).map(result);
    json!({
        "id": job.id,
        "state": job.state,
        "driver": job.driver,
        "driver_version": job.plan.driver_version,
        "driver_digest": job.plan.driver_digest,
        "target": job.plan.target,
        "command": job.plan.command,
        "config": job.plan.config,
        "connection_args": job.plan.connection_args,
        "driver_args": job.plan.driver_args,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "warnings": job.warnings,
        "results": results.collect::<Vec<_>>(),
        "error": job.outcome.as_ref().and_then(|outcome| outcome.error.as_ref()),
    })
}

/// `exit_status` and `exit_signal`: both are null where the server did not say.
pub(super) fn exit(exit: &Exit) -> (Option<u32>, Option<&str>) {
    match exit {
        Exit::Status(status) => (Some(*status), None),
        Exit::Signal(signal) => (None, Some(signal)),
        Exit::Unknown => (None, None),
    }
}

/// What one command or transfer did.
fn result(result: &RunResult) -> Value {
    let (status, signal) = exit(&result.exit);
    let mut fields = Map::new();
    fields.insert("command".into(), result.command.as_str().into());
    fields.insert("exit_status".into(), json!(status));
    fields.insert("exit_signal".into(), json!(signal));
    stream(&mut fields, "stdout", &result.stdout);
    stream(&mut fields, "stderr", &result.stderr);
    fields.insert("duration_s".into(), result.duration.as_secs_f64().into());
    fields.insert("session_reused".into(), result.session_reused.into());
    if let Some(moved) = &result.moved {
        fields.insert("moved".into(), json!(moved));
    }
    Value::Object(fields)
}

/// One stream as text. Where bytes are not UTF-8, `_base64` has them as they are; where the middle was cut out,
/// `_omitted` says how many bytes, and `_omitted_at` after how many, so that `_base64` can be taken apart.
fn stream(fields: &mut Map<String, Value>, name: &str, output: &Output) {
    fields.insert(name.into(), output.text().into());
    if std::str::from_utf8(&output.head).is_err() || std::str::from_utf8(&output.tail).is_err() {
        let kept = [output.head.as_slice(), &output.tail].concat();
        fields.insert(format!("{name}_base64"), STANDARD.encode(kept).into());
    }
    if output.omitted > 0 {
        fields.insert(format!("{name}_omitted"), output.omitted.into());
        fields.insert(format!("{name}_omitted_at"), output.head.len().into());
    }
}
