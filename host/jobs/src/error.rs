//! Why the jobs of this daemon could not be opened.

use hostler_model::Failure;
use std::io;
use std::path::PathBuf;

/// Why the jobs of this daemon could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the store cannot be made or read.
    #[error("cannot open {path}: {source}; check that the data directory exists and belongs to this user")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key that seals secrets cannot be read or made.
    #[error(
        "the key that seals secrets, {path}, cannot be used: {source}; put it back, or remove it to have a new one made, \
         which loses the jobs that wait"
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// Another daemon has the store open. Two of them would declare each other's jobs lost.
    #[error("another daemon uses {path}; stop it or choose another data directory")]
    InUse {
        /// The lock that is held.
        path: PathBuf,
    },
    /// `SQLite` refuses the file.
    #[error("cannot use the job store {path}: {source}; move the file away to start with an empty one")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// The file is damaged.
    #[error(
        "the job store {path} is damaged: {found}; restore it from a backup, or move it away to start with an empty one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// A newer version of the daemon wrote the file.
    #[error(
        "the job store {path} has schema {found}, and this version knows schemas up to {known}; \
         install the newer version again or choose another data directory"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: u32,
        /// The newest version that this program knows.
        known: usize,
    },
    /// The jobs of an earlier run could not be taken over.
    #[error(
        "cannot take over the jobs that an earlier run left: {}; restore the job store from a backup, \
         or move it away to start with an empty one",
        .0.detail.as_deref().unwrap_or(&.0.message)
    )]
    LeftOver(#[source] Failure),
    /// The section `[webhooks]` is wrong.
    #[error("{0}")]
    Webhooks(String),
    /// The API keys cannot be read.
    #[error("cannot read the API keys: {0}")]
    Keys(#[source] Failure),
}
