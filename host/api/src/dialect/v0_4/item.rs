//! What a command or a transfer of a job did.

use crate::dialect::exception::exit_status;
use crate::download;
use hostler_jobs::Job;
use hostler_model::{Direction, Failure, Hash, Launched, Moved, Outcome, RunResult, TaskId};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// What a command or a transfer did.
#[derive(Serialize)]
pub(in crate::dialect) struct Item<'a> {
    command: String,
    stdout: String,
    stderr: String,
    exit_status: i64,
    /// Where what was downloaded can be fetched.
    download_url: Option<String>,
    metadata: Metadata<'a>,
    parsed: Option<Cow<'a, Value>>,
}

/// What else is known of it.
#[derive(Serialize)]
struct Metadata<'a> {
    host: &'a str,
    duration_seconds: f64,
    session_reused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_content_length: Option<usize>,
    #[serde(flatten)]
    moved: Option<MovedView<'a>>,
    #[serde(flatten)]
    launched: Option<LaunchedView<'a>>,
}

/// What was launched and goes on.
#[derive(Serialize)]
struct LaunchedView<'a> {
    task_id: &'a TaskId,
    pid: u32,
    log_file: &'a str,
    /// The commands, joined as `NetPulse` joins them.
    command: String,
    is_running: bool,
}

impl<'a> From<&'a Launched> for LaunchedView<'a> {
    fn from(launched: &'a Launched) -> Self {
        let Launched { id, pid, log_file, command, .. } = launched;
        Self { task_id: id, pid: *pid, log_file, command: command.join("\n"), is_running: true }
    }
}

/// What was moved: the fields of `NetPulse`, and then what it does not tell. Sizes are bytes.
#[derive(Serialize)]
struct MovedView<'a> {
    /// What was sent for it, without what was there already.
    transferred_bytes: u64,
    total_bytes: u64,
    transfer_success: bool,
    /// Whether both sides were compared afterwards, by whichever hash.
    md5_verified: bool,
    local_path: &'a str,
    remote_path: &'a str,
    resumed_bytes: u64,
    files: u64,
    skipped: u64,
    failed: u64,
    hash: Option<&'a Hash>,
}

/// All that the commands of a job did. What stopped it is told as an item of what was not run, or, if all was, by the last.
/// Lines of configuration have one item.
pub(in crate::dialect) fn items<'a>(job: &'a Job, outcome: &'a Outcome, base: &str) -> Vec<Item<'a>> {
    let mut items: Vec<_> = outcome.results.iter().map(|result| Item::new(job, result, base)).collect();
    let asked = asked(job);
    if let Some(error) = &outcome.error {
        let left = asked.get(items.len()..).unwrap_or_default();
        match items.last_mut() {
            Some(last) if left.is_empty() => last.stopped_by(error),
            _ => items.push(Item::not_run(job, left.join("\n"), error)),
        }
    }
    if job.plan.config.is_some() {
        let mut rest = items.into_iter();
        let first = rest.next().map(|first| rest.fold(first, Item::and));
        return first.map(|item| Item { command: asked.join("\n"), ..item }).into_iter().collect();
    }
    items
}

/// What a job was asked to run, as its items are named.
fn asked(job: &Job) -> Cow<'_, [String]> {
    let args = &job.plan.driver_args;
    if let Some(operation) = args.pointer("/file_transfer/operation").and_then(Value::as_str) {
        return vec![format!("file_transfer_{operation}")].into();
    }
    if script(job).is_some() {
        let interpreter = args["script_interpreter"].as_str().unwrap_or("bash");
        return vec![format!("script_execution_{interpreter}")].into();
    }
    job.plan.command.as_deref().or(job.plan.config.as_deref()).unwrap_or_default().into()
}

fn script(job: &Job) -> Option<&str> {
    job.plan.driver_args["script_content"].as_str()
}

impl<'a> Item<'a> {
    fn new(job: &'a Job, result: &'a RunResult, base: &str) -> Self {
        let mut item = Self {
            command: result.command.clone(),
            stdout: result.stdout.text(),
            stderr: result.stderr.text(),
            exit_status: exit_status(&result.exit),
            download_url: None,
            metadata: Metadata {
                host: &job.plan.target.host,
                duration_seconds: result.duration.as_secs_f64(),
                session_reused: result.session_reused,
                script_content_length: script(job).map(str::len),
                moved: result.moved.as_deref().map(MovedView::from),
                launched: result.launched.as_deref().map(LaunchedView::from),
            },
            parsed: result.parsed.as_ref().map(Cow::Borrowed),
        };
        if let Some(moved) = result.moved.as_deref() {
            let direction = if moved.direction == Direction::Upload { "upload" } else { "download" };
            item.command = format!("{direction} {}", moved.remote_path);
            item.download_url = download::url(base, moved);
            if item.stdout.is_empty() {
                item.stdout = format!("File transfer completed: {}/{} bytes", moved.bytes, moved.total);
            }
        }
        item
    }

    /// What an error left undone.
    fn not_run(job: &'a Job, command: String, error: &Failure) -> Self {
        Self {
            command,
            stdout: String::new(),
            stderr: error.message.clone(),
            exit_status: 1,
            download_url: None,
            metadata: Metadata {
                host: &job.plan.target.host,
                duration_seconds: 0.0,
                session_reused: false,
                script_content_length: script(job).map(str::len),
                moved: None,
                launched: None,
            },
            parsed: None,
        }
    }

    fn stopped_by(&mut self, error: &Failure) {
        if !self.stderr.is_empty() && !self.stderr.ends_with('\n') {
            self.stderr.push('\n');
        }
        self.stderr += &error.message;
        if self.exit_status == 0 {
            self.exit_status = 1;
        }
    }

    /// Both as one.
    fn and(self, next: Self) -> Self {
        let parsed = match (self.parsed, next.parsed) {
            (Some(rows), Some(more)) => Some(Cow::Owned(together(rows.into_owned(), more.into_owned()))),
            (parsed, None) | (None, parsed) => parsed,
        };
        Self {
            stdout: self.stdout + &next.stdout,
            stderr: self.stderr + &next.stderr,
            exit_status: if next.exit_status == 0 { self.exit_status } else { next.exit_status },
            metadata: Metadata {
                duration_seconds: self.metadata.duration_seconds + next.metadata.duration_seconds,
                ..self.metadata
            },
            parsed,
            ..self
        }
    }
}

/// The rows of both.
fn together(rows: Value, more: Value) -> Value {
    match (rows, more) {
        (Value::Array(rows), Value::Array(more)) => rows.into_iter().chain(more).collect(),
        (Value::Array(rows), more) => rows.into_iter().chain([more]).collect(),
        (row, more) => together(Value::Array(vec![row]), more),
    }
}

impl<'a> From<&'a Moved> for MovedView<'a> {
    fn from(moved: &'a Moved) -> Self {
        Self {
            transferred_bytes: moved.bytes,
            total_bytes: moved.total,
            transfer_success: moved.failed == 0,
            md5_verified: moved.hash.is_some(),
            local_path: &moved.local_path,
            remote_path: &moved.remote_path,
            resumed_bytes: moved.resumed,
            files: moved.files,
            skipped: moved.skipped,
            failed: moved.failed,
            hash: moved.hash.as_ref(),
        }
    }
}
