//! How a detached task is looked at for nobody in particular, and what webhooks are told of it then.

use super::Jobs;
use super::launch::{Launch, lost, never_ran};
use super::tasks::sight;
use crate::store::tasks::is_open;
use crate::store::{KeptTask, Piece, Sight, Telling};
use crate::{clock, failures, supervisor};
use hostler_model::{Failure, JobId};
use hostler_plugins::TaskLog;

/// Bytes of a log that one letter has. Receivers commonly take letters of up to 1 MiB.
const PIECE: u64 = 256 << 10;

/// An offset behind every log: how a task is, and nothing that it wrote.
const BEHIND: u64 = u64::MAX >> 2;

impl Jobs {
    /// Asks the target how a task is, for nobody in particular, and tells the task's webhooks, if it is time to.
    pub(crate) async fn check_task(&self, kept: &KeptTask, is_told: bool) -> Result<(), Failure> {
        // What is told of it is the error of its job, which is about to be stored.
        if self.is_failing(&kept.task).await? {
            return Ok(());
        }
        let telling = kept.telling.filter(|_| is_told);
        let sight = match self.launch(&kept.task).await? {
            Launch::Awaited => Sight::new(clock::now()),
            Launch::Never => lost(),
            Launch::Done if never_ran(&kept.task) => Sight { piece: telling.map(nothing_more), ..lost() },
            // What it wrote since the last letter cannot be read any more.
            Launch::Done if kept.sealed.is_none() => {
                let piece = telling.map(|telling| Piece { completed: false, ..nothing_more(telling) });
                Sight { piece, ..Sight::new(clock::now()) }
            }
            Launch::Done => match self.ask(kept, telling).await {
                Ok(sight) => sight,
                Err(failure) => {
                    tracing::info!(task = %kept.task.id, kind = %failure.kind, "a detached task could not be asked about");
                    Sight::new(clock::now())
                }
            },
        };
        let next_at = sight.next_at.or(is_told.then(|| sight.at + supervisor::interval(&kept.task)));
        self.saw(&kept.task.id, Sight { next_at, ..sight }).await.map(drop)
    }

    async fn ask(&self, kept: &KeptTask, telling: Option<Telling>) -> Result<Sight, Failure> {
        // Where only the end is told, the log is read when that has come.
        let telling = telling.filter(|telling| telling.output || !is_open(kept.task.state));
        let (id, caller) = (JobId::new(), &kept.task.caller);
        let prepare = |request| self.plugins.prepare_visit(id, caller, request);
        let prepared = self.with_credential(id, caller, self.request(kept)?, prepare).await;
        let visit = self.enter(prepared.map_err(failures::rejected)?, kept).await?;
        let from = telling.map_or(BEHIND, |telling| telling.offset);
        let read = visit.read_task(&kept.task.id, from, PIECE, kept.elevated.as_ref()).await;
        visit.leave().await;
        let TaskLog { seen, output, next_offset, completed } = read?;
        let sight = sight(seen.as_ref());
        let Some(telling) = telling else { return Ok(sight) };
        let is_last = completed || !telling.output || output.is_empty();
        let has_ended = sight.state.is_some_and(|state| !is_open(state));
        let is_behind = next_offset - from.min(next_offset) > PIECE / 2;
        let next_at = is_behind.then_some(sight.at);
        let piece = (has_ended || !output.is_empty()).then_some(Piece {
            offset: from,
            output,
            next_offset,
            completed,
            is_last,
        });
        Ok(Sight { next_at, piece, ..sight })
    }
}

/// The piece after the last one.
fn nothing_more(Telling { offset, .. }: Telling) -> Piece {
    Piece { offset, output: Vec::new(), next_offset: offset, completed: true, is_last: true }
}
