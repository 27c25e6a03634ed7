//! A file of the daemon that is written.

use super::source::{blocking, unreadable};
use bytes::Bytes;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use hostler_model::Failure;
use rustix::fs::OFlags;
use std::fs::{File, FileTimes, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Pieces that wait to be written.
const WAITING: usize = 8;

/// What is written to: the target, or a part file beside it. A part is removed if this is dropped before it took the
/// target's place, unless it is to be kept.
pub(super) struct Sink {
    root: Arc<Dir>,
    /// What is written to.
    path: PathBuf,
    /// Where it ends up.
    target: PathBuf,
    shown: String,
    file: Arc<File>,
    keep: bool,
}

/// How a file is opened to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// It must not exist.
    New,
    /// It may exist, and loses what it holds.
    Emptied,
    /// It exists, and keeps what it holds.
    AsItIs,
}

impl Sink {
    /// Opens `path` below `root`, whose content is to become that of `target`.
    pub(super) async fn open(
        root: Arc<Dir>,
        path: PathBuf,
        target: PathBuf,
        opening: Opening,
        shown: &str,
        keep: bool,
    ) -> Result<Self, Failure> {
        let (folder, name) = (root.clone(), path.clone());
        let file = blocking(move || {
            let mut options = OpenOptions::new();
            // Nobody but the daemon reads a part, and no link is followed that somebody laid in its place.
            options.write(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
            match opening {
                Opening::New => options.create_new(true),
                Opening::Emptied => options.create(true).truncate(true),
                Opening::AsItIs => &mut options,
            };
            Ok(folder.open_with(name, &options)?.into_std())
        })
        .await
        .map_err(|error| unreadable(shown, &error))?;
        Ok(Self { root, path, target, shown: shown.to_owned(), file: Arc::new(file), keep })
    }

    /// Takes pieces in their order, from byte `from` on, until the sender is dropped; then gives how it went.
    pub(super) fn fill(&self, from: u64) -> (mpsc::Sender<Bytes>, JoinHandle<Result<(), Failure>>) {
        let (pieces, mut waiting) = mpsc::channel::<Bytes>(WAITING);
        let (file, shown) = (self.file.clone(), self.shown.clone());
        let writer = tokio::task::spawn_blocking(move || {
            let mut at = from;
            while let Some(piece) = waiting.blocking_recv() {
                file.write_all_at(&piece, at).map_err(|error| unreadable(&shown, &error))?;
                at += piece.len() as u64;
            }
            Ok(())
        });
        (pieces, writer)
    }

    /// Cuts the file at `size`, gives it its mode and time, and has it take the target's place.
    pub(super) async fn finish(
        mut self,
        size: u64,
        mode: Option<u32>,
        modified: Option<u32>,
        durable: bool,
    ) -> Result<(), Failure> {
        let (file, root) = (self.file.clone(), self.root.clone());
        let (path, target) = (self.path.clone(), self.target.clone());
        let finishing = blocking(move || {
            // In place, there may have been more.
            file.set_len(size)?;
            if let Some(mode) = mode {
                file.set_permissions(Permissions::from_mode(mode))?;
            }
            if let Some(modified) = modified {
                let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(modified.into());
                file.set_times(FileTimes::new().set_modified(modified))?;
            }
            if durable {
                file.sync_all()?;
            }
            if path != target {
                root.rename(&path, &root, &target)?;
            }
            if durable {
                root.open(folder_of(&target))?.sync_all()?;
            }
            Ok(())
        });
        finishing.await.map_err(|error| unreadable(&self.shown, &error))?;
        self.keep = true;
        Ok(())
    }

    /// Its part proved to be wrong, so that no later transfer may go on with it.
    pub(super) fn condemn(&mut self) {
        self.keep = false;
    }

    /// Whether it is the target itself.
    pub(super) fn is_target(&self) -> bool {
        self.path == self.target
    }

    /// What is written to, below the root.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.keep && !self.is_target() {
            // It is one call, and the file may be gone with its folder.
            let _gone = self.root.remove_file(&self.path);
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
