//! How an upload begins: what the target is, where to write, and from which byte on.

use super::part::{Identity, apart, part_name};
use super::place::{AS_IT_IS, EMPTIED, NEW, Place};
use super::resume::{Left, Plan, WINDOWS, plan};
use super::sides::{Pair, Sides};
use super::source::Source;
use super::space::check_remote;
use super::upload::Upload;
use super::work::{WORTH_CHECKING, Work, exists, failed, is_folder, is_pipe, presumed};
use crate::sftp::{Error, FileAttributes, Handle, OpenFlags, StatusCode};
use crate::{Attributes, FileKind};
use hostler_model::Failure;

/// Where to write, and from which byte on.
pub(super) struct Start<'a> {
    pub(super) place: Place<'a>,
    pub(super) from: u64,
    /// Why what an earlier transfer had left is not continued.
    pub(super) restarted: Option<String>,
}

impl<'a> Upload<'a> {
    /// Looks at the target, and opens what is to be written; nothing if the target is the same already. Gives the target
    /// too.
    pub(super) async fn begin(&mut self) -> Result<(Option<Start<'a>>, Option<Attributes>), Failure> {
        let Work { client, transfer, .. } = self.work;
        let seen = client.lstat(self.remote.as_bytes());
        if transfer.resume {
            return self.resume(seen.await).await;
        }
        let part = (!transfer.in_place).then(|| {
            let part = self.part(None);
            let opening = part.open(NEW);
            (part, opening)
        });
        let target = self.target(seen.await).await?;
        let place = match part {
            Some((part, opening)) if target.as_ref().is_none_or(|target| target.kind == FileKind::File) => {
                let place = self.part_or_target(part, opening.await, target.is_some()).await?;
                if !place.is_target() {
                    self.check_room(0).await?;
                }
                place
            }
            _ => self.in_place().await?,
        };
        Ok((Some(Start { place, from: 0, restarted: None }), target))
    }

    /// The same, with what an earlier transfer may have left.
    async fn resume(
        &mut self,
        seen: Result<FileAttributes, Error>,
    ) -> Result<(Option<Start<'a>>, Option<Attributes>), Failure> {
        let target = self.target(seen).await?;
        let in_place = self.work.transfer.in_place || target.as_ref().is_some_and(|it| it.kind != FileKind::File);
        let Source { identity, size, modified, .. } = &self.source;
        let identity = Identity { target: self.remote, source: identity, size: *size, modified: *modified };
        let part = self.part(Some(&identity));
        let left = if in_place { None } else { self.left(&part).await? };
        let pair = |left: &Attributes, remote| {
            left.size.filter(|_| left.kind == FileKind::File).map(|size| Pair { size, local: self.local, remote })
        };
        let sides = Sides {
            work: self.work,
            source: self.source.size,
            part: left.as_ref().and_then(|left| pair(left, part.path())),
            target: target.as_ref().and_then(|target| pair(target, self.remote)),
        };
        let plan = plan(&sides, &WINDOWS).await?;
        let (place, from, restarted) = match plan {
            Plan::Nothing => return Ok((None, target)),
            Plan::GoOn(Left::Part, from) => {
                self.check_room(from).await?;
                let handle = part.open(AS_IT_IS).await;
                (part.opened(handle.map_err(|error| self.work.refused(self.remote, error))?), from, None)
            }
            Plan::GoOn(Left::Target, from) => {
                self.check_room(from).await?;
                let place = Place::new(self.work, self.remote, self.remote.to_owned());
                let handle = place.open(AS_IT_IS).await;
                (place.opened(handle.map_err(|error| self.work.refused(self.remote, error))?), from, None)
            }
            Plan::Anew(why) if in_place => (self.in_place().await?, 0, why),
            Plan::Anew(why) => {
                if left.is_some() {
                    let removed = self.work.client.remove(part.path().as_bytes()).await;
                    removed.map_err(|error| self.work.refused(self.remote, error))?;
                }
                self.check_room(0).await?;
                let opened = part.open(NEW).await;
                (self.part_or_target(part, opened, target.is_some()).await?, 0, why)
            }
        };
        Ok((Some(Start { place, from, restarted: restarted.map(str::to_owned) }), target))
    }

