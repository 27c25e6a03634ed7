//! A client of SFTP version 3 (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions (its PROTOCOL, section 4).
//!
//! It is about what is asked and answered; the `subsystem` owns the channel and carries the bytes.

#[cfg(test)]
mod tests;

use super::attributes::{FileAttributes, OpenFlags};
use super::error::{Error, Nonsense, Status, StatusCode};
use super::failure::{PATIENCE, late, too_much};
use super::greeting::{Extension, Greeting, Limits};
use super::packet::{Name, Request, Response, kind};
use super::reply::Reply;
use super::table::{Table, Waiter};
use crate::connection::{Line, NotStarted};
use crate::subsystem::Subsystem;
use bytes::{Buf, Bytes};
use hostler_model::Phase;
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Bytes of requests that may wait to be sent: more than four transfers with 64 requests each have on their way.
const MAX_UNSENT: usize = 64 << 20;

/// Bytes that a server may give beyond what was asked for; they are cut.
const SURPLUS: usize = 1024;

/// Talks to the server's SFTP program over a channel of its own, which closes once the last copy is gone.
///
/// Each method queues its request at once, so that requests arrive in the order of the calls, and gives its answer
/// later. Whoever calls bounds what is on its way.
#[derive(Clone)]
pub(crate) struct Client(Arc<Inner>);

struct Inner {
    queue: mpsc::UnboundedSender<Unsent>,
    room: Arc<Semaphore>,
    table: Arc<Table>,
    offered: Vec<Extension>,
    limits: Arc<OnceLock<Limits>>,
    _gone: DropGuard,
}

/// A request that waits to be sent.
pub(crate) struct Unsent {
    pub(crate) frame: Bytes,
    /// What follows it.
    pub(crate) content: Bytes,
    _room: OwnedSemaphorePermit,
}

/// An open file or folder. Dropping it closes it, without waiting for what the server says to that.
pub(crate) struct Handle {
    /// Empty once it is closed.
    bytes: Bytes,
    client: Weak<Inner>,
}

/// What is known about a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileSystem {
    /// Bytes that the user may still write.
    pub(crate) available: u64,
}

impl Client {
    /// Has the server start its SFTP program, and greets it. Once `closing` says so, nothing more is sent. Dropping the
    /// future leaves no channel behind.
    pub(crate) async fn open(line: Arc<Line>, closing: CancellationToken) -> Result<Self, NotStarted> {
        let until = Instant::now() + PATIENCE;
        let (queue, unsent) = mpsc::unbounded_channel();
        let (greeted, greeting) = oneshot::channel();
        let (table, gone) = (Arc::new(Table::default()), CancellationToken::new());
        let subsystem = Subsystem { line: line.clone(), closing, unsent, table: table.clone(), gone: gone.clone() };
        let gone = gone.drop_guard();
        // From here on the task owns the channel.
        line.spawn(subsystem.run(until, greeted));
        let Greeting { offered } = match timeout_at(until, greeting).await {
            Ok(Ok(greeting)) => greeting?,
            Ok(Err(_)) => return Err(line.notes.lost(Phase::Transfer).into()),
            Err(_) => return Err(late().into()),
        };
        let room = Arc::new(Semaphore::new(MAX_UNSENT));
        let client = Self(Arc::new(Inner { queue, room, table, offered, limits: Arc::default(), _gone: gone }));
        if client.offers(Extension::Limits) {
            let limits = client.0.limits.clone();
            let learn = move |said: &mut Bytes| {
                let said = Limits::take(said)?;
                Ok(*limits.get_or_init(|| said))
            };
            drop(client.ask(Request::extended(Extension::Limits.name()), |response| extended(response, learn)));
        }
        Ok(client)
    }

    /// What the server takes at once. Known as soon as it has answered anything: before that, what every server takes.
    pub(crate) fn limits(&self) -> Limits {
        self.0.limits.get().copied().unwrap_or_default()
    }

    pub(crate) fn offers(&self, extension: Extension) -> bool {
        self.0.offered.contains(&extension)
    }

    pub(crate) fn open_file(&self, path: &[u8], flags: OpenFlags, attributes: &FileAttributes) -> Reply<Handle> {
        let request = Request::new(kind::OPEN).string(path).number(flags.bits()).attributes(attributes);
        self.ask(request, self.handle())
    }

    pub(crate) fn open_folder(&self, path: &[u8]) -> Reply<Handle> {
        self.ask(Request::new(kind::OPENDIR).string(path), self.handle())
    }

