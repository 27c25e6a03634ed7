//! What the daemon keeps of components: their compiled form, which is native code, and copies of those in service.
//! Only what this daemon wrote is loaded.

use crate::folder::Version;
use crate::{Error, private_file};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

const KEY_LENGTH: usize = 32;
const TAG_LENGTH: usize = 32;

/// A folder of the daemon's own. A compiled component lies behind a tag: the HMAC-SHA256 (RFC 2104) of the file's name
/// and of what follows, under a key that lies beside the folder.
pub(crate) struct Cache {
    folder: PathBuf,
    key: Hmac<Sha256>,
}

impl Cache {
    /// Opens the folder, making it and its key if need be. A folder that others could write to is refused.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { path: folder.to_owned(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let metadata = std::fs::metadata(folder).map_err(failed)?;
        if metadata.uid() != rustix::process::geteuid().as_raw() || metadata.mode() & 0o022 != 0 {
            let message = "it must belong to the daemon's user, and nobody else may write to it (chmod 700)";
            return Err(failed(io::Error::new(ErrorKind::PermissionDenied, message)));
        }
        let path = folder.with_extension("key");
        let key = key(&path).map_err(|source| Error::File { path, source })?;
        let key = Hmac::new_from_slice(&key).expect("HMAC takes a key of any length");
        Ok(Self { folder: folder.to_owned(), key })
    }

    /// The compiled form of a component, if it is here and nobody touched it.
    pub(crate) fn find(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let name = compiled_name(engine, digest);
        let path = self.folder.join(&name);
        let again = |error: &dyn Display| {
            tracing::warn!(path = %path.display(), %error, "a compiled plugin cannot be used; it is compiled again");
        };
        let content = private_file::read(&path).inspect_err(|error| again(error)).ok()??;
        let (tag, compiled) = content.split_at_checked(TAG_LENGTH).unwrap_or_default();
        if self.tag(&name, compiled).verify_slice(tag).is_err() {
            again(&"it is damaged, or something else wrote it");
            return None;
        }
        deserialize(engine, compiled).inspect_err(|error| again(error)).ok()
    }

    /// Keeps a compiled component for the next start.
    pub(crate) fn keep(&self, engine: &Engine, digest: &str, compiled: &[u8]) {
        let name = compiled_name(engine, digest);
        let tag = self.tag(&name, compiled).finalize().into_bytes();
        if let Err(error) = private_file::replace(&self.folder.join(name), &[&tag, compiled]) {
            tracing::warn!(%error, "a compiled plugin could not be kept; it will be compiled again at the next start");
        }
    }

    fn tag(&self, name: &str, compiled: &[u8]) -> Hmac<Sha256> {
        self.key.clone().chain_update(name).chain_update(compiled)
    }

    /// Keeps a copy of what goes into service: the file in the plugins folder may be overwritten.
    pub(crate) fn keep_version(&self, version: &Version) -> io::Result<()> {
        let copy = self.folder.join(copy_name(version.digest()));
        if Version::read(&copy).ok().flatten().is_some_and(|kept| kept == *version) {
            return Ok(());
        }
        version.write(&copy)
    }

    /// The copy of a component that is in service, if it is whole.
    pub(crate) fn version(&self, digest: &str) -> Option<Version> {
        let version = Version::read(&self.folder.join(copy_name(digest))).ok()??;
        (version.digest() == digest).then_some(version)
    }

    /// Removes what belongs to no component of these digests, and what does not fit this engine.
    pub(crate) fn prune(&self, engine: &Engine, digests: &BTreeSet<&str>) -> io::Result<()> {
        let copies = digests.iter().map(|digest| copy_name(digest));
        let signatures = copies.clone().map(|name| format!("{name}.sig"));
        let manifests = digests.iter().map(|digest| format!("{}.toml", hexadecimal(digest)));
        let compiled = digests.iter().map(|digest| compiled_name(engine, digest));
        let used: BTreeSet<String> = copies.chain(signatures).chain(manifests).chain(compiled).collect();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(|name| used.contains(name)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// The key, made at the first start.
fn key(path: &Path) -> io::Result<Vec<u8>> {
    if let Some(key) = private_file::read(path)?.filter(|key| key.len() == KEY_LENGTH) {
        return Ok(key);
    }
    let mut key = vec![0; KEY_LENGTH];
    getrandom::fill(&mut key)?;
    private_file::replace(path, &[&key])?;
    Ok(key)
}

/// Makes compiled code usable. It has to come from this daemon's own compiler or cache: it is not checked here.
pub(crate) fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "it is what our compiler wrote: straight from it, or under a tag that only we can make"
    )]
    unsafe {
        Component::deserialize(engine, compiled)
    }
}

