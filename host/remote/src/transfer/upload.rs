//! One file from the daemon to the server.

use super::Step;
use super::part::apart;
use super::place::Place;
use super::source::Source;
use super::start::Start;
use super::verify::Verdict;
use super::work::{OneFile, Work, failed, harmless, spoilt};
use crate::sftp::{Extension, FileAttributes};
use crate::{Attributes, FileKind};
use hostler_model::{ErrorKind, Failure, Hash, Phase};
use std::path::Path;

/// A file on its way up.
pub(super) struct Upload<'a> {
    pub(super) work: &'a Work,
    pub(super) local: &'a Path,
    pub(super) remote: &'a str,
    pub(super) source: Source,
    /// What the client should know.
    pub(super) warnings: Vec<String>,
}

impl Work {
    /// Moves a file of the daemon, `local` below the transfer's root, to `remote` on the server. Asks for the admission
    /// of all that it does.
    pub(super) async fn upload_file(&self, local: &Path, remote: &str) -> Result<OneFile, Failure> {
        if apart(remote).1.is_empty() {
            let message = format!("`{remote}` names no file: add the name that it is to have.");
            return Err(Failure::new(ErrorKind::InvalidRequest, Phase::Transfer, message));
        }
        let shown = self.shown(local);
        let source = Source::open(self.transfer.local.root.clone(), local, &shown).await?;
        self.admit(Step::Write { remote, local: &shown, size: source.size }).await?;
        Upload { work: self, local, remote, source, warnings: Vec::new() }.run().await
    }
}

impl<'a> Upload<'a> {
    async fn run(mut self) -> Result<OneFile, Failure> {
        let (start, target) = self.begin().await?;
        let Some(Start { mut place, from, restarted }) = start else {
            let total = self.source.size;
            let hash = self.work.verify(self.local, self.remote, Some(total)).await?.hash(self.remote)?;
            self.work.set_mode_there(self.remote, target.and_then(|target| target.mode)).await?;
            return Ok(OneFile { total, resumed: total, skipped: true, atomic: true, hash, ..OneFile::default() });
        };
        let (bytes, hash) = match self.write(&mut place, from, target.as_ref()).await {
            Err(failure) if place.is_target() => return Err(spoilt(failure, self.remote)),
            written => written?,
        };
        let in_place = place.is_target();
        let atomic = place.take_place(target.is_some()).await?;
        if !atomic && !in_place {
            self.warnings.push(format!(
                "The server cannot replace a file at once, so there was no `{}` for a moment.",
                self.remote
            ));
        }
        let (total, resumed, warnings) = (self.source.size, from, self.warnings);
        Ok(OneFile { bytes, total, resumed, restarted, skipped: false, atomic, hash, warnings })
    }

    /// Writes all content, gives the file its mode and time, and compares what is asked to be compared.
    async fn write(
        &mut self,
        place: &mut Place<'a>,
        from: u64,
        target: Option<&Attributes>,
    ) -> Result<(u64, Option<Hash>), Failure> {
        self.work.meter.expect(self.source.size - from);
        let bytes = place.fill(&self.source, from).await?;
        self.complete(place, target).await?;
        let verdict = self.work.verify(self.local, place.path(), Some(self.source.size)).await?;
        if let Verdict::Differs = verdict {
            place.condemn();
        }
        Ok((bytes, verdict.hash(self.remote)?))
    }

    /// Gives the file its owner, mode and time, closes it, and looks whether all of it is there.
    async fn complete(&mut self, place: &mut Place<'a>, target: Option<&Attributes>) -> Result<(), Failure> {
        let Some(handle) = place.take_handle() else { return Ok(()) };
        let Work { client, transfer, .. } = self.work;
        let refused = |error| self.work.refused(self.remote, error);
        let in_place = place.is_target();
        let special = target.is_some_and(|target| !matches!(target.kind, FileKind::File | FileKind::Link));
        // What is written in place keeps its owner, and its mode unless another one is asked for.
        let mode = match target {
            Some(_) if special => None,
            Some(_) if in_place => transfer.mode,
            target => transfer.mode.or(target.and_then(|it| it.mode).or(Some(self.source.mode)).map(harmless)),
        };
        let owner = target.filter(|_| !in_place).and_then(|target| target.user.zip(target.group));
        let time = u32::try_from(self.source.modified.0).ok().filter(|_| !special);
        // First the owner: a change of that takes bits off the mode.
        let given = owner
            .map(|owner| client.fsetstat(&handle, &FileAttributes { owner: Some(owner), ..FileAttributes::default() }));
        let attributes = FileAttributes { mode, times: time.map(|time| (time, time)), ..FileAttributes::default() };
        let set = client.fsetstat(&handle, &attributes);
        let can_sync = client.offers(Extension::Fsync);
        let synced = (transfer.durable && can_sync).then(|| client.fsync(&handle));
        let closed = client.close(handle);
        let there = client.stat(place.path().as_bytes());

        // Whether it helped shows at the end.
        drop(given);
        let set = set.await;
        if let Some(synced) = synced {
            synced.await.map_err(refused)?;
        }
        closed.await.map_err(refused)?;
        let there = Attributes::from(there.await.map_err(refused)?);
        if let Some(has) = there.size.filter(|&has| !special && has != self.source.size) {
            let (size, path) = (self.source.size, self.remote);
            let message =
                format!("The server has {has} of the {size} bytes of `{path}`: see that nobody writes to it.");
            return Err(failed(message));
        }
        match set {
            Err(error) if transfer.mode.is_some() => return Err(refused(error)),
            Err(_) => self.warnings.push(format!("The server did not set mode and time of `{}`.", self.remote)),
            Ok(()) => {}
        }
        if owner.is_some() && there.user.zip(there.group) != owner {
            let message = format!("`{}` belongs to another user or group than before.", self.remote);
            self.warnings.push(message);
        }
        if transfer.durable && !can_sync {
            let message = format!("The server does not tell when `{}` is on its disk.", self.remote);
            self.warnings.push(message);
        }
        Ok(())
    }
}
