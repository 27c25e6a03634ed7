//! One file from the server to the daemon.

use super::Step;
use super::landing::Landing;
use super::reading::Reading;
use super::sink::{Filling, Sink};
use super::verify::Verdict;
use super::work::{OneFile, Work, failed, harmless, is_folder, presumed, spoilt};
use crate::sftp::{FileAttributes, Handle, OpenFlags};
use crate::{Attributes, FileKind};
use futures::TryFutureExt;
use hostler_model::{ErrorKind, Failure, Phase};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A file on its way down.
pub(super) struct Download<'a> {
    pub(super) work: &'a Work,
    pub(super) remote: &'a str,
    /// The daemon's path, for people.
    pub(super) shown: String,
    /// What the server told of the file before.
    pub(super) known: Attributes,
}

impl Work {
    /// Moves a file of the server to the daemon, `local` below the transfer's root. `known` is what a listing told of it,
    /// which saves asking again. Asks for the admission of all that it does.
    pub(super) async fn download_file(
        &self,
        remote: &str,
        local: &Path,
        known: Option<&Attributes>,
    ) -> Result<OneFile, Failure> {
        let known = match known {
            Some(known) => known.clone(),
            None => self.look_there(remote).await?,
        };
        match known.kind {
            FileKind::Folder => return Err(is_folder(remote)),
            // Opening a pipe would hold the server's program up until somebody opens its other end.
            FileKind::Other => {
                let message = format!("`{remote}` is a device, a pipe or a socket: name a file.");
                return Err(failed(message));
            }
            _ => {}
        }
        let shown = self.shown(local);
        // Files such as those of /proc say 0 and have more.
        let size = known.size.filter(|&size| size > 0);
        if size.is_some_and(|size| size > self.transfer.limit) {
            return Err(self.too_large(remote));
        }
        self.admit(Step::Read { remote, local: &shown, size }).await?;
        Download { work: self, remote, shown, known }.run(local, size).await
    }

    fn too_large(&self, remote: &str) -> Failure {
        let limit = self.transfer.limit;
        let message = format!("`{remote}` has more than {limit} bytes, and no more are taken here: move less.");
        Failure::new(ErrorKind::Limit, Phase::Transfer, message)
    }

    /// What the server knows of a path. Links are followed.
    pub(super) async fn look_there(&self, remote: &str) -> Result<Attributes, Failure> {
        self.admit(Step::List(remote)).await?;
        let seen = self.client.stat(remote.as_bytes()).await;
        seen.map(presumed).map_err(|error| self.refused(remote, error))
    }
}

impl Download<'_> {
    async fn run(self, local: &Path, size: Option<u64>) -> Result<OneFile, Failure> {
        let Self { work, remote, .. } = &self;
        let opening = work.client.open_file(remote.as_bytes(), OpenFlags::READ, &FileAttributes::default());
        let opening = opening.map_err(|error| work.refused(remote, error));
        // What is emptied cannot be had back, so that its source has to be open before.
        let (landing, handle) = if work.transfer.in_place {
            let handle = opening.await?;
            (self.land(local, size).await, Ok(handle))
        } else {
            futures::join!(self.land(local, size), opening)
        };
        let handle = Arc::new(handle?);
        let (target, landing) = landing?;
        let Some(Landing { mut sink, from, restarted }) = landing else {
            let hash = work.verify(&target.path, remote, size).await?.hash(&self.shown)?;
            work.set_mode_here(&target.path, target.mode).await?;
            let total = size.unwrap_or_default();
            return Ok(OneFile { total, resumed: total, skipped: true, atomic: true, hash, ..OneFile::default() });
        };
        let in_place = sink.is_target();
        let bytes = match self.fetch(&sink, handle, from, size).await {
            Err(failure) if in_place => return Err(spoilt(failure, &self.shown)),
            fetched => fetched?,
        };
        let total = from + bytes;
        let verdict = work.verify(sink.path(), remote, size.and(Some(total))).await?;
        if let Verdict::Differs = verdict {
            sink.condemn();
        }
        let hash = verdict.hash(&self.shown)?;
        let Self { known, .. } = &self;
        let mode = match target.mode {
            Some(_) if in_place => work.transfer.mode,
            there => work.transfer.mode.or(there.or(known.mode).map(harmless)),
        };
        sink.finish(total, mode, known.modified, work.transfer.durable).await?;
        Ok(OneFile {
            bytes,
            total,
            resumed: from,
            restarted,
            skipped: false,
            atomic: !in_place,
            hash,
            warnings: vec![],
        })
    }

    /// Reads the file from byte `from` on into `sink`. Gives how many bytes that were.
    async fn fetch(&self, sink: &Sink, handle: Arc<Handle>, from: u64, size: Option<u64>) -> Result<u64, Failure> {
        let mut filling = sink.fill(from);
        let bytes = match size {
            Some(size) => self.read(&mut filling, handle, from..size).await?,
            None => self.read_unsized(&mut filling, &handle).await?,
        };
        filling.end().await?;
        Ok(bytes)
    }

    async fn read(&self, filling: &mut Filling<'_>, handle: Arc<Handle>, range: Range<u64>) -> Result<u64, Failure> {
        let (work, size) = (self.work, range.end - range.start);
        work.meter.expect(size);
        let mut reading = Reading::new(work, self.remote, handle.clone(), range);
        let (mut bytes, mut afterwards) = (0, None);
        while let Some(piece) = reading.next().await? {
            if reading.all_asked() && afterwards.is_none() {
                // Its answer comes behind those to come.
                afterwards = Some(work.client.fstat(&handle));
            }
            bytes += piece.len() as u64;
            work.meter.moved(self.remote, piece.len() as u64);
            filling.put(piece).await?;
        }
        let afterwards = afterwards.unwrap_or_else(|| work.client.fstat(&handle)).await;
        let now = afterwards.map(Attributes::from).map_err(|error| work.refused(self.remote, error))?;
        if bytes == size && (now.size, now.modified) == (self.known.size, self.known.modified) {
            return Ok(bytes);
        }
        let message = format!("`{}` changed while it was read: try again when nobody writes to it.", self.remote);
        Err(failed(message))
    }

    /// Reads a file that does not tell its size, request by request.
    async fn read_unsized(&self, filling: &mut Filling<'_>, handle: &Handle) -> Result<u64, Failure> {
        let (work, mut at) = (self.work, 0);
        loop {
            let piece = work.client.read(handle, at, work.request_size()).await;
            let piece = piece.map_err(|error| work.refused(self.remote, error))?;
            let size = piece.len() as u64;
            if size == 0 {
                return Ok(at);
            }
            at += size;
            if at > work.transfer.limit {
                return Err(work.too_large(self.remote));
            }
            work.meter.expect(size);
            work.meter.moved(self.remote, size);
            filling.put(piece).await?;
        }
    }
}
