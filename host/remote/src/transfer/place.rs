//! A file of the server that is written.

use super::flight::Flight;
use super::source::Source;
use super::work::{Work, exists, failed};
use crate::sftp::{self, Extension, FileAttributes, Handle, OpenFlags, Reply, StatusCode};
use hostler_model::Failure;

/// Content of one file that may be on its way to the server, in bytes: twice the window of OpenSSH. What is on its way
/// may leave holes if it is cut off, and delays the cleaning up after a transfer that is given up.
pub(super) const MOST: usize = 4 << 20;

/// How a file is opened to be written.
pub(super) const NEW: OpenFlags = OpenFlags::WRITE.union(OpenFlags::CREATE).union(OpenFlags::EXCLUSIVE);
pub(super) const EMPTIED: OpenFlags = OpenFlags::WRITE.union(OpenFlags::CREATE).union(OpenFlags::TRUNCATE);
pub(super) const AS_IT_IS: OpenFlags = OpenFlags::WRITE;

/// What is written to: the target, or a part file beside it. A part is removed if this is dropped before it took the
/// target's place, unless it is to be kept.
pub(super) struct Place<'a> {
    work: &'a Work,
    target: &'a str,
    /// What is written to.
    path: String,
    handle: Option<Handle>,
    keep: bool,
}

impl<'a> Place<'a> {
    pub(super) fn new(work: &'a Work, target: &'a str, path: String) -> Self {
        Self { work, target, path, handle: None, keep: work.transfer.resume }
    }

    /// Whether it is the target itself.
    pub(super) fn is_target(&self) -> bool {
        self.path == self.target
    }

    /// What is written to.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Asks the server to open it.
    pub(super) fn open(&self, flags: OpenFlags) -> Reply<Handle> {
        // Nobody but the user reads a part. A target that is made gets its mode at the end.
        let attributes = FileAttributes { mode: Some(0o600), ..FileAttributes::default() };
        let attributes = if flags.contains(OpenFlags::CREATE) { attributes } else { FileAttributes::default() };
        self.work.client.open_file(self.path.as_bytes(), flags, &attributes)
    }

    pub(super) fn opened(mut self, handle: Handle) -> Self {
        self.handle = Some(handle);
        self
    }

    /// Writes the source from byte `from` on. Gives how many bytes that were.
    pub(super) async fn fill(&self, source: &Source, from: u64) -> Result<u64, Failure> {
        let Some(handle) = &self.handle else { return Ok(0) };
        let request = self.work.request_size();
        let mut blocks = source.blocks(from, request);
        let mut flight = Flight::new(MOST, self.work.flight.clone());
        let (mut sent, mut done) = (from, from);
        while let Some(mut block) = blocks.next().await? {
            while !block.is_empty() {
                let piece = block.split_to(block.len().min(request as usize));
                let size = u32::try_from(piece.len()).unwrap_or(request);
                while !flight.has_room(size).await {
                    self.confirm(&mut flight, &mut done).await?;
                }
                let answer = self.work.client.write(handle, sent, piece);
                flight.push(size, async move { answer.await.map(|()| size) });
                sent += u64::from(size);
            }
        }
        while self.confirm(&mut flight, &mut done).await? {}
        Ok(done - from)
    }

    /// Waits for the server to confirm the oldest write, if there is one.
    async fn confirm(&self, flight: &mut Flight<u32>, done: &mut u64) -> Result<bool, Failure> {
        match flight.next().await {
            None => Ok(false),
            Some(Ok(size)) => {
                *done += u64::from(size);
                self.work.meter.moved(self.target, size.into());
                Ok(true)
            }
            Some(Err(sftp::Error::Status(status))) if status.code == StatusCode::Failure => {
                let message = format!(
                    "The server took {done} bytes of `{}` and no more: its disk may be full, or a quota used up.",
                    self.target
                );
                Err(failed(message).with_detail(status.message))
            }
            Some(Err(error)) => Err(self.work.refused(self.target, error)),
        }
    }

    /// The file that is open, for whoever closes it.
    pub(super) fn take_handle(&mut self) -> Option<Handle> {
        self.handle.take()
    }

    /// No later transfer may go on with it, such as when it proved to be wrong.
    pub(super) fn condemn(&mut self) {
        self.keep = false;
    }

    /// Has the part take the target's place. Gives whether that happened at once.
    pub(super) async fn take_place(mut self, target_exists: bool) -> Result<bool, Failure> {
        if self.is_target() {
            return Ok(false);
        }
        let (client, part, target) = (&self.work.client, self.path.as_bytes(), self.target.as_bytes());
        // The other kind of renaming replaces nothing.
        let replaces = self.work.transfer.overwrite && client.offers(Extension::PosixRename);
        if replaces || !target_exists {
            let renamed = if replaces { client.posix_rename(part, target) } else { client.rename(part, target) };
            if let Err(error) = renamed.await {
                return Err(self.work.in_the_way(self.target, error).await);
            }
            self.keep = true;
            return Ok(true);
        }
        // From here on the part may be all there is, also where nobody waits for the answer.
        let keep = std::mem::replace(&mut self.keep, true);
        if let Err(error) = client.remove(target).await {
            self.keep = keep || matches!(error, sftp::Error::Broken(_));
            return Err(self.work.refused(self.target, error));
        }
        client.rename(part, target).await.map_err(|error| {
            let mut failure = self.work.refused(self.target, error);
            failure.message =
                format!("{} The new content is whole in `{}`; the old file is gone.", failure.message, self.path);
            failure
        })?;
        Ok(false)
    }
}

impl Work {
    /// What the server said no with, unless that is because something is there meanwhile that is not to be replaced.
    pub(super) async fn in_the_way(&self, target: &str, error: sftp::Error) -> Failure {
        let keeps = !self.transfer.overwrite && matches!(error, sftp::Error::Status(_));
        if keeps && self.client.lstat(target.as_bytes()).await.is_ok() {
            return exists(target);
        }
        self.refused(target, error)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // A handle that is left is closed by being dropped, which comes first.
        drop(self.handle.take());
        if !self.keep && !self.is_target() {
            self.work.leave(self.work.client.remove(self.path.as_bytes()));
        }
    }
}
