//! The daemon's own work with detached tasks: whoever may launch them may have them looked at and stopped.

use super::{Ran, Visit, not_done};
use crate::action::Action;
use hostler_model::{Elevated, ErrorKind, Failure, Phase, TaskId};
use hostler_remote::{Elevation, TaskCall, TaskSeen, TaskStatus};
use std::time::Duration;

/// A part of a task's log, scrubbed, and the task as it was right before.
pub struct TaskLog {
    /// The task; none if the target has none of that name.
    pub seen: Option<TaskSeen>,
    /// The part.
    pub output: Vec<u8>,
    /// The byte of the log that comes next.
    pub next_offset: u64,
    /// Whether the task has ended and this is the end of its log.
    pub completed: bool,
}

impl Visit {
    /// How a task is, and its log from this byte on, at most so many bytes. The part ends neither inside what may be a
    /// secret of this request, nor inside a character of UTF-8, unless nothing follows.
    pub async fn read_task(
        &self,
        id: &TaskId,
        offset: u64,
        most: u64,
        elevated: Option<&Elevated>,
    ) -> Result<TaskLog, Failure> {
        let scrubber = &self.context.scrubber;
        let before = offset.min(scrubber.reach() as u64);
        let call = TaskCall::read(id, offset - before, most + before, self.elevation(elevated)?, self.patience());
        let ran = self.call(&call, "read").await?;
        let (seen, log) = call.answer(&ran.stdout).map_err(|failure| not_done(failure, &ran))?;
        let Some(seen) = seen.into_iter().next() else {
            return Ok(TaskLog { seen: None, output: Vec::new(), next_offset: offset, completed: true });
        };
        let from = usize::try_from(before).unwrap_or(usize::MAX).min(log.len());
        let has_ended = seen.status != TaskStatus::Running;
        let is_whole = has_ended && offset - before + log.len() as u64 >= seen.size;
        let (_, end) = scrubber.window(log, from, is_whole);
        let end = if is_whole { end } else { from + whole_characters(&log[from..end]) };
        let (output, _) = scrubber.window(&log[..end], from, true);
        let next_offset = if offset > seen.size { seen.size } else { offset + (end - from) as u64 };
        Ok(TaskLog { output, next_offset, completed: is_whole, seen: Some(seen) })
    }

    /// Stops a task; answers how it is then, or `None` if the target has none of that name.
    pub async fn kill_task(&self, id: &TaskId, elevated: Option<&Elevated>) -> Result<Option<TaskSeen>, Failure> {
        let call = TaskCall::kill(id, self.elevation(elevated)?, self.patience());
        let ran = self.call(&call, "kill").await?;
        let (seen, _) = call.answer(&ran.stdout).map_err(|failure| not_done(failure, &ran))?;
        let seen = seen.into_iter().next();
        if seen.as_ref().is_some_and(|seen| seen.status == TaskStatus::Running) {
            let message = "The task was sent TERM and KILL, and something of it still runs: look at the target.";
            return Err(Failure::new(ErrorKind::Timeout, Phase::Exec, message));
        }
        Ok(seen)
    }

    /// The tasks of the user who logged in.
    pub async fn list_tasks(&self) -> Result<Vec<TaskSeen>, Failure> {
        let call = TaskCall::list(self.patience());
        let ran = self.call(&call, "list").await?;
        let (mut seen, _) = call.answer(&ran.stdout).map_err(|failure| not_done(failure, &ran))?;
        for task in &mut seen {
            task.about = task.about.take().map(|about| self.context.scrubber.text(&about));
        }
        Ok(seen)
    }

    async fn call(&self, call: &TaskCall, what: &'static str) -> Result<Ran, Failure> {
        self.context.admit(&Action::Tend(what)).await?;
        self.run(call.exec.clone()).await
    }

    fn patience(&self) -> Duration {
        self.context.deadline.time
    }

    fn elevation(&self, elevated: Option<&Elevated>) -> Result<Option<Elevation>, Failure> {
        let Some(Elevated { user, secret }) = elevated else { return Ok(None) };
        let password = secret.as_ref().map(|path| {
            let message = "The request does not hold the password any more with which the task was launched.";
            let gone = || Failure::new(ErrorKind::NotFound, Phase::Exec, message);
            self.context.secrets.get(path).cloned().ok_or_else(gone)
        });
        Ok(Some(Elevation { user: user.clone(), password: password.transpose()? }))
    }
}

/// How many bytes are whole characters, or none of UTF-8.
fn whole_characters(bytes: &[u8]) -> usize {
    let start = bytes.len().saturating_sub(4);
    // The last byte that begins a character, if the character goes on behind the end.
    for at in (start..bytes.len()).rev() {
        let wanted = match bytes[at] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => 1,
        };
        return if at + wanted > bytes.len() { at } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_shown_as_a_whole() {
        for (bytes, whole) in [
            (&b"abc"[..], 3),
            (b"", 0),
            ("aä".as_bytes(), 3),
            (&"aä".as_bytes()[..2], 1),
            (&"a\u{1f600}".as_bytes()[..4], 1),
            (b"a\xff", 2),
            (b"\x80\x80\x80\x80\x80", 5),
        ] {
            assert_eq!(whole_characters(bytes), whole, "{bytes:?}");
        }
    }
}
