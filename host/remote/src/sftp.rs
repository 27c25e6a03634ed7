//! Files over SFTP version 3 (draft-ietf-secsh-filexfer-02), each session on a channel of its own.

mod failure;

use crate::connection::{Line, NotStarted};
use crate::files::{Attributes, Entry, FileChange, FileKind, Files, Listing, MAX_ENTRIES, MAX_READ};
use crate::subsystem;
use failure::{NONSENSE, PATIENCE, refusal};
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt, stream};
use hostler_model::{ErrorKind, Failure, Phase};
use russh_sftp::client::error::Error;
use russh_sftp::client::{Config, RawSftpSession};
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use failure::{failure, late};

/// Time in which the end of a connection shows, after that of its channels.
const MOMENT: Duration = Duration::from_millis(100);

/// Bytes that one packet asks for: as many as OpenSSH gives. Other servers give fewer.
const READ: u32 = 255 << 10;

/// Bytes that one packet writes: as many as every server must take.
const WRITE: usize = 32 << 10;

/// Packets on their way to be written.
const WRITES: usize = 8;

/// Bytes of names in a listing. [`MAX_ENTRIES`] of the longest that Linux knows fit.
const MAX_NAMES: usize = 4 << 20;

/// The bits of a mode that say what sort of thing it is, and those that are permissions (inode(7)).
const KIND: u32 = 0o170_000;
const PERMISSIONS: u32 = 0o7777;

/// The real files.
pub(crate) struct Sftp {
    line: Arc<Line>,
    session: RawSftpSession,
}

impl Sftp {
    /// Has the server start its SFTP program. Dropping the future leaves no channel behind.
    pub(crate) async fn open(line: Arc<Line>) -> Result<Self, NotStarted> {
        let until = Instant::now() + PATIENCE;
        let stream = subsystem::start(&line, until).await?;
        let config = Config {
            // A reply is not much longer than what it carries.
            max_packet_len: READ + 1024,
            request_timeout_secs: 2 * PATIENCE.as_secs(),
            ..Config::default()
        };
        let sftp = Self { line, session: RawSftpSession::new_with_config(stream, config) };
        match timeout_at(until, sftp.session.init()).await {
            Ok(Ok(_)) => Ok(sftp),
            Ok(Err(error)) => Err(sftp.broken(&error).await.into()),
            Err(_) => Err(late().into()),
        }
    }

    /// Does what `work` asks for, in time, and puts what the server says of `path` into our words.
    async fn within<T>(&self, path: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match timeout(PATIENCE, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Error::Status(status))) => Err(refusal(&self.line.user, path, &status)),
            Ok(Err(error)) => Err(self.broken(&error).await),
            Err(_) => Err(late()),
        }
    }

    /// Why the talk itself came to an end.
    async fn broken(&self, error: &Error) -> Failure {
        if self.line.closing.is_cancelled() {
            failure(ErrorKind::InvalidRequest, "The session is closed: connect again.").with_detail(error)
        } else if timeout(MOMENT, self.line.notes.ended.cancelled()).await.is_ok() {
            self.line.notes.lost(Phase::Transfer)
        } else {
            failure(ErrorKind::Protocol, NONSENSE).with_detail(error)
        }
    }

    async fn entries(&self, folder: &str) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let mut room = MAX_NAMES;
        loop {
            let files = match self.session.readdir(folder).await {
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => return Ok(listing),
                answer => answer?.files,
            };
            for file in files {
                let name = file.filename;
                if name == "." || name == ".." {
                    continue;
                }
                if listing.entries.len() == MAX_ENTRIES || name.len() > room {
                    listing.cut = true;
                    return Ok(listing);
                }
                room -= name.len();
                // The library puts that character where the bytes are not UTF-8.
                if name.is_empty() || name.contains(['/', '\0', char::REPLACEMENT_CHARACTER]) {
                    listing.unnameable += 1;
                } else {
                    listing.entries.push(Entry { name, attributes: file.attrs.into() });
                }
            }
        }
    }

    async fn content(&self, file: &str, offset: u64, size: u32) -> Result<Vec<u8>, Error> {
        let (mut content, mut missing) = (Vec::new(), size);
        while missing > 0 {
            let offset = offset.saturating_add(u64::from(size - missing));
            let mut piece = match self.session.read(file, offset, missing.min(READ)).await {
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => break,
                answer => answer?.data,
            };
            piece.truncate(missing as usize);
            if piece.is_empty() {
                break;
            }
            missing -= u32::try_from(piece.len()).unwrap_or(missing);
            content.append(&mut piece);
        }
        Ok(content)
    }

    /// Opening a pipe would hold the server's program up until somebody opens its other end.
    async fn is_plain(&self, path: &str) -> Result<(), Failure> {
        let attributes = match self.stat(path).await {
            Err(missing) if missing.kind == ErrorKind::NotFound => return Ok(()),
            answer => answer?,
        };
        if attributes.kind == FileKind::Other {
            let message = format!("`{path}` is a device, a pipe or a socket: name a file.");
            return Err(failure(ErrorKind::TransferFailed, message));
        }
        Ok(())
    }
}

