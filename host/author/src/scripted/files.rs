//! The files of a server of the script: a folder of this machine, which is its root and everybody's home.
//!
//! Files of a trial are small and near, so they are read and written where the question comes.

use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, PermissionsExt};
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Phase};
use hostler_remote::{
    Attributes, Create, Entry, File, FileChange, FileKind, Files, Listing, MAX_ENTRIES, MAX_READ, OpenMode,
};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// All files of a server.
pub(super) struct ServerFiles(pub(super) Arc<Dir>);

/// An open file.
struct OpenFile {
    path: String,
    file: std::fs::File,
}

/// Where a path of the server lies below the folder.
pub(super) fn place(path: &str) -> &Path {
    let below = path.trim_start_matches('/');
    Path::new(if below.is_empty() { "." } else { below })
}

/// Why something was not done, in the words that real servers' files have.
pub(super) fn refused(path: &str, error: &io::Error) -> Failure {
    let (kind, message) = match error.kind() {
        io::ErrorKind::NotFound => {
            (ErrorKind::NotFound, format!("There is no `{path}` on the server: check the path and its folders."))
        }
        io::ErrorKind::PermissionDenied => (
            ErrorKind::PermissionDenied,
            format!("The server does not let anybody do that with `{path}`: check its mode, and where links lead."),
        ),
        _ => (ErrorKind::TransferFailed, format!("The server could not do that with `{path}`: {error}.")),
    };
    Failure::new(kind, Phase::Transfer, message)
}

pub(super) fn attributes(metadata: &Metadata) -> Attributes {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Folder,
        kind if kind.is_symlink() => FileKind::Link,
        _ => FileKind::Other,
    };
    Attributes {
        kind,
        size: Some(metadata.len()),
        mode: Some(metadata.permissions().mode() & 0o7777),
        user: Some(metadata.uid()),
        group: Some(metadata.gid()),
        modified: u32::try_from(metadata.mtime()).ok(),
    }
}

impl ServerFiles {
    /// Does something with a path.
    fn with<'a, T: Send + 'a>(
        &'a self,
        path: &'a str,
        work: impl FnOnce(&Dir, &Path) -> io::Result<T>,
    ) -> BoxFuture<'a, Result<T, Failure>> {
        let done = work(&self.0, place(path)).map_err(|error| refused(path, &error));
        async { done }.boxed()
    }
}

fn read_at(file: &std::fs::File, offset: u64, size: u32) -> io::Result<Vec<u8>> {
    let mut content = vec![0; size.min(MAX_READ) as usize];
    let mut filled = 0;
    while filled < content.len() {
        match file.read_at(&mut content[filled..], offset + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    content.truncate(filled);
    Ok(content)
}

fn list(dir: &Dir, path: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in dir.read_dir(path)? {
        let entry = entry?;
        if listing.entries.len() == MAX_ENTRIES {
            listing.cut = true;
            break;
        }
        match entry.file_name().into_string() {
            Ok(name) => listing.entries.push(Entry { name, attributes: attributes(&entry.metadata()?) }),
            Err(_) => listing.unnameable += 1,
        }
    }
    Ok(listing)
}

fn open(dir: &Dir, path: &Path, mode: OpenMode) -> io::Result<std::fs::File> {
    let OpenMode { read, write, create } = mode;
    let mut options = OpenOptions::new();
    options.read(read).write(write).create(matches!(create, Create::Missing | Create::Empty));
    options.truncate(create == Create::Empty).create_new(create == Create::New);
    Ok(dir.open_with(path, &options)?.into_std())
}

pub(super) fn change(dir: &Dir, change: &FileChange) -> io::Result<()> {
    let path = place(change.path());
    match change {
        FileChange::Remove { .. } => dir.remove_file(path),
        FileChange::Rename { to, .. } if dir.symlink_metadata(place(to)).is_ok() => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("`{to}` exists already")))
        }
        FileChange::Rename { to, .. } => dir.rename(path, dir, place(to)),
        FileChange::MakeFolder { .. } => dir.create_dir(path),
        FileChange::RemoveFolder { .. } => dir.remove_dir(path),
        FileChange::Link { to, .. } => dir.symlink_contents(to, path),
        FileChange::SetMode { mode, .. } => dir.set_permissions(path, PermissionsExt::from_mode(*mode)),
    }
}

impl Files for ServerFiles {
    fn stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Attributes, Failure>> {
        self.with(path, |dir, path| Ok(attributes(&dir.metadata(path)?)))
    }

    fn link_stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Attributes, Failure>> {
        self.with(path, |dir, path| Ok(attributes(&dir.symlink_metadata(path)?)))
    }

    fn read_link<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<String, Failure>> {
        self.with(path, |dir, path| Ok(dir.read_link_contents(path)?.to_string_lossy().into_owned()))
    }

    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Listing, Failure>> {
        self.with(path, list)
    }

    fn read<'a>(&'a self, path: &'a str, offset: u64, size: u32) -> BoxFuture<'a, Result<Vec<u8>, Failure>> {
        self.with(path, |dir, path| read_at(&open(dir, path, OpenMode::READ)?, offset, size))
    }

    fn write<'a>(&'a self, path: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<(), Failure>> {
        self.with(path, |dir, path| dir.write(path, content))
    }

    fn open<'a>(&'a self, path: &'a str, mode: OpenMode) -> BoxFuture<'a, Result<Box<dyn File>, Failure>> {
        self.with(path, |dir, below| {
            let file = open(dir, below, mode)?;
            Ok(Box::new(OpenFile { path: path.into(), file }) as Box<dyn File>)
        })
    }

    fn change<'a>(&'a self, change: &'a FileChange) -> BoxFuture<'a, Result<(), Failure>> {
        self.with(change.path(), |dir, _| self::change(dir, change))
    }
}

impl OpenFile {
    fn done<T: Send + 'static>(&self, done: io::Result<T>) -> BoxFuture<'_, Result<T, Failure>> {
        let done = done.map_err(|error| refused(&self.path, &error));
        async { done }.boxed()
    }
}

impl File for OpenFile {
    fn stat(&self) -> BoxFuture<'_, Result<Attributes, Failure>> {
        self.done(self.file.metadata().map(|metadata| attributes(&Metadata::from_just_metadata(metadata))))
    }

    fn read(&self, offset: u64, size: u32) -> BoxFuture<'_, Result<Vec<u8>, Failure>> {
        self.done(read_at(&self.file, offset, size))
    }

    fn write<'a>(&'a self, offset: u64, content: &'a [u8]) -> BoxFuture<'a, Result<(), Failure>> {
        self.done(self.file.write_all_at(content, offset))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        async { Ok(()) }.boxed()
    }
}
