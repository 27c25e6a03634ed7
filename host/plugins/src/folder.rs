//! The plugins folder: `NAME.wasm`, its signature `NAME.wasm.sig`, and `NAME.toml`, if the manifest is not inside the
//! component; beside them, under names that end in `.previous`, the version that can be rolled back to.

use crate::plugin::digest;
use crate::{Error, private_file};
use std::fs::{File, read_dir, remove_file};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A component larger than this is not read, in bytes.
const MAX_COMPONENT: usize = 64 << 20;
/// A manifest larger than this is not read, in bytes.
const MAX_MANIFEST: usize = 64 << 10;
/// A signature larger than this is not read, in bytes.
const MAX_SIGNATURE: usize = 16 << 10;

/// See the module.
pub(crate) struct Folder(pub(crate) PathBuf);

/// One version of a plugin, as somebody delivered it.
#[derive(Clone)]
pub(crate) struct Version {
    /// The component.
    pub(crate) wasm: Vec<u8>,
    /// Who vouches for it (see `signature`).
    pub(crate) signature: Option<Vec<u8>>,
    /// The manifest beside it, if there is one.
    pub(crate) manifest: Option<String>,
    /// Of the component, as soon as somebody asked: for one of 20 MB it takes longer than all else that is done with it.
    digest: OnceLock<String>,
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        (&self.wasm, &self.signature, &self.manifest) == (&other.wasm, &other.signature, &other.manifest)
    }
}

impl Version {
    pub(crate) fn new(wasm: Vec<u8>, signature: Option<Vec<u8>>, manifest: Option<String>) -> Self {
        Self { wasm, signature, manifest, digest: OnceLock::new() }
    }

    /// `sha256:` and the SHA-256 of the component, in hexadecimal digits.
    pub(crate) fn digest(&self) -> &str {
        self.digest.get_or_init(|| digest(&self.wasm))
    }

    /// Reads a component, and the signature and the manifest beside it. `None`: there is no component.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let Some(wasm) = read(path, MAX_COMPONENT)? else { return Ok(None) };
        Ok(Some(Self::new(wasm, read(&signature_of(path), MAX_SIGNATURE)?, read_manifest(&manifest_of(path))?)))
    }

    /// Puts this version in place of what is there.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        match &self.signature {
            Some(signature) => private_file::replace(&signature_of(path), &[signature])?,
            None => remove(&signature_of(path))?,
        }
        match &self.manifest {
            Some(manifest) => private_file::replace(&manifest_of(path), &[manifest.as_bytes()])?,
            None => remove(&manifest_of(path))?,
        }
        private_file::replace(path, &[&self.wasm])
    }
}

impl Folder {
    /// Names of the plugins in it, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let failed = |source| Error::File { path: self.0.clone(), source };
        let mut names = Vec::new();
        if !self.0.exists() {
            return Ok(names);
        }
        for entry in read_dir(&self.0).map_err(failed)? {
            let file = entry.map_err(failed)?.file_name();
            names.extend(file.to_string_lossy().strip_suffix(".wasm").map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// What the operator put there.
    pub(crate) fn version(&self, name: &str) -> Result<Option<Version>, Error> {
        read_version(self.file(name))
    }

    /// The manifest that lies beside a component.
    pub(crate) fn manifest(&self, name: &str) -> Result<Option<String>, Error> {
        let path = manifest_of(&self.file(name));
        read_manifest(&path).map_err(|source| Error::File { path, source })
    }

    /// What can be rolled back to.
    pub(crate) fn previous(&self, name: &str) -> Result<Option<Version>, Error> {
        read_version(self.previous_file(name))
    }

    /// Puts versions in their places, as far as they are given. On an error the folder is as it was.
    pub(crate) fn put(&self, name: &str, version: Option<&Version>, previous: Option<&Version>) -> Result<(), Error> {
        let places = [(self.previous_file(name), previous), (self.file(name), version)];
        let places = places.into_iter().filter_map(|(path, version)| Some((path, version?)));
        let places = places.map(|(path, version)| Ok((read_version(path.clone())?, path, version)));
        let places = places.collect::<Result<Vec<_>, Error>>()?;
        for (index, (_, path, version)) in places.iter().enumerate() {
            if let Err(source) = version.write(path) {
                for (before, path, _) in &places[..=index] {
                    // A disk that does not even take back what it had is named by the first error.
                    let _second = before.as_ref().map_or_else(|| erase(path), |before| before.write(path));
                }
                return Err(Error::File { path: path.clone(), source });
            }
        }
        Ok(())
    }

    /// Removes a plugin with all that lies beside it, its earlier version included.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        for path in [self.file(name), self.previous_file(name)] {
            erase(&path).map_err(|source| Error::File { path, source })?;
        }
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.wasm"))
    }

