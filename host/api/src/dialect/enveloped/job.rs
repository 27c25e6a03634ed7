//! A job as the dialects show it.

use crate::dialect::exception::{ErrorView, exit_status};
use crate::dialect::queue::Queue;
use crate::dialect::states;
use crate::dialect::time::{iso, seconds};
use hostler_jobs::{Job, State};
use hostler_model::{Hash, JobId, Launched, Moved, Outcome, RunResult};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::collections::HashSet;

/// What the key of a script's result begins with; the interpreter follows.
const SCRIPT: &str = "script_execution_";

/// A job, with the fields of `NetPulse` in their order; then its host, which tells the jobs of many apart, and `warnings`.
#[derive(Serialize)]
pub(in crate::dialect) struct JobView<'a> {
    id: JobId,
    status: State,
    created_at: String,
    enqueued_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    queue: String,
    worker: Option<String>,
    result: Option<ResultView<'a>>,
    /// Seconds from start to end.
    duration: Option<f64>,
    /// Seconds from submission to start.
    queue_time: Option<f64>,
    host: &'a str,
    warnings: &'a [String],
}

impl<'a> From<&'a Job> for JobView<'a> {
    fn from(job: &'a Job) -> Self {
        let queue = Queue::of(job);
        Self {
            id: job.id,
            status: job.state,
            created_at: iso(job.created_at),
            enqueued_at: iso(job.created_at),
            started_at: job.started_at.map(iso),
            ended_at: job.ended_at.map(iso),
            queue: queue.to_string(),
            worker: job.started_at.map(|_| queue.worker()),
            result: job.outcome.as_ref().map(|outcome| ResultView::new(job, outcome)),
            duration: job.started_at.zip(job.ended_at).map(|(start, end)| seconds(start, end)),
            queue_time: job.started_at.map(|start| seconds(job.created_at, start)),
            host: &job.plan.target.host,
            warnings: &job.warnings,
        }
    }
}

/// How a job ended.
#[derive(Serialize)]
struct ResultView<'a> {
    #[serde(rename = "type")]
    kind: u8,
    /// Absent where no command ended.
    retval: Option<Retval<'a>>,
    error: Option<ErrorView<'a>>,
}

impl<'a> ResultView<'a> {
    fn new(job: &Job, outcome: &'a Outcome) -> Self {
        let some = job.state == State::Finished || !outcome.results.is_empty();
        Self {
            kind: states::result_type(job.state),
            retval: some.then(|| Retval::of(job, outcome)),
            error: outcome.error.as_ref().map(ErrorView::from),
        }
    }
}

/// The results, as an object with the commands as keys, in the order in which they ran.
pub(in crate::dialect) struct Retval<'a> {
    results: &'a [RunResult],
    script_length: Option<usize>,
}

impl<'a> Retval<'a> {
    pub(in crate::dialect) fn of(job: &Job, outcome: &'a Outcome) -> Self {
        let script = job.plan.driver_args.get("script_content").and_then(Value::as_str);
        Self { results: &outcome.results, script_length: script.map(|script| script.chars().count()) }
    }
}

impl Serialize for Retval<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let views = self.results.iter().map(|result| RunView::new(result, self.script_length));
        serializer.collect_map(keys(self.results).into_iter().zip(views))
    }
}

/// The key of each result: its command, and `command (2)` and so on where that is taken.
fn keys(results: &[RunResult]) -> Vec<String> {
    let mut taken = HashSet::new();
    let key = |result: &RunResult| {
        let numbered = (2_usize..).map(|number| format!("{} ({number})", result.command));
        let free = std::iter::once(result.command.clone()).chain(numbered).find(|key| taken.insert(key.clone()));
        free.expect("there are more numbers than results")
    };
    results.iter().map(key).collect()
}

