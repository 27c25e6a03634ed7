//! A job as the dialect shows it.

use hostler_jobs::{Job, State};
use hostler_model::{ErrorKind, Exit, Failure, Hash, JobId, Moved, Outcome, Phase, RunResult};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::HashSet;

/// The one queue of this dialect.
pub(super) const QUEUE: &str = "FifoQ";

/// The one node, as which this daemon shows itself.
pub(super) const NODE: &str = "hostler";

/// The worker that carries out every job.
const WORKER: &str = "hostler_FifoQ";

/// A job, with the fields of `NetPulse` 0.2.0 in their order, and `warnings`.
#[derive(Serialize)]
pub(super) struct JobView<'a> {
    id: JobId,
    status: State,
    created_at: String,
    enqueued_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    queue: &'static str,
    worker: Option<&'static str>,
    result: Option<ResultView<'a>>,
    /// Seconds from start to end.
    duration: Option<f64>,
    /// Seconds from submission to start.
    queue_time: Option<f64>,
    warnings: &'a [String],
}

impl<'a> From<&'a Job> for JobView<'a> {
    fn from(job: &'a Job) -> Self {
        Self {
            id: job.id,
            status: job.state,
            created_at: iso(job.created_at),
            enqueued_at: iso(job.created_at),
            started_at: job.started_at.map(iso),
            ended_at: job.ended_at.map(iso),
            queue: QUEUE,
            worker: job.started_at.map(|_| WORKER),
            result: job.outcome.as_ref().map(|outcome| ResultView::new(job.state, outcome)),
            duration: job.started_at.zip(job.ended_at).map(|(start, end)| seconds(start, end)),
            queue_time: job.started_at.map(|start| seconds(job.created_at, start)),
            warnings: &job.warnings,
        }
    }
}

/// ISO 8601 as Python's `isoformat` writes it: microseconds and `+00:00`.
fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// How a job ended.
#[derive(Serialize)]
struct ResultView<'a> {
    /// 1 finished, 2 failed, 3 canceled.
    #[serde(rename = "type")]
    kind: u8,
    /// Absent where no command ended.
    retval: Option<Retval<'a>>,
    error: Option<ErrorView<'a>>,
}

impl<'a> ResultView<'a> {
    fn new(state: State, outcome: &'a Outcome) -> Self {
        let kind = match state {
            State::Finished => 1,
            State::Canceled => 3,
            State::Queued | State::Started | State::Failed => 2,
        };
        let some = state == State::Finished || !outcome.results.is_empty();
        let retval = some.then_some(Retval(&outcome.results));
        Self { kind, retval, error: outcome.error.as_ref().map(ErrorView::from) }
    }
}

/// The results, as an object with the commands as keys, in the order in which they ran.
struct Retval<'a>(&'a [RunResult]);

impl Serialize for Retval<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(keys(self.0).into_iter().zip(self.0.iter().map(RunView::from)))
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
}

impl<'a> From<&'a RunResult> for RunView<'a> {
    fn from(result: &'a RunResult) -> Self {
        let exit_status = match result.exit {
            Exit::Status(status) => status.into(),
            Exit::Signal(_) | Exit::Unknown => -1,
        };
        let transfer_result = result.moved.as_deref().map(TransferView::from);
        Self { output: result.stdout.text(), error: result.stderr.text(), exit_status, transfer_result }
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

/// What stopped a job: the name of the exception that `NetPulse` would show, and the truth.
#[derive(Serialize)]
struct ErrorView<'a> {
    #[serde(rename = "type")]
    exception: &'static str,
    message: &'a str,
    kind: &'a ErrorKind,
    phase: Phase,
}

impl<'a> From<&'a Failure> for ErrorView<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            exception: exception(&failure.kind),
            message: &failure.message,
            kind: &failure.kind,
            phase: failure.phase,
        }
    }
}

/// The name of the exception of Python, Paramiko or RQ that clients know for a kind of failure.
fn exception(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::NotFound | ErrorKind::IdempotencyConflict => {
            "ValueError"
        }
        ErrorKind::Denied | ErrorKind::ElevationFailed | ErrorKind::PermissionDenied => "PermissionError",
        ErrorKind::UnknownHost => "gaierror",
        ErrorKind::Refused | ErrorKind::Unreachable => "NoValidConnectionsError",
        ErrorKind::Timeout => "TimeoutError",
        ErrorKind::HostKeyChanged => "BadHostKeyException",
        ErrorKind::AuthFailed => "AuthenticationException",
        ErrorKind::HostKeyUnknown
        | ErrorKind::HostKeyRevoked
        | ErrorKind::BadKey
        | ErrorKind::Protocol
        | ErrorKind::Closed
        | ErrorKind::ConnectionLost => "SSHException",
        ErrorKind::ExecRefused => "ChannelException",
        ErrorKind::Expired | ErrorKind::Lost => "AbandonedJobError",
        ErrorKind::Canceled => "StopRequested",
        ErrorKind::TransferFailed
        | ErrorKind::Limit
        | ErrorKind::Throttled
        | ErrorKind::Trap
        | ErrorKind::InvalidOutput
        | ErrorKind::BadPlugin
        | ErrorKind::InUse
        | ErrorKind::Busy
        | ErrorKind::Internal
        | ErrorKind::Other(_) => "RuntimeError",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
