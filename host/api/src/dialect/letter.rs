//! A job, and its detached task, as webhooks of `NetPulse` tell them. A canceled one, of which `NetPulse` tells nothing, is
//! told as one that failed; so is a task that did not come to its end.

use super::enveloped::Retval;
use super::exception::{ErrorView, exit_status};
use super::time::{iso, seconds};
use super::v0_4::{items, task_item};
use hostler_jobs::{Job, State};
use hostler_model::{ErrorKind, Failure, Phase, RunResult, TaskId, TaskSlice, TaskState};
use jiff::Timestamp;
use serde_json::{Value, json};

/// As 0.2 has it: the name of the job, and its results as a text, in JSON.
pub(crate) fn plain(job: &Job) -> Value {
    let retval = |outcome| json!(Retval::of(job, outcome)).to_string();
    let result = error(job).map_or_else(|| job.outcome.as_ref().map(retval).unwrap_or_default(), in_words);
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

/// As 0.4 has it since 0.4.2. `at` is when it came to that, `base` where clients reach this daemon, or empty.
pub(crate) fn structured(job: &Job, at: Timestamp, base: &str) -> Value {
    let (event, result) = match job.state {
        State::Finished => ("job.completed", "successful"),
        State::Canceled => ("job.failed", "stopped"),
        _ => ("job.failed", "failed"),
    };
    let (plan, host) = (&job.plan, &job.plan.target.host);
    let retval = job.outcome.as_ref().map(|outcome| items(job, outcome, base)).filter(|items| !items.is_empty());
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
            "retval": retval,
            "error": error(job).map(ErrorView::from),
        },
        "device": {"host": host},
        "task_id": job.options.detach.is_some().then(|| TaskId::from(job.id)),
        "device_name": host,
        "command": plan.command.as_ref().or(plan.config.as_ref()),
    })
}

/// A detached task as 0.4 tells it since 0.4.2: as it goes on, or its end. The job that launched it may have been removed.
pub(crate) fn of_task(slice: &TaskSlice, job: Option<&Job>, is_end: bool, at: Timestamp) -> Value {
    let (task, host) = (&slice.task, &slice.task.target.host);
    let failure = is_end.then(|| unfinished(task.state, job)).flatten();
    let (status, event, result) = match task.state {
        _ if !is_end => ("running", "detached.log_push", "successful"),
        TaskState::Killed => ("failed", "detached.failed", "stopped"),
        _ if failure.is_some() => ("failed", "detached.failed", "failed"),
        _ => ("finished", "detached.completed", "successful"),
    };
    let exit = task.exit.as_ref().filter(|_| is_end).map_or(0, exit_status);
    let started_at = job.and_then(|job| job.started_at);
    json!({
        "id": task.id,
        "status": status,
        "event_type": event,
        "final": is_end,
        "timestamp": iso(at),
        "started_at": started_at.map(iso),
        "ended_at": task.ended_at.map(iso),
        "duration": started_at.zip(task.ended_at).map(|(start, end)| seconds(start, end)),
        "result": {
            "type": result,
            "retval": [task_item(slice, !is_end, exit)],
            "error": failure.as_ref().map(ErrorView::from),
        },
        "device": {"host": host},
        "task_id": task.id,
        "device_name": host,
        "command": task.command,
    })
}

/// Why a task did not come to its end.
fn unfinished(state: TaskState, job: Option<&Job>) -> Option<Failure> {
    let failure = |kind, message: &str| Failure::new(kind, Phase::Exec, message);
    match state {
        TaskState::Killed => Some(failure(ErrorKind::Canceled, "The task was stopped before it had ended.")),
        TaskState::Lost => Some(job.and_then(error).cloned().unwrap_or_else(|| {
            let message =
                "Nobody knows how the task ended: its process is gone and left no status. Look at its target.";
            failure(ErrorKind::Lost, message)
        })),
        TaskState::Launching | TaskState::Running | TaskState::Completed => None,
    }
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

fn in_lines(results: &[RunResult]) -> String {
    let paragraph = |it: &RunResult| {
        let error = it.stderr.text();
        let error = if error.is_empty() { error } else { format!("Error: {error}\n") };
        let (output, status) = (it.stdout.text(), exit_status(&it.exit));
        format!("Command: {}\nOutput:\n{output}\n{error}Exit Status: {status}", it.command)
    };
    if results.is_empty() { "[]".into() } else { results.iter().map(paragraph).collect::<Vec<_>>().join("\n\n") }
}