    /// Tells whether all went well: some servers find out only now that the disk is full.
    pub(crate) fn close(&self, mut handle: Handle) -> Reply<()> {
        self.ask(Request::new(kind::CLOSE).string(&std::mem::take(&mut handle.bytes)), done)
    }

    /// At most `size` bytes of a file from `offset` on; fewer do not mean that it ends there, none do.
    pub(crate) fn read(&self, handle: &Handle, offset: u64, size: u32) -> Reply<Bytes> {
        let request = Request::new(kind::READ).string(&handle.bytes).long(offset).number(size);
        self.ask(request, move |response| match response {
            Response::Data(content) if content.len() > size as usize + SURPLUS => {
                Err(Nonsense("much more content than was asked for"))
            }
            Response::Data(mut content) => {
                content.truncate(size as usize);
                Ok(Ok(content))
            }
            Response::Status(status) if status.code == StatusCode::Eof => Ok(Ok(Bytes::new())),
            other => no(other),
        })
    }

    /// Writes all of `content`, which must not be longer than the limit.
    pub(crate) fn write(&self, handle: &Handle, offset: u64, content: Bytes) -> Reply<()> {
        self.ask(Request::new(kind::WRITE).string(&handle.bytes).long(offset).content(content), done)
    }

    /// What the server knows about a file or folder; links are followed.
    pub(crate) fn stat(&self, path: &[u8]) -> Reply<FileAttributes> {
        self.ask(Request::new(kind::STAT).string(path), attributes)
    }

    /// The same, but of a link itself.
    pub(crate) fn lstat(&self, path: &[u8]) -> Reply<FileAttributes> {
        self.ask(Request::new(kind::LSTAT).string(path), attributes)
    }

    pub(crate) fn fstat(&self, handle: &Handle) -> Reply<FileAttributes> {
        self.ask(Request::new(kind::FSTAT).string(&handle.bytes), attributes)
    }

    pub(crate) fn setstat(&self, path: &[u8], attributes: &FileAttributes) -> Reply<()> {
        self.ask(Request::new(kind::SETSTAT).string(path).attributes(attributes), done)
    }

    pub(crate) fn fsetstat(&self, handle: &Handle, attributes: &FileAttributes) -> Reply<()> {
        self.ask(Request::new(kind::FSETSTAT).string(&handle.bytes).attributes(attributes), done)
    }

    /// Some more of what is in a folder, `.` and `..` too; `None` once that was all.
    pub(crate) fn read_folder(&self, handle: &Handle) -> Reply<Option<Vec<Name>>> {
        self.ask(Request::new(kind::READDIR).string(&handle.bytes), |response| match response {
            Response::Names(names) => Ok(Ok(Some(names))),
            Response::Status(status) if status.code == StatusCode::Eof => Ok(Ok(None)),
            other => no(other),
        })
    }

    /// Removes a file, or a link and not what it leads to.
    pub(crate) fn remove(&self, path: &[u8]) -> Reply<()> {
        self.ask(Request::new(kind::REMOVE).string(path), done)
    }

    /// Makes a folder with these permissions, less the server's umask. Absent: the server's own.
    pub(crate) fn make_folder(&self, path: &[u8], mode: Option<u32>) -> Reply<()> {
        let attributes = FileAttributes { mode, ..FileAttributes::default() };
        self.ask(Request::new(kind::MKDIR).string(path).attributes(&attributes), done)
    }

    /// Removes an empty folder.
    pub(crate) fn remove_folder(&self, path: &[u8]) -> Reply<()> {
        self.ask(Request::new(kind::RMDIR).string(path), done)
    }

    /// Fails if `to` exists.
    pub(crate) fn rename(&self, path: &[u8], to: &[u8]) -> Reply<()> {
        self.ask(Request::new(kind::RENAME).string(path).string(to), done)
    }

    /// Replaces `to` at once if it exists (rename(2)). Only where [`Extension::PosixRename`] is offered.
    pub(crate) fn posix_rename(&self, path: &[u8], to: &[u8]) -> Reply<()> {
        self.ask(Request::extended(Extension::PosixRename.name()).string(path).string(to), done)
    }

    /// The absolute path, without links.
    pub(crate) fn real_path(&self, path: &[u8]) -> Reply<Vec<u8>> {
        self.ask(Request::new(kind::REALPATH).string(path), name)
    }

