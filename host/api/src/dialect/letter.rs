//! A job as webhooks of `NetPulse` tell it. A canceled one, of which `NetPulse` tells nothing, is told as one that failed.

use super::exception::{ErrorView, exit_status};
use super::time::{iso, seconds};
use hostler_jobs::{Job, State};
use hostler_model::{Failure, RunResult, TaskId};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// As 0.2 has it: the name of the job, and its results as a text, in JSON.
pub(crate) fn plain(job: &Job) -> Value {
    let result = error(job).map_or_else(|| by_command(results(job)).to_string(), in_words);
    json!({"id": job.id, "result": result})
}

/// As 0.3 and 0.4.0 have it: the results as a text for people.
pub(crate) fn flat(job: &Job) -> Value {
    let lines = |lines: &Option<Vec<String>>| lines.as_ref().filter(|lines| !lines.is_empty()).map(|it| it.join("\n"));
    let mut letter = json!({
        "id": job.id,
        "status": if job.state == State::Finished { "success" } else { "failed" },
        "result": error(job).map_or_else(|| in_lines(results(job)), in_words),
        "device": {"host": job.plan.target.host},
        "driver": job.driver,
    });
    match (&job.plan.command, &job.plan.config) {
        (None, config @ Some(_)) => letter["config"] = lines(config).into(),
        (command, _) => letter["command"] = lines(command).into(),
    }
    letter
}

/// As 0.4 has it since 0.4.2. `at` is when it came to that.
pub(crate) fn structured(job: &Job, at: Timestamp) -> Value {
    let (event, result) = match job.state {
        State::Finished => ("job.completed", "successful"),
        State::Canceled => ("job.failed", "stopped"),
        _ => ("job.failed", "failed"),
    };
    let (plan, host) = (&job.plan, &job.plan.target.host);
    let retval: Vec<Value> = results(job).iter().map(|result| item(result, host)).collect();
    json!({
        "id": job.id,
        "status": job.state,
        "event_type": event,
        "final": true,
        "timestamp": iso(at),
        "started_at": job.started_at.map(iso),
        "ended_at": job.ended_at.map(iso),
        "duration": job.started_at.zip(job.ended_at).map(|(start, end)| seconds(start, end)),
        "result": {
            "type": result,
            "retval": if retval.is_empty() { Value::Null } else { retval.into() },
            "error": error(job).map(ErrorView::from),
        },
        "device": {"host": host},
        "task_id": job.options.detach.is_some().then(|| TaskId::from(job.id)),
        "device_name": host,
        "command": plan.command.as_ref().or(plan.config.as_ref()),
    })
}

fn results(job: &Job) -> &[RunResult] {
    job.outcome.as_ref().map_or(&[], |outcome| &outcome.results)
}

fn error(job: &Job) -> Option<&Failure> {
    job.outcome.as_ref()?.error.as_ref()
}

/// An exception as Python writes it.
fn in_words(failure: &Failure) -> String {
    let view = json!(ErrorView::from(failure));
    format!("{}: {}", view["type"].as_str().unwrap_or_default(), failure.message)
}

fn by_command(results: &[RunResult]) -> Value {
    let result = |it: &RunResult| {
        let fields =
            json!({"output": it.stdout.text(), "error": it.stderr.text(), "exit_status": exit_status(&it.exit)});
        (it.command.clone(), fields)
    };
    results.iter().map(result).collect::<Map<_, _>>().into()
}

fn in_lines(results: &[RunResult]) -> String {
    let paragraph = |it: &RunResult| {
        let error = it.stderr.text();
        let error = if error.is_empty() { error } else { format!("Error: {error}\n") };
        let (output, status) = (it.stdout.text(), exit_status(&it.exit));
        format!("Command: {}\nOutput:\n{output}\n{error}Exit Status: {status}", it.command)
    };
    if results.is_empty() { "[]".into() } else { results.iter().map(paragraph).collect::<Vec<_>>().join("\n\n") }
}

fn item(result: &RunResult, host: &str) -> Value {
    json!({
        "command": result.command,
        "stdout": result.stdout.text(),
        "stderr": result.stderr.text(),
        "exit_status": exit_status(&result.exit),
        "download_url": result.moved.as_ref().and_then(|moved| moved.staged.as_ref()).map(|id| format!("/storage/fetch/{id}")),
        "metadata": {
            "host": host,
            "duration_seconds": result.duration.as_secs_f64(),
            "session_reused": result.session_reused,
        },
        "parsed": result.parsed,
    })
}
