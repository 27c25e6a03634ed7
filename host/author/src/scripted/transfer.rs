//! How files are moved to and from a server of the script. Nothing breaks off there, so nothing is ever taken up again.

use super::files::{change, place, refused};
use cap_std::fs::{Dir, Metadata, Permissions, PermissionsExt};
use hostler_model::{Direction, ErrorKind, Failure, Moved, NotMoved, Phase};
use hostler_remote::{Compare, FileChange, Links, Overseer, Progress, Step, Transfer, hash};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a request would carry.
const REQUEST_SIZE: u32 = 255 << 10;

/// A transfer that is going on, and what it has done.
pub(super) struct Mover {
    server: Arc<Dir>,
    transfer: Transfer,
    overseer: Arc<dyn Overseer>,
    moved: Moved,
}

/// The two sides of something that is moved, as they are shown.
struct Names {
    local: String,
    remote: String,
}

impl Mover {
    pub(super) fn new(server: Arc<Dir>, transfer: Transfer, overseer: Arc<dyn Overseer>) -> Self {
        let moved = Moved {
            direction: transfer.direction,
            local_path: transfer.local.shown.clone(),
            remote_path: transfer.remote.clone(),
            files: 0,
            skipped: 0,
            failed: 0,
            bytes: 0,
            total: 0,
            resumed: 0,
            restarted: None,
            atomic: !transfer.in_place,
            request_size: transfer.request_size.min(REQUEST_SIZE),
            hash: None,
            failures: Vec::new(),
            staged: None,
            warnings: Vec::new(),
        };
        Self { server, transfer, overseer, moved }
    }

    /// Moves all of it, each thing after the folder that it is in.
    pub(super) async fn carry(mut self) -> Result<Moved, Failure> {
        let mut waiting = vec![String::new()];
        while let Some(below) = waiting.pop() {
            let is_whole = below.is_empty();
            match self.carry_one(&below).await {
                Ok(inside) => waiting.extend(inside),
                Err(failure) if is_whole || failure.kind == ErrorKind::Canceled => return Err(failure),
                Err(failure) => {
                    self.moved.failed += 1;
                    self.moved.failures.push(NotMoved { path: below, reason: failure.message });
                }
            }
        }
        if self.moved.files != 1 {
            self.moved.hash = None;
        }
        Ok(self.moved)
    }

    /// Moves one thing, and tells what is in it.
    async fn carry_one(&mut self, below: &str) -> Result<Vec<String>, Failure> {
        let (dir, path) = self.source(below);
        let shown = self.names(below);
        let unseen = |error: io::Error| refused(self.source_name(&shown), &error);
        let follows = below.is_empty() || self.transfer.links == Links::Follow;
        let found = if follows { dir.metadata(&path) } else { dir.symlink_metadata(&path) };
        let found = found.map_err(unseen)?;
        if found.is_symlink() {
            let text = dir.read_link_contents(&path).map_err(unseen)?;
            return self.link(below, &shown, &text).await.map(|()| Vec::new());
        }
        if !found.is_dir() {
            return self.file(below, &shown, &found).await.map(|()| Vec::new());
        }
        if !self.transfer.recursive {
            let message = format!("`{}` is a folder: name a file, or set `recursive`.", self.source_name(&shown));
            return Err(failed(message));
        }
        let mut inside = Vec::new();
        for entry in dir.read_dir(&path).map_err(unseen)? {
            let name = entry.map_err(unseen)?.file_name().to_string_lossy().into_owned();
            inside.push(if below.is_empty() { name } else { format!("{below}/{name}") });
        }
        // The last one is taken first.
        inside.sort_unstable_by(|a, b| b.cmp(a));
        self.folder(below, &shown).await?;
        Ok(inside)
    }

    async fn folder(&self, below: &str, shown: &Names) -> Result<(), Failure> {
        let (dir, path) = self.target(below);
        let is_there = dir.is_dir(&path);
        match self.transfer.direction {
            Direction::Download => self.overseer.admit(Step::List(&shown.remote)).await?,
            Direction::Upload if is_there => {}
            Direction::Upload => {
                self.overseer.admit(Step::Change(&FileChange::MakeFolder { path: shown.remote.clone() })).await?;
            }
        }
        if is_there {
            return Ok(());
        }
        dir.create_dir_all(&path).map_err(|error| refused(self.target_name(shown), &error))
    }

    async fn link(&self, below: &str, shown: &Names, text: &Path) -> Result<(), Failure> {
        if self.transfer.links == Links::Skip {
            return Ok(());
        }
        let (dir, path) = self.target(below);
        let to = text.to_string_lossy().into_owned();
        let made = match self.transfer.direction {
            Direction::Upload => {
                let link = FileChange::Link { path: shown.remote.clone(), to };
                self.overseer.admit(Step::Change(&link)).await?;
                change(dir, &link)
            }
            Direction::Download => {
                self.overseer.admit(Step::List(&shown.remote)).await?;
                dir.symlink_contents(text, path)
            }
        };
        made.map_err(|error| refused(self.target_name(shown), &error))
    }