/// What one command or transfer did.
#[derive(Serialize)]
struct RunView<'a> {
    output: String,
    error: String,
    /// -1 where a signal ended the command, or where the server did not say how it ended.
    exit_status: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_result: Option<TransferView<'a>>,
    /// Characters of the script that was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    script_content_length: Option<usize>,
    /// What goes on when the job has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    background_task: Option<BackgroundView<'a>>,
    /// What `parsing` made of the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    parsed: Option<&'a Value>,
}

impl<'a> RunView<'a> {
    fn new(result: &'a RunResult, script_length: Option<usize>) -> Self {
        let transfer_result = result.moved.as_deref().map(TransferView::from);
        Self {
            output: result.stdout.text(),
            error: result.stderr.text(),
            exit_status: exit_status(&result.exit),
            transfer_result,
            script_content_length: script_length.filter(|_| result.command.starts_with(SCRIPT)),
            background_task: result.launched.as_deref().map(BackgroundView::from),
            parsed: result.parsed.as_ref(),
        }
    }
}

/// What was launched and goes on. Files are on the target.
#[derive(Serialize)]
struct BackgroundView<'a> {
    pid: u32,
    pid_file: String,
    output_file: &'a str,
    /// The commands, joined as `NetPulse` joins them.
    command: String,
}

impl<'a> From<&'a Launched> for BackgroundView<'a> {
    fn from(launched: &'a Launched) -> Self {
        let Launched { pid, log_file, command, .. } = launched;
        // The driver keeps all files of a task in one folder.
        let folder = log_file.rsplit_once('/').map_or(".", |(folder, _)| folder);
        Self { pid: *pid, pid_file: format!("{folder}/pid"), output_file: log_file, command: command.join("\n") }
    }
}

/// What was moved: the fields of `NetPulse`, and then what it does not tell. Sizes are bytes.
#[derive(Serialize)]
struct TransferView<'a> {
    success: bool,
    local_path: &'a str,
    remote_path: &'a str,
    /// What was sent for it, without what was there already.
    bytes_transferred: u64,
    total_bytes: u64,
    /// Whether an earlier transfer was continued.
    resumed: bool,
    resumed_bytes: u64,
    /// Why what an earlier transfer had left was not continued.
    restarted: Option<&'a str>,
    /// What a request really carried.
    chunk_size: u32,
    files: u64,
    skipped: u64,
    failed: u64,
    /// Whether each target changed at once.
    atomic: bool,
    /// What both sides were compared by.
    hash: Option<&'a Hash>,
}

impl<'a> From<&'a Moved> for TransferView<'a> {
    fn from(moved: &'a Moved) -> Self {
        Self {
            success: moved.failed == 0,
            local_path: &moved.local_path,
            remote_path: &moved.remote_path,
            bytes_transferred: moved.bytes,
            total_bytes: moved.total,
            resumed: moved.resumed > 0,
            resumed_bytes: moved.resumed,
            restarted: moved.restarted.as_deref(),
            chunk_size: moved.request_size,
            files: moved.files,
            skipped: moved.skipped,
            failed: moved.failed,
            atomic: moved.atomic,
            hash: moved.hash.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostler_model::Exit;

    fn keys_of(commands: &[&str]) -> Vec<String> {
        let result = |command: &&str| RunResult {
            command: (*command).into(),
            exit: Exit::Status(0),
            stdout: hostler_model::Output::default(),
            stderr: hostler_model::Output::default(),
            duration: std::time::Duration::ZERO,
            session_reused: false,
            moved: None,
            parsed: None,
            launched: None,
        };
        keys(&commands.iter().map(result).collect::<Vec<_>>())
    }

    #[test]
    fn no_result_hides_behind_another() {
        assert_eq!(keys_of(&["a", "b", "a", "a"]), ["a", "b", "a (2)", "a (3)"]);
        assert_eq!(keys_of(&["a (2)", "a", "a"]), ["a (2)", "a", "a (3)"]);
        assert_eq!(keys_of(&["a", "a", "a (2)"]), ["a", "a (2)", "a (2) (2)"]);
    }
}
