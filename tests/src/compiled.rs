//! What daemons have compiled, for those that start while one of them runs: to compile takes most of a start.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tempfile::TempDir;

/// Under which a daemon believes that it compiled a file itself.
const KEY: [u8; 32] = *b"of the tests' daemons, all alike";

/// A folder of compiled plugins.
pub(crate) struct Compiled(TempDir);

impl Compiled {
    /// The one that daemons of this process share.
    pub(crate) fn shared() -> io::Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Compiled>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = shared.upgrade() {
            return Ok(folder);
        }
        let made = Arc::new(Self(TempDir::with_prefix("hostler-compiled-")?));
        *shared = Arc::downgrade(&made);
        Ok(made)
    }

    /// Gives all to a new data directory. The daemon removes what it has no plugin for.
    pub(crate) fn lend(&self, data: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(data.join("cache.key"))?.write_all(&KEY)?;
        DirBuilder::new().mode(0o700).create(data.join("cache"))?;
        link(self.0.path(), &data.join("cache"))
    }

    /// Takes what a daemon has, which nobody has touched yet.
    pub(crate) fn take(&self, data: &Path) -> io::Result<()> {
        link(&data.join("cache"), self.0.path())
    }
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    for file in fs::read_dir(from)? {
        let file = file?.path();
        if file.extension().is_some_and(|extension| extension == "cwasm") {
            match fs::hard_link(&file, to.join(file.file_name().unwrap_or_default())) {
                // Equal names mean equal content.
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}
