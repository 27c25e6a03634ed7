//! What the floor above sees of a server's files.

use futures::future::BoxFuture;
use hostler_model::Failure;

/// Bytes that one call reads at most.
pub const MAX_READ: u32 = 1 << 20;

/// Entries of a folder that one call lists at most.
pub const MAX_ENTRIES: usize = 10_000;

/// The files of a server, with the rights of the user who logged in. Paths are sent as they are given; a
/// relative one starts at the user's home, and the server follows links.
///
/// Every call has a deadline. After a failure of kind `timeout`, `connection-lost` or `protocol`, and after a
/// call that was given up, nobody knows where the server is: drop this, which closes its channel, and open
/// another.
pub trait Files: Send + Sync {
    /// What the server knows about a file or folder.
    fn stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Attributes, Failure>>;

    /// The same of a link itself.
    fn link_stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Attributes, Failure>>;

    /// The text of a link: the path that it leads to, from its own folder on if it is relative.
    fn read_link<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<String, Failure>>;

    /// What is in a folder, in the server's order.
    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Listing, Failure>>;

    /// `size` bytes of a file from `offset` on, at most [`MAX_READ`]; fewer only at its end.
    fn read<'a>(&'a self, path: &'a str, offset: u64, size: u32) -> BoxFuture<'a, Result<Vec<u8>, Failure>>;

    /// Makes a file with this content, or replaces that of an existing one in place: if it fails midway, the
    /// file holds a part.
    fn write<'a>(&'a self, path: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<(), Failure>>;

    /// Opens a file, to be read or written piece by piece.
    fn open<'a>(&'a self, path: &'a str, mode: OpenMode) -> BoxFuture<'a, Result<Box<dyn File>, Failure>>;

    /// Changes something else than content.
    fn change<'a>(&'a self, change: &'a FileChange) -> BoxFuture<'a, Result<(), Failure>>;
}

/// An open file of a server. Dropping it closes it. It is of use only for as long as the [`Files`] that opened it.
pub trait File: Send + Sync {
    /// What the server knows about it.
    fn stat(&self) -> BoxFuture<'_, Result<Attributes, Failure>>;

    /// `size` bytes from `offset` on, at most [`MAX_READ`]; fewer only at its end.
    fn read(&self, offset: u64, size: u32) -> BoxFuture<'_, Result<Vec<u8>, Failure>>;

    /// Writes `content` from `offset` on. If it fails, any part of it may have been written.
    fn write<'a>(&'a self, offset: u64, content: &'a [u8]) -> BoxFuture<'a, Result<(), Failure>>;

    /// Closes it. Some servers find out only now that what was written had no room.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>>;
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenMode {
    /// To be read.
    pub read: bool,
    /// To be written.
    pub write: bool,
    /// What becomes of it at once; anything but [`Create::Never`] only together with `write`.
    pub create: Create,
}

impl OpenMode {
    /// To read what exists.
    pub const READ: Self = Self { read: true, write: false, create: Create::Never };
    /// To write it anew.
    pub const WRITE: Self = Self { read: false, write: true, create: Create::Empty };
}

/// What becomes of a file when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// It must exist.
    Never,
    /// It is made if it does not exist.
    Missing,
    /// The same; if it exists, what it holds is thrown away.
    Empty,
    /// It is made; it must not exist, not even as a link that leads nowhere.
    New,
}

/// A change of something else than content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// Removes a file, or a link and not what it leads to.
    Remove {
        /// Its path.
        path: String,
    },
    /// Gives a file or folder another name; fails if that exists.
    Rename {
        /// Its path.
        path: String,
        /// The path it gets.
        to: String,
    },
    /// Makes a folder; the one around it must exist.
    MakeFolder {
        /// Its path.
        path: String,
    },
    /// Removes an empty folder.
    RemoveFolder {
        /// Its path.
        path: String,
    },
    /// Makes a symbolic link (symlink(2)).
    Link {
        /// Its path.
        path: String,
        /// Its text: the path that it leads to, as it is.
        to: String,
    },
    /// Sets permissions (chmod(2)).
    SetMode {
        /// Whose.
        path: String,
        /// The lower twelve bits of a mode.
        mode: u32,
    },
}

impl FileChange {
    /// What is changed.
    pub fn path(&self) -> &str {
        match self {
            Self::Remove { path }
            | Self::Rename { path, .. }
            | Self::MakeFolder { path }
            | Self::RemoveFolder { path }
            | Self::Link { path, .. }
            | Self::SetMode { path, .. } => path,
        }
    }
}

/// What a server says about a file; absent is what it does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// What sort of thing it is.
    pub kind: FileKind,
    /// Bytes.
    pub size: Option<u64>,
    /// Permissions: the lower twelve bits of a mode.
    pub mode: Option<u32>,
    /// The owner's number.
    pub user: Option<u32>,
    /// The group's number.
    pub group: Option<u32>,
    /// When its content changed last: seconds since 1970 in UTC.
    pub modified: Option<u32>,
}

/// What sort of thing has a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; only listings and [`Files::link_stat`] show one, because it is followed elsewhere.
    Link,
    /// A device, a pipe, a socket, or what the server does not say.
    Other,
}

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, which is no path.
    pub name: String,
    /// Those of a link itself.
    pub attributes: Attributes,
}

/// What is in a folder, without `.` and `..`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// At most [`MAX_ENTRIES`].
    pub entries: Vec<Entry>,
    /// There is more in the folder than `entries` has room for.
    pub cut: bool,
    /// How many were left out before that because their names cannot be part of a path here: not UTF-8, or
    /// with a `/` in them, which only a server that means harm sends.
    pub unnameable: u32,
}
