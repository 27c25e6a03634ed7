//! Files over SFTP version 3 (draft-ietf-secsh-filexfer-02), each session on a channel of its own.

mod attributes;
mod client;
mod error;
mod failure;
mod file;
mod frames;
mod greeting;
mod packet;
mod reply;
mod table;
#[cfg(test)]
mod tests;

use crate::connection::{Line, NotStarted};
use crate::files::{Attributes, Create, Entry, File, FileChange, FileKind, Files, Listing, MAX_ENTRIES, OpenMode};
use failure::PATIENCE;
use file::OpenFile;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use hostler_model::{ErrorKind, Failure};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::timeout;

pub(crate) use attributes::{FileAttributes, OpenFlags};
pub(crate) use client::{Client, Handle, Unsent};
pub(crate) use error::{Error, Nonsense, StatusCode};
pub(crate) use failure::{failure, late, nonsense, refusal};
pub(crate) use frames::Frames;
pub(crate) use greeting::{Extension, Greeting};
pub(crate) use packet::{Name, Request};
pub(crate) use reply::Reply;
pub(crate) use table::Table;

/// Bytes of names in a listing. [`MAX_ENTRIES`] of the longest that Linux knows fit.
const MAX_NAMES: usize = 4 << 20;

/// Pieces of a listing that are asked for before the first one is there: OpenSSH gives 100 names each time.
const PIECES: usize = 8;

/// The bits of a mode that say what sort of thing it is, and those that are permissions (inode(7)).
const KIND: u32 = 0o170_000;
const PERMISSIONS: u32 = 0o7777;

/// The real files.
pub(crate) struct Sftp {
    line: Arc<Line>,
    client: Client,
}

impl Sftp {
    /// Has the server start its SFTP program. Dropping the future leaves no channel behind.
    pub(crate) async fn open(line: Arc<Line>) -> Result<Self, NotStarted> {
        Ok(Self { client: Client::open(line.clone(), line.closing.clone()).await?, line })
    }

    async fn entries(&self, folder: &Handle) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let mut room = MAX_NAMES;
        let mut asked: VecDeque<_> = (0..PIECES).map(|_| self.client.read_folder(folder)).collect();
        while let Some(piece) = asked.pop_front() {
            let Some(names) = piece.await? else { break };
            asked.push_back(self.client.read_folder(folder));
            for Name { name, attributes } in names {
                if name == b"." || name == b".." {
                    continue;
                }
                if listing.entries.len() == MAX_ENTRIES || name.len() > room {
                    listing.cut = true;
                    return Ok(listing);
                }
                room -= name.len();
                match String::from_utf8(name) {
                    Ok(name) if !name.is_empty() && !name.contains(['/', '\0']) => {
                        listing.entries.push(Entry { name, attributes: attributes.into() });
                    }
                    _ => listing.unnameable += 1,
                }
            }
        }
        Ok(listing)
    }

    async fn opened(&self, path: &str, mode: OpenMode) -> Result<OpenFile, Error> {
        let handle = self.client.open_file(path.as_bytes(), mode.into(), &FileAttributes::default()).await?;
        Ok(OpenFile { line: self.line.clone(), client: self.client.clone(), handle, path: path.into(), mode })
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
        within(&self.line, path, self.client.stat(path.as_bytes())).map_ok(Attributes::from).boxed()
    }

    fn link_stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Attributes, Failure>> {
        within(&self.line, path, self.client.lstat(path.as_bytes())).map_ok(Attributes::from).boxed()
    }

    fn read_link<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<String, Failure>> {
        async move {
            let text = within(&self.line, path, self.client.read_link(path.as_bytes())).await?;
            String::from_utf8(text).map_err(|_| {
                let message = format!("What the link `{path}` leads to is not UTF-8, so it cannot be named here.");
                failure(ErrorKind::Unsupported, message)
            })
        }
        .boxed()
    }

    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Listing, Failure>> {
        let listing = async move {
            let folder = self.client.open_folder(path.as_bytes()).await?;
            let listing = self.entries(&folder).await?;
            self.client.close(folder).await?;
            Ok(listing)
        };
        within(&self.line, path, listing).boxed()
    }

    fn read<'a>(&'a self, path: &'a str, offset: u64, size: u32) -> BoxFuture<'a, Result<Vec<u8>, Failure>> {
        async move {
            file::check_size(size)?;
            self.is_plain(path).await?;
            let reading = async {
                let file = self.opened(path, OpenMode::READ).await?;
                let content = file.content(offset, size as usize).await?;
                file.closed().await?;
                Ok(content)
            };
            within(&self.line, path, reading).await
        }
        .boxed()
    }

    fn write<'a>(&'a self, path: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            self.is_plain(path).await?;
            let writing = async {
                let file = self.opened(path, OpenMode::WRITE).await?;
                file.put(0, content).await?;
                file.closed().await
            };
            within(&self.line, path, writing).await
        }
        .boxed()
    }

    fn open<'a>(&'a self, path: &'a str, mode: OpenMode) -> BoxFuture<'a, Result<Box<dyn File>, Failure>> {
        async move {
            self.is_plain(path).await?;
            Ok(Box::new(within(&self.line, path, self.opened(path, mode)).await?) as Box<dyn File>)
        }
        .boxed()
    }

    fn change<'a>(&'a self, change: &'a FileChange) -> BoxFuture<'a, Result<(), Failure>> {
        let client = &self.client;
        let changing = match change {
            FileChange::Remove { path } => client.remove(path.as_bytes()),
            FileChange::Rename { path, to } => client.rename(path.as_bytes(), to.as_bytes()),
            FileChange::MakeFolder { path } => client.make_folder(path.as_bytes(), None),
            FileChange::RemoveFolder { path } => client.remove_folder(path.as_bytes()),
            FileChange::Link { path, to } => client.symlink(to.as_bytes(), path.as_bytes()),
            FileChange::SetMode { path, mode } => {
                client.setstat(path.as_bytes(), &FileAttributes { mode: Some(*mode), ..FileAttributes::default() })
            }
        };
        within(&self.line, change.path(), changing).boxed()
    }
}

/// Does what `work` asks for, in time, and puts what the server says of `path` into our words.
async fn within<T>(line: &Line, path: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match timeout(PATIENCE, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Error::Status(status))) => Err(refusal(&line.user, path, &status)),
        Ok(Err(Error::Broken(failure))) => Err(failure),
        Err(_) => Err(late()),
    }
}

impl From<OpenMode> for OpenFlags {
    fn from(mode: OpenMode) -> Self {
        let flags = |wanted, flags| if wanted { flags } else { Self::empty() };
        flags(mode.read, Self::READ)
            | flags(mode.write, Self::WRITE)
            | match mode.create {
                Create::Never => Self::empty(),
                Create::Missing => Self::CREATE,
                Create::Empty => Self::CREATE | Self::TRUNCATE,
                Create::New => Self::CREATE | Self::EXCLUSIVE,
            }
    }
}

impl From<FileAttributes> for Attributes {
    fn from(attributes: FileAttributes) -> Self {
        let kind = match attributes.mode.unwrap_or_default() & KIND {
            0o100_000 => FileKind::File,
            0o040_000 => FileKind::Folder,
            0o120_000 => FileKind::Link,
            _ => FileKind::Other,
        };
        Self {
            kind,
            size: attributes.size,
            mode: attributes.mode.map(|mode| mode & PERMISSIONS),
            user: attributes.owner.map(|(user, _)| user),
            group: attributes.owner.map(|(_, group)| group),
            modified: attributes.times.map(|(_, modified)| modified),
        }
    }
}
