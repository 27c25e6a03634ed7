//! A folder of the server becomes one of the daemon.

use super::Tally;
use crate::Attributes;
use crate::blocking::blocking;
use crate::transfer::compare::Pair;
use crate::transfer::source::unreadable;
use crate::transfer::space::check_local;
use crate::transfer::walk::{Item, inside};
use crate::transfer::work::{Work, failed};
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt};
use hostler_model::{Failure, Moved, Phase};
use std::fs::{FileTimes, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Permissions of a folder of which the server says nothing.
const MODE: u32 = 0o755;

impl Work {
    /// Moves the folder of the server that the transfer names, which has these attributes, with all that is in it, to
    /// the daemon.
    pub(in crate::transfer) async fn download_tree(&self, attributes: Attributes) -> Result<Moved, Failure> {
        let mut contents = self.walk_remote(attributes).await?;
        let mut tally = Tally::new(self, std::mem::take(&mut contents.unmoved));
        check_local(&self.transfer.local.root, &self.transfer.local.path, self.room_for(&contents)).await?;
        let made = self.make_folders_here(&contents.folders, &mut tally).await?;
        let pair =
            |file: &Item| Pair { local: self.here(file), remote: file.source.clone(), source: file.attributes.clone() };
        self.move_files(&contents.files, pair, &mut tally).await?;
        self.download_links(&contents, &mut tally).await?;
        for folder in made.into_iter().rev() {
            self.finish_folder_here(folder, &mut tally).await?;
        }
        Ok(tally.moved)
    }

    /// A path of the daemon, below its root.
    pub(super) fn here(&self, item: &Item) -> PathBuf {
        self.transfer.local.path.join(&item.path)
    }

    /// Makes the folders that are not there. Gives those that it made.
    async fn make_folders_here<'a>(
        &self,
        folders: &'a [Item],
        tally: &mut Tally<'a>,
    ) -> Result<Vec<&'a Item>, Failure> {
        let mut made = Vec::new();
        for folder in folders {
            if !tally.has_place(folder) {
                continue;
            }
            let (root, path) = (self.transfer.local.root.clone(), self.here(folder));
            let (is_top, with_parents) = (folder.path.is_empty(), self.transfer.make_folders);
            let shown = self.shown(&path);
            let making = blocking(Phase::Transfer, move || {
                if is_top
                    && with_parents
                    && let Some(parent) = path.parent()
                {
                    root.create_dir_all(inside(parent))?;
                }
                make_folder(&root, inside(&path), is_top)
            });
            let outcome = making.await?.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    failed(format!("`{shown}` is there already, and is no folder: remove it."))
                }
                _ => unreadable(&shown, &error),
            });
            match outcome {
                Ok(true) => made.push(folder),
                Ok(false) => {}
                Err(failure) if is_top => return Err(failure),
                Err(failure) => tally.lose(folder, failure)?,
            }
        }
        Ok(made)
    }

    /// Gives a folder the mode and time that it has on the server.
    async fn finish_folder_here(&self, folder: &Item, tally: &mut Tally<'_>) -> Result<(), Failure> {
        let (root, path, attributes) = (self.transfer.local.root.clone(), self.here(folder), folder.attributes.clone());
        let shown = self.shown(&path);
        let finishing = blocking(Phase::Transfer, move || {
            let folder = root.open(inside(&path))?.into_std();
            if let Some(modified) = attributes.modified {
                let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(modified.into());
                folder.set_times(FileTimes::new().set_modified(modified))?;
            }
            folder.set_permissions(Permissions::from_mode(attributes.mode.unwrap_or(MODE)))
        });
        if let Err(error) = finishing.await? {
            tally.warn(format!("The daemon could not set mode and time of `{shown}`: {error}."));
        }
        Ok(())
    }
}

/// Makes a folder unless it is there. Says whether it did. Only the outermost may be a link to one.
fn make_folder(root: &Dir, path: &Path, is_top: bool) -> io::Result<bool> {
    // Its own mode comes last: it may forbid us to put anything into it.
    match root.create_dir_with(path, DirBuilder::new().mode(0o700)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = if is_top { root.metadata(path) } else { root.symlink_metadata(path) }?;
            if there.is_dir() { Ok(false) } else { Err(error) }
        }
        Err(error) => Err(error),
    }
}
