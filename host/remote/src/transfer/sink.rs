//! A file of the daemon that is written.

use super::Transfer;
use super::source::unreadable;
use super::work::exists;
use crate::blocking::blocking;
use bytes::Bytes;
use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt};
use futures::future::BoxFuture;
use hostler_model::{Failure, Phase};
use rustix::fs::OFlags;
use std::fs::{File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Bytes that are written at once, unless it is the end.
const BLOCK: usize = 1 << 20;

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
    /// Whether it may replace what is there.
    overwrite: bool,
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
    /// Opens `path` below the transfer's root, whose content is to become that of `target`.
    pub(super) async fn open(
        transfer: &Transfer,
        path: PathBuf,
        target: PathBuf,
        opening: Opening,
        shown: &str,
        keep: bool,
    ) -> Result<Self, Failure> {
        let (root, overwrite) = (transfer.local.root.clone(), transfer.overwrite);
        let (folder, name) = (root.clone(), path.clone());
        let file = blocking(Phase::Transfer, move || {
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
        .await?
        .map_err(|error| if path == target { unwritable(shown, &error) } else { unreadable(shown, &error) })?;
        Ok(Self { root, path, target, shown: shown.to_owned(), file: Arc::new(file), overwrite, keep })
    }

    /// Takes pieces in their order, from byte `from` on.
    pub(super) fn fill(&self, from: u64) -> Filling<'_> {
        Filling { sink: self, at: from, waiting: Vec::new(), size: 0, writing: None }
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
        let (path, target, overwrite) = (self.path.clone(), self.target.clone(), self.overwrite);
        let finishing = blocking(Phase::Transfer, move || {
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
                let (there, ours) = (root.symlink_metadata(&path)?, file.metadata()?);
                if (there.dev(), there.ino()) != (ours.dev(), ours.ino()) {
                    return Err(io::Error::other("somebody replaced its part file"));
                }
                if overwrite {
                    root.rename(&path, &root, &target)?;
                } else {
                    // Unlike renaming, this replaces nothing that came to be there meanwhile.
                    root.hard_link(&path, &root, &target)?;
                    root.remove_file(&path)?;
                }
            }
            if durable {
                root.open(folder_of(&target))?.sync_all()?;
            }
            Ok(())
        });
        finishing.await?.map_err(|error| unwritable(&self.shown, &error))?;
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

/// Pieces on their way to the disk. No thread waits for them to come: a slow server could else hold all that there are.
pub(super) struct Filling<'a> {
    sink: &'a Sink,
    /// Where the first that waits belongs.
    at: u64,
    waiting: Vec<Bytes>,
    /// Bytes that wait.
    size: usize,
    writing: Option<BoxFuture<'static, Result<io::Result<()>, Failure>>>,
}

impl Filling<'_> {
    /// Adds a piece.
    pub(super) async fn put(&mut self, piece: Bytes) -> Result<(), Failure> {
        self.size += piece.len();
        self.waiting.push(piece);
        if self.size >= BLOCK { self.write().await } else { Ok(()) }
    }

    /// Waits until all pieces are written.
    pub(super) async fn end(mut self) -> Result<(), Failure> {
        self.write().await?;
        self.written().await
    }

    /// Begins to write what waits, once what came before it is written.
    async fn write(&mut self) -> Result<(), Failure> {
        self.written().await?;
        let (file, pieces, mut at) = (self.sink.file.clone(), std::mem::take(&mut self.waiting), self.at);
        self.at += std::mem::take(&mut self.size) as u64;
        self.writing = Some(blocking(Phase::Transfer, move || {
            for piece in pieces {
                file.write_all_at(&piece, at)?;
                at += piece.len() as u64;
            }
            Ok(())
        }));
        Ok(())
    }

    async fn written(&mut self) -> Result<(), Failure> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        writing.await?.map_err(|error| unreadable(&self.sink.shown, &error))
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

/// Why a target cannot be written.
fn unwritable(shown: &str, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::AlreadyExists { exists(shown) } else { unreadable(shown, error) }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
