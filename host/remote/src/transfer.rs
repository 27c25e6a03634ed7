//! What the floor above asks of a transfer, and hears of it.

mod compare;
mod download;
mod flight;
mod folders;
mod hash;
mod landing;
mod mode;
mod part;
mod place;
mod progress;
mod reading;
mod resume;
mod run;
mod sides;
mod sink;
mod source;
mod space;
mod start;
mod tree;
mod upload;
mod verify;
mod walk;
mod work;

use crate::{Exec, FileChange};
use cap_std::fs::Dir;
use futures::future::BoxFuture;
use hostler_model::{Direction, Failure, HashAlgorithm};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use hash::hash;
pub(crate) use work::not_begun;

/// A file, or a folder with all that is in it, to be moved between the daemon and a server.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Transfer {
    /// Which way.
    pub direction: Direction,
    /// The daemon's side.
    pub local: LocalPath,
    /// The server's side: absolute, or from the user's home on.
    pub remote: String,
    /// Whether it may be a folder.
    pub recursive: bool,
    /// Whether a file that exists may be replaced.
    pub overwrite: bool,
    /// Whether to continue what an earlier transfer left, if it proves to be the same, and to leave a part if this one
    /// fails.
    pub resume: bool,
    /// Which files are left alone because they are the same already.
    pub compare: Compare,
    /// What to do with symbolic links in a folder.
    pub links: Links,
    /// Whether to compare the contents of both sides afterwards.
    pub verify: Option<HashAlgorithm>,
    /// Bytes that one request carries; clamped to what is possible.
    pub request_size: u32,
    /// Permissions that the files get: the lower twelve bits of a mode. Absent: those of an existing target, else those
    /// of the source.
    pub mode: Option<u32>,
    /// Whether missing folders above the target are made.
    pub make_folders: bool,
    /// Whether to write into the target itself instead of a part file beside it.
    pub in_place: bool,
    /// Whether to wait until the content is on the disk (fsync).
    pub durable: bool,
    /// Bytes that one file may have which is moved to the daemon; `u64::MAX`: any number.
    pub limit: u64,
    /// Wall clock for all of it.
    pub timeout: Duration,
}

/// A path on the daemon's side, which cannot leave its root.
#[derive(Clone, Debug)]
pub struct LocalPath {
    /// A folder that the operator named.
    pub root: Arc<Dir>,
    /// From there on.
    pub path: PathBuf,
    /// The whole, for people.
    pub shown: String,
}

/// Which files are left alone because they are the same already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// None: all are moved.
    Never,
    /// Those with the same size and time of change.
    SizeAndTime,
    /// Those with the same size and hash.
    Hash(HashAlgorithm),
}

/// What to do with symbolic links in a folder. None is ever followed out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// A link becomes a link with the same text.
    Copy,
    /// What it leads to is moved in its place, unless that lies outside the folder.
    Follow,
    /// It is left out.
    Skip,
}

/// Who is asked before each step of a transfer, and told how it goes.
pub trait Overseer: Send + Sync + 'static {
    /// Whether a step may be taken. Nothing of it was sent yet.
    fn admit<'a>(&'a self, step: Step<'a>) -> BoxFuture<'a, Result<(), Failure>>;

    /// Hears how far it is: a few times a second, and at the end. It must not block.
    fn progress(&self, progress: &Progress);
}

/// A step of a transfer, as those see it who may forbid it. `local` is the daemon's path.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// See what is in a folder of the server, or what is known about a path there.
    List(&'a str),
    /// Read a file of the server into one of the daemon.
    Read {
        /// The server's path.
        remote: &'a str,
        /// The daemon's path.
        local: &'a str,
        /// Bytes, as far as is known.
        size: Option<u64>,
    },
    /// Write a file of the server from one of the daemon.
    Write {
        /// The server's path.
        remote: &'a str,
        /// The daemon's path.
        local: &'a str,
        /// Bytes.
        size: u64,
    },
    /// Change something else at the server, such as make a folder.
    Change(&'a FileChange),
    /// Have the server hash a file. If that is forbidden, the file is read instead.
    Exec(&'a Exec),
}

/// How far a transfer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The file that is being moved: the server's path.
    pub file: String,
    /// Bytes of content that were moved, of all files.
    pub bytes: u64,
    /// Bytes of content that are to be moved, as far as is known by now.
    pub total: u64,
    /// Bytes a second, since the beginning.
    pub rate: u64,
}