    async fn file(&mut self, below: &str, shown: &Names, found: &Metadata) -> Result<(), Failure> {
        let (remote, local, size) = (&*shown.remote, &*shown.local, found.len());
        self.make_folders(below).await?;
        self.overseer
            .admit(match self.transfer.direction {
                Direction::Upload => Step::Write { remote, local, size },
                Direction::Download => Step::Read { remote, local, size: Some(size) },
            })
            .await?;
        if size > self.transfer.limit {
            let message = format!("`{remote}` has {size} bytes, but no more than {} are taken.", self.transfer.limit);
            return Err(Failure::new(ErrorKind::Limit, Phase::Transfer, message));
        }
        let (source, target) = (self.source(below), self.target(below));
        let content = source.0.read(&source.1).map_err(|error| refused(self.source_name(shown), &error))?;
        let unwritable = |error: io::Error| refused(self.target_name(shown), &error);
        let there = match target.0.metadata(&target.1) {
            Ok(there) if there.is_dir() => {
                return Err(failed(format!("`{}` is a folder: name a file.", self.target_name(shown))));
            }
            Ok(_) if !self.transfer.overwrite => {
                let name = self.target_name(shown);
                let message = format!("`{name}` exists already: set `overwrite` to replace it, or name another.");
                return Err(failed(message));
            }
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unwritable(error)),
        };
        let is_same = |there: &Metadata| match self.transfer.compare {
            Compare::Never => false,
            Compare::SizeAndTime => there.len() == size && there.modified().ok() == found.modified().ok(),
            Compare::Hash(_) => target.0.read(&target.1).is_ok_and(|other| other == content),
        };
        if there.as_ref().is_some_and(is_same) {
            self.moved.skipped += 1;
            self.moved.total += size;
            return Ok(());
        }
        let mode = self.transfer.mode.unwrap_or_else(|| there.as_ref().unwrap_or(found).permissions().mode() & 0o1777);
        write(target.0, &target.1, &content, mode, found).map_err(unwritable)?;
        self.moved.hash = self.transfer.verify.map(|algorithm| hash(algorithm, &content));
        self.moved.files += 1;
        self.moved.bytes += size;
        self.moved.total += size;
        let Moved { bytes, total, .. } = self.moved;
        self.overseer.progress(&Progress { file: remote.into(), bytes, total, rate: bytes });
        Ok(())
    }

    /// Makes the folders that are missing above a target, if that is asked.
    async fn make_folders(&self, below: &str) -> Result<(), Failure> {
        let (dir, path) = self.target(below);
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !dir.is_dir(folder);
        if !self.transfer.make_folders {
            return Ok(());
        }
        let mut folders: Vec<_> = path.ancestors().skip(1).filter(missing).collect();
        folders.reverse();
        for folder in folders {
            if self.transfer.direction == Direction::Upload {
                let path = format!("/{}", folder.display());
                self.overseer.admit(Step::Change(&FileChange::MakeFolder { path })).await?;
            }
            dir.create_dir(folder).map_err(|error| refused(&folder.to_string_lossy(), &error))?;
        }
        Ok(())
    }

    fn names(&self, below: &str) -> Names {
        let under = |top: &str| match below {
            "" => top.to_owned(),
            _ => format!("{}/{below}", top.trim_end_matches('/')),
        };
        Names { local: under(&self.transfer.local.shown), remote: under(&self.transfer.remote) }
    }

    fn source(&self, below: &str) -> (&Dir, PathBuf) {
        self.side(self.transfer.direction == Direction::Upload, below)
    }

    fn target(&self, below: &str) -> (&Dir, PathBuf) {
        self.side(self.transfer.direction == Direction::Download, below)
    }

    fn side(&self, is_local: bool, below: &str) -> (&Dir, PathBuf) {
        let (dir, top) = if is_local {
            (&*self.transfer.local.root, self.transfer.local.path.as_path())
        } else {
            (&*self.server, place(&self.transfer.remote))
        };
        (dir, if below.is_empty() { top.to_owned() } else { top.join(below) })
    }

    fn source_name<'a>(&self, shown: &'a Names) -> &'a str {
        if self.transfer.direction == Direction::Upload { &shown.local } else { &shown.remote }
    }

    fn target_name<'a>(&self, shown: &'a Names) -> &'a str {
        if self.transfer.direction == Direction::Upload { &shown.remote } else { &shown.local }
    }
}

/// Writes a file that looks like its source.
fn write(dir: &Dir, path: &Path, content: &[u8], mode: u32, like: &Metadata) -> io::Result<()> {
    dir.write(path, content)?;
    dir.set_permissions(path, Permissions::from_mode(mode))?;
    dir.open(path)?.into_std().set_modified(like.modified()?.into_std())
}

fn failed(message: String) -> Failure {
    Failure::new(ErrorKind::TransferFailed, Phase::Transfer, message)
}
