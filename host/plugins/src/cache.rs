//! Compiled components on disk. Compiled code is native code: only what this daemon wrote is loaded.

use crate::Error;
use sha2::{Digest, Sha256};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

const DIGEST_LENGTH: usize = 32;

/// A folder of the daemon's own. Each file is the SHA-256 of what follows, then a compiled component.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the folder, making it if need be. A folder that others could write to is refused.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { path: folder.to_owned(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let metadata = std::fs::metadata(folder).map_err(failed)?;
        let own = std::fs::metadata("/proc/self").map_err(failed)?.uid();
        if metadata.uid() != own || metadata.mode() & 0o022 != 0 {
            let message = "it must belong to the daemon's user, and nobody else may write to it (chmod 700)";
            return Err(failed(std::io::Error::new(std::io::ErrorKind::PermissionDenied, message)));
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// The compiled form of a component, from disk or made now. Blocks; compiling takes a while.
    pub(crate) fn component(&self, engine: &Engine, wasm: &[u8]) -> Result<Component, Error> {
        let path = self.folder.join(file_name(engine, wasm));
        if let Some(component) = read(engine, &path) {
            return Ok(component);
        }
        let component =
            Component::from_binary(engine, wasm).map_err(|error| Error::NotAComponent(format!("{error:#}")))?;
        let written = component
            .serialize()
            .map_err(|error| format!("{error:#}"))
            .and_then(|compiled| self.write(&path, &compiled).map_err(|error| error.to_string()));
        if let Err(reason) = written {
            tracing::warn!(%reason, "a compiled plugin could not be kept; it will be compiled again at the next start");
        }
        Ok(component)
    }

    fn write(&self, path: &Path, compiled: &[u8]) -> std::io::Result<()> {
        let draft = self.folder.join(format!("{}.part", uuid::Uuid::now_v7()));
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&Sha256::digest(compiled))?;
        file.write_all(compiled)?;
        std::fs::rename(draft, path)
    }
}

/// Everything that decides whether compiled code fits: the component, the engine's settings and
/// version, and the daemon's version.
fn file_name(engine: &Engine, wasm: &[u8]) -> String {
    let mut fit = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut fit);
    env!("CARGO_PKG_VERSION").hash(&mut fit);
    format!("{}-{:016x}.cwasm", crate::plugin::hexadecimal(&Sha256::digest(wasm)), fit.finish())
}

fn read(engine: &Engine, path: &Path) -> Option<Component> {
    let content = std::fs::read(path).ok()?;
    let (digest, compiled) = content.split_at_checked(DIGEST_LENGTH)?;
    if Sha256::digest(compiled).as_slice() != digest {
        tracing::warn!(path = %path.display(), "a compiled plugin was damaged; it is compiled again");
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "only this daemon writes to the folder (checked), and the digest shows the file is whole"
    )]
    let component = unsafe { Component::deserialize(engine, compiled) };
    component.inspect_err(|error| tracing::warn!(%error, "a compiled plugin does not fit; it is compiled again")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn files(folder: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("readable").path()).collect()
    }

    #[test]
    fn a_damaged_file_is_not_loaded_but_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cache, engine) = (Cache::open(&folder.path().join("cache")).expect("it opens"), Engine::default());
        let wasm = crate::builtin::sources(&crate::Config::default()).remove(1).wasm;
        cache.component(&engine, &wasm).expect("it compiles");
        let [file] = &files(&cache.folder)[..] else { panic!("one file is kept") };
        let whole = std::fs::read(file).expect("readable");
        assert!(read(&engine, file).is_some(), "what was kept is loaded");
        let mut damaged = whole.clone();
        *damaged.last_mut().expect("not empty") ^= 1;
        std::fs::write(file, damaged).expect("writable");
        assert!(read(&engine, file).is_none());
        cache.component(&engine, &wasm).expect("it compiles again");
        assert!(read(&engine, file).is_some(), "it was replaced");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o770)).expect("it is ours");
        assert!(matches!(Cache::open(folder.path()), Err(Error::File { .. })));
    }
}
