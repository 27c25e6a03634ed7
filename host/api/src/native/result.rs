//! What a command or a transfer did, as the native API shows it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_model::{Exit, Moved, Output, RunResult};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What one command or transfer did. `exit_status` and `exit_signal` are both null where the server did not say.
///
/// A stream is shown as text. Where its bytes are not UTF-8, `…_base64` has them as they are; where the middle was cut
/// out, `…_omitted` says how many bytes, and `…_omitted_at` after how many, so that `…_base64` can be taken apart.
#[derive(Serialize, ToSchema)]
#[schema(as = Result)]
pub(super) struct ResultView<'a> {
    /// The command as it was asked.
    command: &'a str,
    /// What it returned.
    exit_status: Option<u32>,
    /// The signal that ended it, without `SIG`.
    exit_signal: Option<&'a str>,
    /// Standard output.
    stdout: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_omitted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_omitted_at: Option<usize>,
    /// Standard error.
    stderr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_omitted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_omitted_at: Option<usize>,
    /// Seconds from its start to its end.
    duration_s: f64,
    /// Whether it ran on a connection that an earlier job had opened.
    session_reused: bool,
    /// What was moved, if it was a transfer and no command.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<&'a Moved>,
    /// What `parsing` made of standard output. Absent where it was not asked for or failed, of which a warning tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    parsed: Option<&'a Value>,
}

impl<'a> From<&'a RunResult> for ResultView<'a> {
    fn from(result: &'a RunResult) -> Self {
        let (exit_status, exit_signal) = exit(&result.exit);
        let (stdout, stderr) = (&result.stdout, &result.stderr);
        Self {
            command: &result.command,
            exit_status,
            exit_signal,
            stdout: stdout.text(),
            stdout_base64: base64(stdout),
            stdout_omitted: omitted(stdout),
            stdout_omitted_at: omitted(stdout).map(|_| stdout.head.len()),
            stderr: stderr.text(),
            stderr_base64: base64(stderr),
            stderr_omitted: omitted(stderr),
            stderr_omitted_at: omitted(stderr).map(|_| stderr.head.len()),
            duration_s: result.duration.as_secs_f64(),
            session_reused: result.session_reused,
            moved: result.moved.as_deref(),
            parsed: result.parsed.as_ref(),
        }
    }
}

/// Status and signal: both are absent where the server did not say.
pub(super) fn exit(exit: &Exit) -> (Option<u32>, Option<&str>) {
    match exit {
        Exit::Status(status) => (Some(*status), None),
        Exit::Signal(signal) => (None, Some(signal)),
        Exit::Unknown => (None, None),
    }
}

fn base64(output: &Output) -> Option<String> {
    let is_text = std::str::from_utf8(&output.head).is_ok() && std::str::from_utf8(&output.tail).is_ok();
    (!is_text).then(|| STANDARD.encode([output.head.as_slice(), &output.tail].concat()))
}

fn omitted(output: &Output) -> Option<u64> {
    (output.omitted > 0).then_some(output.omitted)
}
