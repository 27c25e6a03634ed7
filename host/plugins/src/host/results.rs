//! `results`: what a driver read out of a session itself.

use crate::bindings::{results, types};
use crate::capture::Capture;
use crate::instance::State;
use crate::job::JobContext;
use crate::tap::Tap;
use hostler_model::{ErrorKind, Exit, Failure, Output, Phase, RunResult};
use std::time::Duration;
use tokio::time::Instant;

/// The shell that results are read out of.
pub(crate) struct Reading {
    /// When it was opened, or the last result kept.
    pub(crate) since: Instant,
    /// Whether an earlier job had opened its connection.
    pub(crate) session_reused: bool,
}

impl results::Host for State {
    async fn keep(&mut self, made: results::Made) -> wasmtime::Result<Result<u32, types::Error>> {
        Ok(self.keep_result(&made).map_err(|failure| self.tell(&failure)))
    }
}

impl State {
    fn keep_result(&mut self, made: &results::Made) -> Result<u32, Failure> {
        let job = self.serving()?;
        let id = self.next_run()?;
        let capture = Capture::new(self.terms.limits.output.min(self.output_left), &job.scrubber);
        let stdout = Tap::whole(capture, &job.witness, id, "stdout", &made.output);
        self.output_left = self.output_left.saturating_sub(stdout.kept());
        let now = Instant::now();
        let (duration, session_reused) = match &mut self.reading {
            Some(reading) => (now - std::mem::replace(&mut reading.since, now), reading.session_reused),
            None => (Duration::ZERO, false),
        };
        let result = RunResult {
            command: job.scrubber.text(&made.command),
            exit: made.exit_status.map_or(Exit::Unknown, Exit::Status),
            stdout,
            stderr: Output::default(),
            duration,
            session_reused,
            moved: None,
            parsed: None,
            launched: None,
        };
        self.keep_run(&job, result);
        Ok(id)
    }

    /// Keeps the result that has the next id: of commands no more in all than of output.
    pub(crate) fn keep_run(&mut self, job: &JobContext, mut result: RunResult) {
        if result.command.len() > self.commands_left {
            result.command.truncate(result.command.floor_char_boundary(self.commands_left));
            result.command.push('…');
        }
        self.commands_left = self.commands_left.saturating_sub(result.command.len());
        job.witness.ran(u32::try_from(self.runs.len()).unwrap_or(u32::MAX), &result);
        self.runs.push(result);
    }

    /// The id of the result that comes next.
    pub(crate) fn next_run(&self) -> Result<u32, Failure> {
        if self.runs.len() < self.terms.limits.runs {
            return Ok(u32::try_from(self.runs.len()).unwrap_or(u32::MAX));
        }
        let message = format!("a job may run {} commands at most", self.terms.limits.runs);
        Err(Failure::new(ErrorKind::Limit, Phase::Exec, message))
    }
}
