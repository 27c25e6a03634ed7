//! What clients leave here, to be fetched by its id.

mod shelf;
mod slot;
mod writer;

pub use slot::Slot;
pub use writer::Writer;

use crate::{Config, Error};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use hostler_model::{ErrorKind, Failure, Phase};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shelf::Shelf;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// What is not complete is in a folder with such a name.
const PART: &str = ".part-";
/// In the folder of a file: the file.
const CONTENT: &str = "content";
/// In the folder of a file: what is known about it.
const ABOUT: &str = "about.json";
/// Bytes of a name: as many as Linux takes (`NAME_MAX`).
const MAX_NAME: usize = 255;

/// The files that clients left here. Each has a folder of its own, which appears and vanishes at once, by a rename.
pub struct Staged {
    folder: PathBuf,
    /// See [`Config::staged_max_size`].
    max_size: u64,
    /// See [`Config::staged_max_age`].
    max_age: Duration,
    shelf: Mutex<Shelf>,
}

/// What is known about a staged file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// By which it is fetched: a UUID of version 7 (RFC 9562).
    pub id: Uuid,
    /// What the client calls it: no path, and never the name of a file here.
    pub name: String,
    /// Who left it.
    pub owner: String,
    /// Whether it came for one job, and goes with it.
    pub once: bool,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content (FIPS 180-4), in hexadecimal.
    pub sha256: String,
    /// When it was complete.
    pub created_at: Timestamp,
    /// When it goes.
    pub expires_at: Timestamp,
}

impl Staged {
    /// Takes up what an earlier run kept, and removes what it left half done.
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        let sizes = [
            ("staged_max_size", config.staged_max_size),
            ("staged_max_total", config.staged_max_total),
            ("staged_max_age", config.staged_max_age),
        ];
        if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(Error::Zero(name));
        }
        if config.staged_max_total < config.staged_max_size {
            return Err(Error::TotalBelowSize);
        }
        let folder = config.data.join("staged");
        let mut shelf = Shelf::new(config.staged_max_total);
        let gone = take_up(&folder, &mut shelf).map_err(|source| Error::Folder { path: folder.clone(), source })?;
        let staged = Self {
            folder,
            max_size: config.staged_max_size,
            max_age: Duration::from_secs(config.staged_max_age),
            shelf: Mutex::new(shelf),
        };
        staged.discard(gone);
        staged.sweep();
        Ok(staged)
    }

    /// Starts to take a file in, by the client's name for it. `once`: it comes for one job, and goes with it. Blocks.
    pub fn put(self: &Arc<Self>, name: &str, owner: &str, once: bool) -> Result<Writer, Failure> {
        Writer::new(Slot::new(Arc::clone(self), plain(name), owner.into(), once)?)
    }

    /// Room for a file that somebody else writes, by the name that the client is to see. Blocks.
    pub fn slot(self: &Arc<Self>, name: &str, owner: &str) -> Result<Slot, Failure> {
        Slot::new(Arc::clone(self), plain(name), owner.into(), false)
    }

    /// How large one file may be, in bytes.
    pub fn max_size(&self) -> u64 {
        self.max_size
    }

    /// What is known about a file. Does not look at the disk.
    pub fn about(&self, id: Uuid) -> Result<StagedFile, Failure> {
        let about = self.shelf().get(id).filter(|about| about.expires_at > Timestamp::now());
        about.ok_or_else(|| missing(&id.to_string()))
    }

    /// The folder of a file, and what its content is called there. Blocks.
    pub fn open_folder(&self, id: Uuid) -> Result<(Dir, PathBuf), Failure> {
        match Dir::open_ambient_dir(self.path(id), ambient_authority()) {
            Ok(folder) => Ok((folder, CONTENT.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(&id.to_string())),
            Err(error) => Err(unusable(&error)),
        }
    }

    /// A file and its content, to be read from any offset on. Blocks.
    pub fn get(&self, id: &str) -> Result<(StagedFile, File), Failure> {
        let about = Uuid::parse_str(id).map_err(|_| missing(id)).and_then(|id| self.about(id))?;
        match File::open(self.path(about.id).join(CONTENT)) {
            Ok(content) => Ok((about, content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(id)),
            Err(error) => Err(unusable(&error)),
        }
    }

    /// Removes a file. Whoever reads it meanwhile can read on. Blocks.
    pub fn remove(&self, id: &str) -> Result<(), Failure> {
        let about = Uuid::parse_str(id).ok().and_then(|id| self.shelf().remove(id)).ok_or_else(|| missing(id))?;
        self.discard([about.id]);
        Ok(())
    }

    /// The job that a file came for has ended: removes it, unless it was left for any number of jobs. Blocks.
    pub fn used(&self, id: Uuid) {
        let gone = self.shelf().used(id);
        self.discard(gone);
    }

    /// Removes the files that came for jobs which are none of these. Blocks.
    pub fn keep_for(&self, open: &HashSet<Uuid>) {
        let gone = self.shelf().keep_for(open);
        self.discard(gone);
    }

    /// Removes the files whose time is over. Blocks.
    pub fn sweep(&self) {
        let gone = self.shelf().expire(Timestamp::now());
        self.discard(gone);
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, id: Uuid) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// Removes the folders of files that are not on the shelf any more.
    fn discard(&self, gone: impl IntoIterator<Item = Uuid>) {
        for id in gone {
            let part = self.folder.join(format!("{PART}{id}"));
            let removed = fs::rename(self.path(id), &part).and_then(|()| fs::remove_dir_all(&part));
            if let Err(error) = removed {
                tracing::warn!(%id, "a staged file cannot be removed: {error}");
            }
        }
    }
}

/// Puts what is complete on the shelf, and removes what is not. Answers what must go to keep within the limits.
fn take_up(folder: &Path, shelf: &mut Shelf) -> io::Result<Vec<Uuid>> {
    let mut gone = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let id = Uuid::parse_str(name).ok().filter(|id| id.to_string() == name);
        match id.map(|id| complete(&path, id)) {
            Some(Some(about)) => gone.extend(shelf.put(about)),
            Some(None) => fs::remove_dir_all(&path)?,
            None if name.starts_with(PART) => fs::remove_dir_all(&path)?,
            None => tracing::warn!("{} is not ours; it is left alone", path.display()),
        }
    }
    Ok(gone)
}

/// What is known about a file, if all of it is there.
fn complete(path: &Path, id: Uuid) -> Option<StagedFile> {
    let about: StagedFile = serde_json::from_slice(&fs::read(path.join(ABOUT)).ok()?).ok()?;
    let content = fs::metadata(path.join(CONTENT)).ok()?;
    (about.id == id && content.is_file() && content.len() == about.size).then_some(about)
}

/// A client's name for a file without the folders before it, and without what could mislead a reader.
fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut plain: String = last.chars().filter(|letter| !letter.is_control()).collect();
    plain.truncate(plain.floor_char_boundary(MAX_NAME));
    if matches!(&*plain, "" | "." | "..") { "file".into() } else { plain }
}

fn missing(id: &str) -> Failure {
    let message = format!("there is no staged file {id:?}; it may have been removed, or be too old");
    Failure::new(ErrorKind::NotFound, Phase::Transfer, message)
}

fn unusable(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::StorageFull {
        let message = "the daemon's disk is full: remove staged files, or ask the operator for more space";
        return Failure::new(ErrorKind::Busy, Phase::Transfer, message);
    }
    let message = "the daemon cannot use its folder for staged files: ask the operator to look into the log";
    Failure::new(ErrorKind::Internal, Phase::Transfer, message).with_detail(error)
}

#[cfg(test)]
mod tests;
