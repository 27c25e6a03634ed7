//! Which staged files there are, and how much room they take.

use super::StagedFile;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// Files that are kept at once, so that very many small ones have a limit, too.
const MAX_FILES: usize = 100_000;

/// See the module. Ids sort by the time of completion.
pub(super) struct Shelf {
    files: BTreeMap<Uuid, StagedFile>,
    /// Bytes of `files`.
    kept: u64,
    /// Bytes of files that are still being written.
    writing: u64,
    max_total: u64,
}

impl Shelf {
    pub(super) fn new(max_total: u64) -> Self {
        Self { files: BTreeMap::new(), kept: 0, writing: 0, max_total }
    }

    pub(super) fn get(&self, id: Uuid) -> Option<StagedFile> {
        self.files.get(&id).cloned()
    }

    /// Adds a file, and answers those that make way for it.
    pub(super) fn put(&mut self, about: StagedFile) -> Vec<Uuid> {
        self.kept += about.size;
        self.files.insert(about.id, about);
        self.make_way()
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Option<StagedFile> {
        let about = self.files.remove(&id)?;
        self.kept -= about.size;
        Some(about)
    }

    /// Takes room for so many bytes of a file that is being written, and answers the files that make way for them.
    /// `None`: there is no room, because others are being written.
    pub(super) fn claim(&mut self, bytes: u64) -> Option<Vec<Uuid>> {
        if bytes > self.max_total.saturating_sub(self.writing) {
            return None;
        }
        self.writing += bytes;
        Some(self.make_way())
    }

    /// The same file, now whole.
    pub(super) fn complete(&mut self, claimed: u64, about: StagedFile) -> Vec<Uuid> {
        self.release(claimed);
        self.put(about)
    }

    /// Gives back what was claimed.
    pub(super) fn release(&mut self, bytes: u64) {
        self.writing -= bytes;
    }

    /// Takes out the files whose time is over.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<Uuid> {
        self.take_out(|about| about.expires_at <= now)
    }

    /// Takes out a file that came for a job which has ended.
    pub(super) fn used(&mut self, id: Uuid) -> Option<Uuid> {
        self.files.get(&id).filter(|about| about.once)?;
        self.remove(id).map(|about| about.id)
    }

    /// Takes out the files that came for jobs which are none of these.
    pub(super) fn keep_for(&mut self, open: &HashSet<Uuid>) -> Vec<Uuid> {
        self.take_out(|about| about.once && !open.contains(&about.id))
    }

    fn take_out(&mut self, goes: impl Fn(&StagedFile) -> bool) -> Vec<Uuid> {
        let out: Vec<Uuid> = self.files.values().filter(|about| goes(about)).map(|about| about.id).collect();
        for &id in &out {
            self.remove(id);
        }
        out
    }

    /// The oldest go first.
    fn make_way(&mut self) -> Vec<Uuid> {
        let mut gone = Vec::new();
        while self.kept + self.writing > self.max_total || self.files.len() > MAX_FILES {
            let Some((id, about)) = self.files.pop_first() else { break };
            self.kept -= about.size;
            gone.push(id);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_files_have_a_limit_too() {
        let mut shelf = Shelf::new(1);
        let mut put = || {
            let (id, at) = (Uuid::now_v7(), Timestamp::UNIX_EPOCH);
            let about = StagedFile {
                id,
                name: "x".into(),
                owner: "o".into(),
                once: false,
                size: 0,
                sha256: String::new(),
                created_at: at,
                expires_at: at,
            };
            (id, shelf.put(about))
        };
        let (first, _) = put();
        assert!((1..MAX_FILES).all(|_| put().1.is_empty()));
        assert_eq!(put().1, [first]);
    }
}