    fn previous_file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.wasm.previous"))
    }
}

fn read_version(path: PathBuf) -> Result<Option<Version>, Error> {
    Version::read(&path).map_err(|source| Error::File { path, source })
}

fn signature_of(path: &Path) -> PathBuf {
    path.with_added_extension("sig")
}

/// `NAME.toml` of `NAME.wasm`, and so for what is appended to both.
fn manifest_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(name.replacen(".wasm", ".toml", 1))
}

fn read_manifest(path: &Path) -> io::Result<Option<String>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("its manifest {}: {error}", path.display()));
    read(path, MAX_MANIFEST)
        .and_then(|bytes| bytes.map(String::from_utf8).transpose().map_err(io::Error::other))
        .map_err(named)
}

/// Removes a component with its signature and its manifest.
fn erase(path: &Path) -> io::Result<()> {
    remove(path)?;
    remove(&signature_of(path))?;
    remove(&manifest_of(path))
}

fn remove(path: &Path) -> io::Result<()> {
    match remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A whole file, unless it is too large; `None` if there is none.
fn read(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut content = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut content)?;
    if content.len() > limit {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    Ok(Some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(wasm: &str, beside: Option<&str>) -> Version {
        Version::new(wasm.into(), beside.map(Into::into), beside.map(Into::into))
    }

    #[test]
    fn a_version_comes_and_goes_with_its_signature_and_manifest() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = Folder(folder.path().to_owned());
        let (old, new) = (version("old", Some("by me")), version("new", None));
        folder.put("a", Some(&old), None).expect("writable");
        assert!(folder.version("a").expect("readable").as_ref() == Some(&old));
        folder.put("a", Some(&new), Some(&old)).expect("writable");
        assert!(folder.version("a").expect("readable") == Some(new), "what belonged to the old one is gone");
        assert!(folder.previous("a").expect("readable") == Some(old));
        assert_eq!(folder.manifest("a").expect("readable"), None);
        assert_eq!(folder.names().expect("readable"), ["a"]);
        folder.remove("a").expect("writable");
        assert_eq!(std::fs::read_dir(&folder.0).expect("readable").count(), 0);
    }

    #[test]
    fn what_fails_leaves_the_folder_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = Folder(folder.path().to_owned());
        let (old, new) = (version("old", Some("by me")), version("new", None));
        folder.put("a", None, Some(&old)).expect("writable");
        std::fs::create_dir(folder.file("a")).expect("writable");
        std::fs::write(folder.file("a").join("in the way"), "").expect("writable");
        assert!(matches!(folder.put("a", Some(&old), Some(&new)), Err(Error::File { .. })));
        assert!(folder.previous("a").expect("readable") == Some(old));
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = Folder(folder.path().to_owned());
        let file = File::create(folder.file("a")).expect("writable");
        file.set_len(MAX_COMPONENT as u64 + 1).expect("a sparse file");
        assert!(matches!(folder.version("a"), Err(Error::File { .. })));
    }
}
