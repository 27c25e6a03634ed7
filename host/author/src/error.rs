//! Why something was not done, in a sentence for whoever typed it.

use crate::exit;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What was typed cannot be used.
    #[error("{0}")]
    Input(String),
    /// A file or folder cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The project is not what one looks like.
    #[error("{0}")]
    Project(String),
    /// It cannot be built.
    #[error("{0}")]
    Build(String),
    /// A program of this machine is missing, or fails.
    #[error("{0}")]
    Program(String),
    /// What the daemon would say of the plugin.
    #[error(transparent)]
    Plugin(#[from] hostler_plugins::Error),
    /// What the daemon would say of a job.
    #[error(transparent)]
    Job(#[from] hostler_model::Failure),
    /// Ctrl-C was pressed again.
    #[error("left before the job had ended")]
    Left,
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    /// About a file or a folder.
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// About a file that was named and cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Input(format!("{} cannot be read: {error}", path.display()))
    }

    /// About a file whose content cannot be used.
    pub(crate) fn wrong(path: &Path, reason: &impl Display) -> Self {
        Self::Input(format!("{} is wrong: {reason}", path.display()))
    }

    /// The code to end with.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Input(_) => exit::USAGE,
            Self::Left => exit::INTERRUPTED,
            _ => exit::FAILED,
        }
    }
}
