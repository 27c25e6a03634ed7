//! How a download begins: what the target is, where to write, and from which byte on.

use super::download::Download;
use super::part::{Identity, part_name};
use super::resume::{Left, Plan, WINDOWS, plan};
use super::sides::{Pair, Sides};
use super::sink::{Opening, Sink};
use super::source::unreadable;
use super::space::check_local;
use super::walk::inside;
use super::work::{WORTH_CHECKING, Work, exists, failed, is_folder};
use crate::Step;
use crate::blocking::blocking;
use cap_std::fs::{Dir, PermissionsExt};
use hostler_model::{Failure, Phase};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Where to write, and from which byte on.
pub(super) struct Landing {
    pub(super) sink: Sink,
    pub(super) from: u64,
    /// Why what an earlier transfer had left is not continued.
    pub(super) restarted: Option<String>,
}

/// What is to be written or replaced.
pub(super) struct Target {
    /// Its path below the root, without links.
    pub(super) path: PathBuf,
    /// Bytes and permissions, if it exists.
    size: Option<u64>,
    pub(super) mode: Option<u32>,
}

impl Download<'_> {
    /// Looks at the target, and opens what is to be written; nothing if the target is the same already. Gives the target
    /// too.
    pub(super) async fn land(&self, local: &Path, size: Option<u64>) -> Result<(Target, Option<Landing>), Failure> {
        let (root, path) = (self.work.transfer.local.root.clone(), local.to_owned());
        let real = blocking(Phase::Transfer, move || real(&root, &path)).await?;
        let real = real.map_err(|error| unreadable(&self.shown, &error))?;
        // A link on the way leads to what was not judged by its name.
        if real != plain(local) {
            self.work.admit_below(self.remote, &real, size).await?;
        }
        let target = self.target(local).await?;
        let transfer = &self.work.transfer;
        let (part, plan) = match size.filter(|_| transfer.resume) {
            None => (beside(&target.path, None)?, Plan::Anew(None)),
            Some(size) => {
                let modified = (self.known.modified.unwrap_or_default().into(), 0);
                let there = target.path.to_string_lossy();
                let identity = Identity { target: &there, source: self.remote, size, modified };
                let part = beside(&target.path, Some(&identity))?;
                let plan = self.plan(&target, &part, size).await?;
                (part, plan)
            }
        };
        let (path, opening, from, why) = match plan {
            Plan::Nothing => return Ok((target, None)),
            Plan::GoOn(Left::Part, from) => (&part, Opening::AsItIs, from, None),
            Plan::GoOn(Left::Target, from) => (&target.path, Opening::AsItIs, from, None),
            Plan::Anew(why) if transfer.in_place && !transfer.overwrite => (&target.path, Opening::New, 0, why),
            Plan::Anew(why) if transfer.in_place => (&target.path, Opening::Emptied, 0, why),
            Plan::Anew(why) => (&part, Opening::New, 0, why),
        };
        let rest = size.unwrap_or_default() - from;
        if rest >= WORTH_CHECKING {
            let folder = target.path.parent().unwrap_or(Path::new(""));
            check_local(&transfer.local.root, folder, rest).await?;
        }
        // Where no size tells a source from others, no part is found again.
        let keep = transfer.resume && size.is_some();
        let sink = Sink::open(transfer, path.clone(), target.path.clone(), opening, &self.shown, keep).await?;
        Ok((target, Some(Landing { sink, from, restarted: why.map(str::to_owned) })))
    }

    /// What of an earlier transfer is continued. A part that is not is removed, except where the target itself is to be
    /// written.
    async fn plan(&self, target: &Target, part: &Path, size: u64) -> Result<Plan, Failure> {
        let (root, name) = (self.work.transfer.local.root.clone(), part.to_owned());
        let left = if self.work.transfer.in_place {
            None
        } else {
            blocking(Phase::Transfer, move || root.symlink_metadata(name)).await?.ok()
        };
        let pair = |size, local| Pair { size, local, remote: self.remote };
        let sides = Sides {
            work: self.work,
            source: size,
            part: left.as_ref().filter(|left| left.is_file()).map(|left| pair(left.len(), part)),
            target: target.size.map(|size| pair(size, &target.path)),
        };
        let plan = plan(&sides, &WINDOWS).await?;
        if left.is_some() && matches!(plan, Plan::Anew(_)) {
            let (root, name) = (self.work.transfer.local.root.clone(), part.to_owned());
            blocking(Phase::Transfer, move || root.remove_file(name))
                .await?
                .map_err(|error| unreadable(&self.shown, &error))?;
        }
        Ok(plan)
    }

    /// Looks at the target, and makes the folders above it if that is asked.
    async fn target(&self, local: &Path) -> Result<Target, Failure> {
        let transfer = &self.work.transfer;
        let (root, path, make_folders) = (transfer.local.root.clone(), local.to_owned(), transfer.make_folders);
        let looking = blocking(Phase::Transfer, move || {
            let mut path = path;
            let metadata = match root.symlink_metadata(&path) {
                Ok(link) if link.is_symlink() => {
                    // What it leads to is replaced, not the link.
                    path = root.canonicalize(path)?;
                    Some(root.metadata(&path)?)
                }
                Ok(metadata) => Some(metadata),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            if let Some(folder) = path.parent().filter(|folder| make_folders && !folder.as_os_str().is_empty()) {
                root.create_dir_all(folder)?;
            }
            Ok((path, metadata))
        });
        let (path, metadata) = looking.await?.map_err(|error| unreadable(&self.shown, &error))?;
        match &metadata {
            Some(metadata) if metadata.is_dir() => Err(is_folder(&self.shown)),
            Some(metadata) if !metadata.is_file() => {
                Err(failed(format!("`{}` is a device, a pipe or a socket: name a file.", self.shown)))
            }
            Some(_) if !transfer.overwrite => Err(exists(&self.shown)),
            metadata => Ok(Target {
                path,
                size: metadata.as_ref().map(cap_std::fs::Metadata::len),
                mode: metadata.as_ref().map(|it| it.permissions().mode() & 0o7777),
            }),
        }
    }
}

impl Work {
    /// Whether something of the server may come to be at a path below the root of the daemon's side.
    pub(super) async fn admit_below(&self, remote: &str, local: &Path, size: Option<u64>) -> Result<(), Failure> {
        let asked = &self.transfer.local;
        let mut above = Path::new(&asked.shown).ancestors().skip(plain(&asked.path).components().count());
        let local = above.next().unwrap_or(Path::new("/")).join(plain(local));
        self.admit(Step::Read { remote, local: &local.to_string_lossy(), size }).await
    }
}

/// The path below the root without links, of what need not be there.
pub(super) fn real(root: &Dir, path: &Path) -> io::Result<PathBuf> {
    match root.canonicalize(inside(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => Ok(real(root, folder)?.join(name)),
            _ => Err(error),
        },
        found => found.map(|path| plain(&path)),
    }
}

/// The same path without `.`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// The path of a part file beside a target.
fn beside(target: &Path, identity: Option<&Identity<'_>>) -> Result<PathBuf, Failure> {
    let name = target.file_name().ok_or_else(|| is_folder(&target.display().to_string()))?;
    Ok(target.with_file_name(part_name(&name.to_string_lossy(), identity)))
}
