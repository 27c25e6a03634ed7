//! What happened in a job, as it is logged and told.

use crate::clock;
use hostler_model::{Exit, Moved, Output, RunResult, base64_text};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Something that happened in a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the log of its job, from 1; numbers ascend, and never change once somebody saw them.
    pub number: u64,
    /// When it began.
    pub at: Timestamp,
    /// What happened.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    /// A command wrote something.
    Output {
        /// Which result of the job it belongs to, counted from 0.
        run: u32,
        /// `stdout`, `stderr`, or `shell` for all that interactive sessions of the job show.
        stream: String,
        /// Bytes that the stream had before.
        offset: u64,
        /// What was written, scrubbed of the job's secrets.
        #[serde(with = "base64_text")]
        bytes: Vec<u8>,
    },
    /// A transfer came so far.
    Progress(Progress),
    /// A command or transfer has come to its end.
    Ran(Ran),
    /// From here on, neither output nor progress is in the log. Results still have the head and tail of theirs.
    Cut {
        /// Why, in one sentence.
        reason: String,
    },
    /// The daemon ended in the middle of the job, and it begins anew: what the log said before holds no more, and is gone.
    Again {
        /// Which attempt this is.
        attempt: u32,
    },
}

/// How far a transfer is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Which result of the job it will be, counted from 0.
    pub run: u32,
    /// The file that is being moved.
    pub file: String,
    /// Bytes that were moved.
    pub bytes: u64,
    /// Bytes there are to move.
    pub total: u64,
    /// Bytes per second of late.
    pub rate: u64,
}

/// A [`RunResult`] without what was written, which the log has already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ran {
    /// Which result of the job, counted from 0.
    pub run: u32,
    /// The command as it was asked.
    pub command: String,
    /// How it ended.
    pub exit: Exit,
    /// How long it took.
    pub duration: Duration,
    /// Whether it ran on a connection that an earlier job had opened.
    pub session_reused: bool,
    /// What was moved, if it was a transfer and no command.
    pub moved: Option<Box<Moved>>,
    /// What is kept of standard output.
    pub stdout: Captured,
    /// What is kept of standard error.
    pub stderr: Captured,
}

/// How much of a stream its result keeps, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// At its beginning.
    pub head: u64,
    /// At its end, where the middle was cut out.
    pub tail: u64,
    /// Of all that was written.
    pub total: u64,
}

impl Event {
    /// The number before the first event of an attempt. Each has numbers of its own, so that nobody needs to know how far
    /// the one before came; what JavaScript counts with is enough for two million of them.
    pub(crate) fn before(attempt: u32) -> u64 {
        u64::from(attempt.saturating_sub(1)) << 32
    }

    /// The note that an attempt begins which is not the first.
    pub(crate) fn again(attempt: u32) -> Self {
        Self { number: Self::before(attempt), at: clock::now(), what: Happening::Again { attempt } }
    }

    /// Bytes that it holds, besides a few.
    pub(crate) fn size(&self) -> usize {
        match &self.what {
            Happening::Output { bytes, .. } => bytes.len(),
            Happening::Progress(progress) => progress.size(),
            Happening::Ran(ran) => ran.command.len(),
            Happening::Cut { .. } | Happening::Again { .. } => 0,
        }
    }
}

impl Progress {
    /// Bytes that it takes in a log: there may be many, so that its figures count.
    pub(crate) fn size(&self) -> usize {
        self.file.len() + 64
    }
}

impl Ran {
    pub(crate) fn new(run: u32, result: &RunResult) -> Self {
        let RunResult { command, exit, stdout, stderr, duration, session_reused, moved, parsed: _, launched: _ } =
            result;
        Self {
            run,
            command: command.clone(),
            exit: exit.clone(),
            duration: *duration,
            session_reused: *session_reused,
            moved: moved.clone(),
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }

    /// The result again, from what the log has of both streams from their beginning on.
    pub(crate) fn result(self, stdout: &[u8], stderr: &[u8]) -> RunResult {
        let Self { command, exit, duration, session_reused, moved, .. } = self;
        let (stdout, stderr) = (self.stdout.of(stdout), self.stderr.of(stderr));
        RunResult { command, exit, stdout, stderr, duration, session_reused, moved, parsed: None, launched: None }
    }
}

impl Captured {
    /// This much of what was logged. Where the log was cut, the tail is missing.
    fn of(self, logged: &[u8]) -> Output {
        let length = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(logged.len());
        let is_whole = logged.len() as u64 >= self.total;
        let (head, tail) = (&logged[..length(self.head)], if is_whole { length(self.tail) } else { 0 });
        let tail = &logged[logged.len() - tail..];
        let omitted = self.total.saturating_sub((head.len() + tail.len()) as u64);
        Output { head: head.into(), tail: tail.into(), omitted }
    }
}

impl From<&Output> for Captured {
    fn from(output: &Output) -> Self {
        Self { head: output.head.len() as u64, tail: output.tail.len() as u64, total: output.total() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_result_comes_back_from_the_log(bytes in prop::collection::vec(any::<u8>(), 0..40), half in 1..15_usize) {
            let cut = bytes.len() > 2 * half;
            let (head, tail) = if cut { (&bytes[..half], &bytes[bytes.len() - half..]) } else { (&*bytes, &[][..]) };
            let omitted = if cut { bytes.len() - 2 * half } else { 0 } as u64;
            let stdout = Output { head: head.into(), tail: tail.into(), omitted };
            let result = RunResult {
                command: "c".into(),
                exit: Exit::Status(1),
                stdout: stdout.clone(),
                stderr: Output::default(),
                duration: Duration::from_millis(3),
                session_reused: true,
                moved: None,
            parsed: None,
            launched: None,
            };
            prop_assert_eq!(&Ran::new(0, &result).result(&bytes, b""), &result);
            let logged = &bytes[..bytes.len() / 2];
            let again = Ran::new(0, &result).result(logged, b"").stdout;
            prop_assert_eq!(again.total(), stdout.total());
            prop_assert!(logged.starts_with(&again.head));
        }
    }
}