    /// The text of a link.
    pub(crate) fn read_link(&self, path: &[u8]) -> Reply<Vec<u8>> {
        self.ask(Request::new(kind::READLINK).string(path), name)
    }

    /// Makes the link `path` with that text.
    pub(crate) fn symlink(&self, text: &[u8], path: &[u8]) -> Reply<()> {
        // The draft has them the other way round, but OpenSSH has not, and others follow it.
        self.ask(Request::new(kind::SYMLINK).string(text).string(path), done)
    }

    /// Answers once a file is on the disk. Only where [`Extension::Fsync`] is offered.
    pub(crate) fn fsync(&self, handle: &Handle) -> Reply<()> {
        self.ask(Request::extended(Extension::Fsync.name()).string(&handle.bytes), done)
    }

    /// What is known about the file system of a path. Only where [`Extension::Statvfs`] is offered.
    pub(crate) fn statvfs(&self, path: &[u8]) -> Reply<FileSystem> {
        let request = Request::extended(Extension::Statvfs.name()).string(path);
        self.ask(request, |response| extended(response, FileSystem::take))
    }

    /// Queues a request whose answer `read` understands.
    fn ask<T: Send + 'static>(
        &self,
        request: Request,
        read: impl FnOnce(Response) -> Outcome<T> + Send + 'static,
    ) -> Reply<T> {
        let (answer, reply) = oneshot::channel();
        let waiter: Waiter = Box::new(move |response| {
            let outcome = match response {
                Ok(response) => read(response)?.map_err(Error::Status),
                Err(failure) => Err(Error::Broken(failure)),
            };
            // If nobody waits any more, a handle is closed where it is dropped.
            drop(answer.send(outcome));
            Ok(())
        });
        let size = u32::try_from(request.size()).unwrap_or(u32::MAX);
        let Ok(room) = self.0.room.clone().try_acquire_many_owned(size) else {
            let _no_answer = waiter(Err(too_much()));
            return Reply(reply);
        };
        if let Some(number) = self.0.table.enter(waiter) {
            let (frame, content) = request.numbered(number);
            // If the task is at its end, it tells everybody in the table.
            drop(self.0.queue.send(Unsent { frame, content, _room: room }));
        }
        Reply(reply)
    }

    fn handle(&self) -> impl FnOnce(Response) -> Outcome<Handle> + Send + 'static {
        let client = Arc::downgrade(&self.0);
        move |response| match response {
            Response::Handle(bytes) => Ok(Ok(Handle { bytes, client })),
            other => no(other),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Once the client is gone, the server closes everything by itself.
        if !self.bytes.is_empty()
            && let Some(client) = self.client.upgrade()
        {
            drop(Client(client).ask(Request::new(kind::CLOSE).string(&self.bytes), done));
        }
    }
}

impl FileSystem {
    fn take(packet: &mut Bytes) -> Result<Self, Nonsense> {
        let _block = packet.try_get_u64()?;
        let fragment = packet.try_get_u64()?;
        let (_all, _free) = (packet.try_get_u64()?, packet.try_get_u64()?);
        let available = packet.try_get_u64()?;
        Ok(Self { available: available.saturating_mul(fragment) })
    }
}

/// What an answer means, unless it is none to what was asked.
type Outcome<T> = Result<Result<T, Status>, Nonsense>;

fn no<T>(response: Response) -> Outcome<T> {
    match response {
        Response::Status(status) => Ok(Err(status)),
        _ => Err(Nonsense("an answer of another kind than was asked for")),
    }
}

fn done(response: Response) -> Outcome<()> {
    match response {
        Response::Status(status) if status.code == StatusCode::Ok => Ok(Ok(())),
        other => no(other),
    }
}

fn attributes(response: Response) -> Outcome<FileAttributes> {
    match response {
        Response::Attributes(attributes) => Ok(Ok(attributes)),
        other => no(other),
    }
}

fn name(response: Response) -> Outcome<Vec<u8>> {
    match response {
        Response::Names(names) => match names.into_iter().next() {
            Some(first) => Ok(Ok(first.name)),
            None => Err(Nonsense("no name at all")),
        },
        other => no(other),
    }
}

fn extended<T>(response: Response, read: impl FnOnce(&mut Bytes) -> Result<T, Nonsense>) -> Outcome<T> {
    match response {
        Response::Extended(mut said) => read(&mut said).map(Ok),
        other => no(other),
    }
}
