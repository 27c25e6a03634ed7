//! What the operator says about files.

use crate::{Error, Roots, Staged};
use serde::Deserialize;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// The section `[files]`, and what the daemon knows about folders.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The data directory, with the folders `files` and `staged`.
    #[serde(skip)]
    pub data: PathBuf,
    /// Folders that a request may name files of the daemon in. A relative path starts at the first one. None given: only
    /// `files` of the data directory.
    pub roots: Vec<PathBuf>,
    /// How large one staged file may be, in bytes.
    pub staged_max_size: u64,
    /// How large all of them may be, in bytes; beyond it the oldest go.
    pub staged_max_total: u64,
    /// How long a staged file is kept, in seconds.
    pub staged_max_age: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::new(),
            roots: Vec::new(),
            staged_max_size: 4 << 30,
            staged_max_total: 16 << 30,
            staged_max_age: 24 * 3600,
        }
    }
}

/// The files of this daemon.
#[derive(Clone)]
pub struct Files {
    /// What jobs may move.
    pub roots: Arc<Roots>,
    /// What clients left here.
    pub staged: Arc<Staged>,
}

impl Config {
    /// Checks the folders, and cleans up what an earlier run left. No other daemon may use the data directory.
    pub fn build(mut self) -> Result<Files, Error> {
        let data = fs::canonicalize(&self.data);
        self.data = data.map_err(|source| Error::Folder { path: self.data.clone(), source })?;
        let roots = Roots::open(&self.roots, &self.data)?;
        let staged = Staged::open(&self)?;
        Ok(Files { roots: Arc::new(roots), staged: Arc::new(staged) })
    }
}
