//! A file of the daemon that is read.

use super::work::{failed, is_folder};
use crate::blocking::blocking;
use bytes::Bytes;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Phase};
use rustix::buffer::spare_capacity;
use rustix::fs::OFlags;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// Bytes that are read at once.
const BLOCK: u64 = 1 << 20;

/// A regular file, open, and what was known about it then.
#[derive(Clone)]
pub(super) struct Source {
    file: Arc<File>,
    shown: Arc<str>,
    pub(super) size: u64,
    /// The lower twelve bits of its mode.
    pub(super) mode: u32,
    /// When it changed last: seconds since 1970, and nanoseconds.
    pub(super) modified: (i64, i64),
    /// Which file it is, and when anything about it changed last: nobody sets that time, as they do the other one.
    pub(super) identity: Arc<str>,
}

impl Source {
    /// Opens a file below `root`. Links are followed as long as they stay there.
    pub(super) async fn open(root: Arc<Dir>, path: &Path, shown: &str) -> Result<Self, Failure> {
        let path = path.to_owned();
        let opening = blocking(Phase::Transfer, move || {
            // Without that flag, opening a pipe would wait for somebody who writes.
            let flags = OFlags::NONBLOCK.bits().cast_signed();
            let file = root.open_with(path, OpenOptions::new().read(true).custom_flags(flags))?.into_std();
            let metadata = file.metadata()?;
            io::Result::Ok((file, metadata))
        });
        let (file, metadata) = opening.await?.map_err(|error| unreadable(shown, &error))?;
        if metadata.is_dir() {
            return Err(is_folder(shown));
        }
        if !metadata.is_file() {
            return Err(failed(format!("`{shown}` is a device, a pipe or a socket: name a file.")));
        }
        if metadata.len() == 0 && rustix::io::pread(&file, &mut [0], 0).is_ok_and(|size| size > 0) {
            return Err(failed(format!("`{shown}` does not tell its size, as files of /proc do: copy it first.")));
        }
        Ok(Self {
            file: Arc::new(file),
            shown: shown.into(),
            size: metadata.len(),
            mode: metadata.mode() & 0o7777,
            modified: modified(&metadata),
            identity: identity(&metadata).into(),
        })
    }

    /// Reads from `from` to the end, in blocks of which each holds a number of whole requests but the last.
    pub(super) fn blocks(&self, from: u64, request: u32) -> Blocks {
        let request = u64::from(request);
        let size = (BLOCK / request).max(1) * request;
        let mut blocks = Blocks { source: self.clone(), at: from, size, next: None };
        blocks.read_ahead();
        blocks
    }

    /// Exactly these bytes. Blocks the thread.
    pub(super) fn read(&self, range: Range<u64>) -> Result<Bytes, Failure> {
        let size = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut block = Vec::with_capacity(size);
        while block.len() < size {
            let at = range.start + block.len() as u64;
            match rustix::io::pread(&self.file, spare_capacity(&mut block), at) {
                Ok(0) => return Err(self.changed()),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(unreadable(&self.shown, &error.into())),
            }
        }
        block.truncate(size);
        Ok(block.into())
    }

    /// Fails if somebody has written to the file since it was opened.
    fn is_as_it_was(&self) -> Result<(), Failure> {
        let now = self.file.metadata().map_err(|error| unreadable(&self.shown, &error))?;
        if (now.len(), modified(&now)) == (self.size, self.modified) { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> Failure {
        failed(format!("`{}` changed while it was read: try again when nobody writes to it.", self.shown))
    }
}

/// The content of a source, read one block ahead. No thread waits for whoever takes them: a slow server could else hold
/// all that there are.
pub(super) struct Blocks {
    source: Source,
    /// Where the next one begins that is not being read yet.
    at: u64,
    size: u64,
    next: Option<BoxFuture<'static, Result<Result<Bytes, Failure>, Failure>>>,
}

impl Blocks {
    /// The next block, while there is one. If the file is not what it was when it was opened, that is an error at the
    /// latest when the last one is read.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(block) = self.next.take() else { return Ok(None) };
        let block = block.await??;
        self.read_ahead();
        Ok(Some(block))
    }

    fn read_ahead(&mut self) {
        let (at, end) = (self.at, self.source.size.min(self.at + self.size));
        if at < end {
            let source = self.source.clone();
            self.next = Some(blocking(Phase::Transfer, move || {
                let block = source.read(at..end)?;
                if end == source.size {
                    source.is_as_it_was()?;
                }
                Ok(block)
            }));
            self.at = end;
        }
    }
}

/// Why a file of the daemon cannot be used.
pub(super) fn unreadable(shown: &str, error: &io::Error) -> Failure {
    let (kind, message) = match error.kind() {
        io::ErrorKind::NotFound => {
            (ErrorKind::NotFound, format!("The daemon has no `{shown}`: check the path and its folders."))
        }
        io::ErrorKind::PermissionDenied => (
            ErrorKind::PermissionDenied,
            format!("The daemon may not use its `{shown}`: check owner and mode, and where its links lead."),
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
            ErrorKind::TransferFailed,
            format!("The daemon's disk has no room for `{shown}`: make some, or move less."),
        ),
        _ => (ErrorKind::TransferFailed, format!("The daemon cannot use its `{shown}`: {error}.")),
    };
    Failure::new(kind, Phase::Transfer, message).with_detail(error)
}

fn identity(metadata: &Metadata) -> String {
    format!("{} {} {}.{}", metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

fn modified(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}
