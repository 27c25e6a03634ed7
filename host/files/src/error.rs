//! Why the daemon's files cannot be used. What is wrong with a request is a `Failure`.

use std::io;
use std::path::PathBuf;

/// Why the daemon's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A root is no absolute path, or not in its plain form.
    #[error("`files.roots` has {0}: write an absolute path without `..`")]
    NotPlain(PathBuf),
    /// A root is no folder that can be entered.
    #[error("`files.roots` has {path}, which cannot be used: {source}; make the folder, or take it out of the list")]
    Root {
        /// The root.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Through a root, jobs could read and change what the daemon keeps for itself.
    #[error("`files.roots` has {path}, but the daemon keeps its keys and jobs in {data}: name a folder elsewhere")]
    OwnFiles {
        /// The root.
        path: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// The setting named is 0.
    #[error("`files.{0}` is 0: give a positive number")]
    Zero(&'static str),
    /// One staged file may be larger than all of them.
    #[error("`files.staged_max_total` is less than `files.staged_max_size`: give at least as much")]
    TotalBelowSize,
    /// A folder of the data directory cannot be used.
    #[error("cannot use {path}: {source}; check that it is a folder and belongs to the daemon's user")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