    /// What an earlier transfer left.
    async fn left(&self, part: &Place<'a>) -> Result<Option<Attributes>, Failure> {
        match self.work.client.lstat(part.path().as_bytes()).await {
            Ok(left) => Ok(Some(presumed(left)).filter(|left| left.kind == FileKind::File)),
            Err(Error::Status(_)) => Ok(None),
            Err(error) => Err(self.work.refused(self.remote, error)),
        }
    }

    /// The target, if there is one and it may be written.
    async fn target(&self, seen: Result<FileAttributes, Error>) -> Result<Option<Attributes>, Failure> {
        let (work, path) = (self.work, self.remote);
        let seen = match seen {
            Ok(seen) => seen,
            Err(Error::Status(status)) if status.code == StatusCode::NoSuchFile => return Ok(None),
            Err(error) => return Err(work.refused(path, error)),
        };
        let target = presumed(seen);
        let is_link = target.kind == FileKind::Link;
        // What is written through a link is what it leads to; where that is nothing, it is made.
        let real = if is_link { work.client.stat(path.as_bytes()).await.ok() } else { Some(seen) };
        if real.is_some_and(|real| presumed(real).kind == FileKind::Folder) {
            Err(is_folder(path))
        } else if !work.transfer.overwrite {
            Err(exists(path))
        } else if is_link && work.is_below(path) {
            Err(failed(format!("`{path}` is there already, and is no file: remove it.")))
        } else if real.is_some_and(|real| is_pipe(&real)) {
            // Opening it would hold the server's program up until somebody opens its other end.
            Err(failed(format!("`{path}` is a pipe: name a file or a device.")))
        } else {
            Ok(Some(target))
        }
    }

    fn part(&self, identity: Option<&Identity<'_>>) -> Place<'a> {
        let (folder, name) = apart(self.remote);
        Place::new(self.work, self.remote, format!("{folder}{}", part_name(name, identity)))
    }

    /// The part that was to be opened; if its folder is missing, in a folder that is made; if nothing may be made in its
    /// folder, the target itself.
    async fn part_or_target(
        &mut self,
        part: Place<'a>,
        opened: Result<Handle, Error>,
        target_exists: bool,
    ) -> Result<Place<'a>, Failure> {
        let opened = self.with_folders(&part, NEW, opened).await?;
        match opened {
            Ok(handle) => Ok(part.opened(handle)),
            Err(Error::Status(status)) if status.code == StatusCode::PermissionDenied && target_exists => {
                self.warnings.push(format!(
                    "The server lets nobody make a file beside `{}`, so it was written in place.",
                    self.remote
                ));
                self.in_place().await
            }
            Err(error) => Err(self.work.refused(self.remote, error)),
        }
    }

    /// The target itself, emptied.
    async fn in_place(&self) -> Result<Place<'a>, Failure> {
        self.check_room(0).await?;
        let place = Place::new(self.work, self.remote, self.remote.to_owned());
        let flags = if self.work.transfer.overwrite { EMPTIED } else { NEW };
        let opened = place.open(flags).await;
        match self.with_folders(&place, flags, opened).await? {
            Ok(handle) => Ok(place.opened(handle)),
            Err(error) => Err(self.work.in_the_way(self.remote, error).await),
        }
    }

    /// If a folder was missing that is to be made, makes it and opens once more.
    async fn with_folders(
        &self,
        place: &Place<'a>,
        flags: OpenFlags,
        opened: Result<Handle, Error>,
    ) -> Result<Result<Handle, Error>, Failure> {
        match opened {
            Err(Error::Status(status)) if status.code == StatusCode::NoSuchFile && self.work.transfer.make_folders => {
                self.work.make_folders(self.remote).await?;
                Ok(place.open(flags).await)
            }
            opened => Ok(opened),
        }
    }

    /// Whether the server has room for the rest.
    async fn check_room(&self, from: u64) -> Result<(), Failure> {
        match self.source.size - from {
            // So little is written as fast as it is asked for.
            0..WORTH_CHECKING => Ok(()),
            rest => check_remote(self.work, apart(self.remote).0, rest).await,
        }
    }
}
