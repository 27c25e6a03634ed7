//! A folder with all that is in it.

mod download;
mod links;
mod upload;

use super::compare::{Pair, Same};
use super::walk::{Contents, Item};
use super::work::{OneFile, Work};
use crate::{Compare, FileKind};
use futures::stream::{FuturesUnordered, StreamExt};
use hostler_model::{Direction, ErrorKind, Failure, Moved, NotMoved};
use std::collections::{HashSet, VecDeque};

/// Files that are moved at once, and other things that are asked for at once. Each costs a few round trips, so that one
/// after the other would leave the link idle.
const FILES: usize = 64;

/// Things that could not be moved and are named at most.
const MAX_FAILURES: usize = 1000;

/// Warnings at most.
const MAX_WARNINGS: usize = 100;

impl Work {
    /// How many files are moved at once: fewer if the server opens few.
    fn files_at_once(&self) -> usize {
        let handles = self.client.limits().handles.and_then(|handles| usize::try_from(handles).ok());
        // Half of them, since each may need another one to look at what it has written.
        handles.map_or(FILES, |handles| (handles / 2).clamp(1, FILES))
    }

    /// Bytes that must be free before anything is moved: those of all files, unless some of them may be there already.
    /// Each file has a check of its own.
    fn room_for(&self, contents: &Contents) -> u64 {
        let all_new = self.transfer.compare == Compare::Never && !self.transfer.resume;
        if all_new { contents.size() } else { 0 }
    }

    /// Moves those of the files that have a place and are not the same already.
    async fn move_files<'a>(
        &self,
        files: &'a [Item],
        pair: impl Fn(&Item) -> Pair,
        tally: &mut Tally<'a>,
    ) -> Result<(), Failure> {
        let placed: Vec<_> = files.iter().filter(|file| tally.has_place(file)).collect();
        let pairs: Vec<_> = placed.iter().map(|file| pair(file)).collect();
        let same = self.same(&pairs).await?;
        let mut waiting: VecDeque<_> = placed.into_iter().zip(pairs).zip(same).collect();
        let moved = waiting.iter().filter(|(_, same)| same.is_none());
        self.meter.foresee(moved.filter_map(|((file, _), _)| file.attributes.size).sum());
        let (most, mut moving) = (self.files_at_once(), FuturesUnordered::new());
        loop {
            while moving.len() < most
                && let Some(((file, pair), same)) = waiting.pop_front()
            {
                moving.push(self.move_file(file, pair, same));
            }
            let Some((file, outcome)) = moving.next().await else { return Ok(()) };
            tally.file(file, outcome)?;
        }
    }

    async fn move_file<'a>(
        &self,
        file: &'a Item,
        pair: Pair,
        same: Option<Same>,
    ) -> (&'a Item, Result<OneFile, Failure>) {
        let outcome = match (same, self.transfer.direction) {
            (Some(same), _) => self.leave_alone(&pair, same).await,
            (None, Direction::Upload) => self.upload_file(&pair.local, &pair.remote).await,
            (None, Direction::Download) => self.download_file(&pair.remote, &pair.local, Some(&pair.source)).await,
        };
        (file, outcome)
    }
}

/// What became of a folder until now.
struct Tally<'a> {
    moved: Moved,
    /// Folders that are not there on the other side, so that nothing can be put into them.
    lost: HashSet<&'a str>,
}

impl<'a> Tally<'a> {
    fn new(work: &Work, unmoved: Vec<NotMoved>) -> Self {
        let mut tally = Self { moved: work.moved(), lost: HashSet::new() };
        for NotMoved { path, reason } in unmoved {
            tally.failed(path, reason);
        }
        tally
    }

    fn failed(&mut self, path: String, reason: String) {
        self.moved.failed += 1;
        if self.moved.failures.len() < MAX_FAILURES {
            self.moved.failures.push(NotMoved { path, reason });
        }
    }

    /// One thing could not be moved. Fails if that is the end of all.
    fn refused(&mut self, item: &Item, failure: Failure) -> Result<(), Failure> {
        if ends_all(&failure) {
            return Err(failure);
        }
        self.failed(item.path.clone(), failure.message);
        Ok(())
    }

    /// The same of a folder.
    fn lose(&mut self, folder: &'a Item, failure: Failure) -> Result<(), Failure> {
        self.lost.insert(&folder.path);
        self.refused(folder, failure)
    }

    /// Whether the folder that it is in is there; if not, that is entered.
    fn has_place(&mut self, item: &'a Item) -> bool {
        let lost = item.parent().is_some_and(|parent| self.lost.contains(parent));
        if lost {
            if item.attributes.kind == FileKind::Folder {
                self.lost.insert(&item.path);
            }
            self.failed(item.path.clone(), "The folder that it is in could not be made.".into());
        }
        !lost
    }

    /// Files of one folder have the same warnings, which are told once.
    fn warn(&mut self, warning: String) {
        let warnings = &mut self.moved.warnings;
        if warnings.len() < MAX_WARNINGS && !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    fn file(&mut self, item: &Item, outcome: Result<OneFile, Failure>) -> Result<(), Failure> {
        let file = match outcome {
            Ok(file) => file,
            Err(failure) => return self.refused(item, failure),
        };
        let moved = &mut self.moved;
        *if file.skipped { &mut moved.skipped } else { &mut moved.files } += 1;
        moved.bytes += file.bytes;
        moved.total += file.total;
        moved.resumed += file.resumed;
        moved.atomic &= file.atomic;
        if let Some(why) = file.restarted {
            moved.restarted.get_or_insert_with(|| format!("`{}`: {why}", item.path));
        }
        file.warnings.into_iter().for_each(|warning| self.warn(warning));
        Ok(())
    }
}

impl Contents {
    /// Content of all files together, in bytes.
    fn size(&self) -> u64 {
        self.files.iter().filter_map(|file| file.attributes.size).fold(0, u64::saturating_add)
    }
}

/// Whether the rest of a transfer cannot go on after this failure of one of its parts.
pub(super) fn ends_all(failure: &Failure) -> bool {
    use ErrorKind::{Canceled, ConnectionLost, Lost, Protocol, Timeout};
    matches!(failure.kind, ConnectionLost | Timeout | Canceled | Protocol | Lost)
}