/// Everything that decides whether compiled code fits: the component, the engine's settings and
/// version, and the daemon's version.
fn compiled_name(engine: &Engine, digest: &str) -> String {
    let mut fit = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut fit);
    env!("CARGO_PKG_VERSION").hash(&mut fit);
    format!("{}-{:016x}.cwasm", hexadecimal(digest), fit.finish())
}

fn copy_name(digest: &str) -> String {
    format!("{}.wasm", hexadecimal(digest))
}

fn hexadecimal(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    /// A cache with one compiled component in it, its digest and its file.
    fn filled(folder: &Path) -> (Cache, Engine, String, PathBuf) {
        let (cache, engine) = (Cache::open(&folder.join("cache")).expect("it opens"), Engine::default());
        let version = crate::builtin::sources(&crate::Config::default()).remove(1).version;
        let compiled = engine.precompile_component(&version.wasm).expect("it compiles");
        cache.keep(&engine, version.digest(), &compiled);
        let file = cache.folder.join(compiled_name(&engine, version.digest()));
        (cache, engine, version.digest().to_owned(), file)
    }

    #[test]
    fn a_damaged_file_is_not_loaded() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cache, engine, digest, file) = filled(folder.path());
        assert!(cache.find(&engine, &digest).is_some(), "what was kept is loaded");
        let whole = std::fs::read(&file).expect("readable");
        for place in [0, TAG_LENGTH, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            std::fs::write(&file, damaged).expect("writable");
            assert!(cache.find(&engine, &digest).is_none(), "byte {place}");
        }
        std::fs::write(&file, &whole[..TAG_LENGTH / 2]).expect("writable");
        assert!(cache.find(&engine, &digest).is_none(), "a part of the tag");
    }

    #[test]
    fn a_file_of_another_name_or_another_daemon_is_not_loaded() {
        let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (cache, engine, digest, file) = filled(folder.path());
        let elsewhere = format!("sha256:{}", "0".repeat(64));
        std::fs::copy(&file, cache.folder.join(compiled_name(&engine, &elsewhere))).expect("writable");
        assert!(cache.find(&engine, &elsewhere).is_none(), "the tag binds the name");
        let (.., foreign) = filled(other.path());
        std::fs::copy(foreign, &file).expect("writable");
        assert!(cache.find(&engine, &digest).is_none(), "the key is another one");
    }

    #[test]
    fn what_is_not_used_any_more_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cache, engine, digest, file) = filled(folder.path());
        let [kept, old] = [b"one", b"two"]
            .map(|wasm| Version::new(wasm.to_vec(), Some(b"by me".to_vec()), Some("it is mine".into())));
        cache.keep_version(&kept).expect("writable");
        cache.keep_version(&old).expect("writable");
        cache.prune(&engine, &[digest.as_str(), kept.digest()].into()).expect("writable");
        assert!(file.exists() && cache.version(kept.digest()) == Some(kept.clone()));
        assert!(cache.version(old.digest()).is_none());
    }

    #[test]
    fn a_folder_or_a_key_that_others_can_touch_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = folder.path().join("cache");
        Cache::open(&cache).expect("it opens");
        std::fs::set_permissions(folder.path().join("cache.key"), Permissions::from_mode(0o644)).expect("it is ours");
        assert!(matches!(Cache::open(&cache), Err(Error::File { .. })));
        std::fs::remove_file(folder.path().join("cache.key")).expect("it is ours");
        Cache::open(&cache).expect("a missing key is made");
        std::fs::set_permissions(&cache, Permissions::from_mode(0o770)).expect("it is ours");
        assert!(matches!(Cache::open(&cache), Err(Error::File { .. })));
    }
}