impl Files for Sftp {
    fn stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Attributes, Failure>> {
        self.within(path, async move { Ok(self.session.stat(path).await?.attrs.into()) }).boxed()
    }

    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Listing, Failure>> {
        self.within(path, async move {
            let folder = self.session.opendir(path).await?.handle;
            let listing = self.entries(&folder).await;
            self.session.close(folder).await?;
            listing
        })
        .boxed()
    }

    fn read<'a>(&'a self, path: &'a str, offset: u64, size: u32) -> BoxFuture<'a, Result<Vec<u8>, Failure>> {
        async move {
            if size > MAX_READ {
                let message = format!("{size} bytes are more than one call reads: ask for {MAX_READ} at most.");
                return Err(failure(ErrorKind::Limit, message));
            }
            self.is_plain(path).await?;
            let reading = async {
                let file = self.session.open(path, OpenFlags::READ, FileAttributes::empty()).await?.handle;
                let content = self.content(&file, offset, size).await;
                self.session.close(file).await?;
                content
            };
            self.within(path, reading).await
        }
        .boxed()
    }

    fn write<'a>(&'a self, path: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            self.is_plain(path).await?;
            let writing = async {
                let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
                let file = &self.session.open(path, flags, FileAttributes::empty()).await?.handle;
                let pieces = (0..).step_by(WRITE).zip(content.chunks(WRITE)).map(Ok);
                let written = stream::iter(pieces)
                    .try_for_each_concurrent(WRITES, |(offset, piece)| async move {
                        self.session.write(file, offset, piece.to_vec()).await.map(drop)
                    })
                    .await;
                let closed = self.session.close(file).await.map(drop);
                written.and(closed)
            };
            self.within(path, writing).await
        }
        .boxed()
    }

    fn change<'a>(&'a self, change: &'a FileChange) -> BoxFuture<'a, Result<(), Failure>> {
        let session = &self.session;
        let changing = async move {
            match change {
                FileChange::Remove { path } => session.remove(path).await,
                FileChange::Rename { path, to } => session.rename(path, to).await,
                FileChange::MakeFolder { path } => session.mkdir(path, FileAttributes::empty()).await,
                FileChange::RemoveFolder { path } => session.rmdir(path).await,
                FileChange::SetMode { path, mode } => {
                    let attributes = FileAttributes { permissions: Some(*mode), ..FileAttributes::empty() };
                    session.setstat(path, attributes).await
                }
            }
            .map(drop)
        };
        self.within(change.path(), changing).boxed()
    }
}

impl From<FileAttributes> for Attributes {
    fn from(attributes: FileAttributes) -> Self {
        let kind = match attributes.permissions.unwrap_or_default() & KIND {
            0o100_000 => FileKind::File,
            0o040_000 => FileKind::Folder,
            0o120_000 => FileKind::Link,
            _ => FileKind::Other,
        };
        Self {
            kind,
            size: attributes.size,
            mode: attributes.permissions.map(|mode| mode & PERMISSIONS),
            user: attributes.uid,
            group: attributes.gid,
            modified: attributes.mtime,
        }
    }
}
