//! Host keys on record, in a file of the format of sshd(8), section `SSH_KNOWN_HOSTS FILE FORMAT`.
//!
//! Every look-up reads the file anew. It is changed under a lock that other processes respect too, and
//! always replaced as a whole, so that no reader ever sees half of it.

mod certificate;
mod line;
mod name;
mod pattern;
mod record;

pub(crate) use name::Name;
pub(crate) use record::{Record, Verdict, same_type};

use hostler_model::HostKey;
use line::Line;
use russh::keys::PublicKey;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The file.
pub(crate) struct KnownHosts {
    path: PathBuf,
}

impl KnownHosts {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is on record for a server. Blocks.
    pub(crate) fn look_up(&self, name: &Name) -> io::Result<Record> {
        Ok(Record::parse(&String::from_utf8_lossy(&self.read()?), name))
    }

    /// Records a first key, unless somebody did in the meantime: the verdict is from before the
    /// change. Blocks.
    pub(crate) fn record(&self, name: &Name, key: &PublicKey) -> io::Result<Verdict> {
        let _lock = self.lock()?;
        let text = self.read()?;
        let verdict = Record::parse(&String::from_utf8_lossy(&text), name).judge(key);
        if verdict == Verdict::Unknown {
            self.append(text, name, key)?;
        }
        Ok(verdict)
    }

    /// All lines that can be read. Blocks.
    pub(crate) fn list(&self) -> io::Result<Vec<HostKey>> {
        Ok(line::all(&String::from_utf8_lossy(&self.read()?)).filter_map(|line| line.shown()).collect())
    }

    /// Records a key beside those that a server may have already, unless it is known or revoked: the verdict
    /// is from before the change. Blocks.
    pub(crate) fn add(&self, name: &Name, key: &PublicKey) -> io::Result<Verdict> {
        let _lock = self.lock()?;
        let text = self.read()?;
        let verdict = Record::parse(&String::from_utf8_lossy(&text), name).judge(key);
        if !matches!(verdict, Verdict::Known | Verdict::Revoked { .. }) {
            self.append(text, name, key)?;
        }
        Ok(verdict)
    }

    /// Forgets the keys of a server, and answers the lines that named it. Lines with a marker or with patterns
    /// stay; of a line that names other servers too, only the name goes. Blocks.
    pub(crate) fn remove(&self, name: &str) -> io::Result<Vec<HostKey>> {
        let _lock = self.lock()?;
        let text = self.read()?;
        let (mut kept, mut removed) = (Vec::with_capacity(text.len()), Vec::new());
        for (index, raw) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let text = String::from_utf8_lossy(raw);
            let line = Line::parse(index + 1, &text).filter(|line| line.names(name));
            match line.and_then(|line| Some((line.without(name), line.shown()?))) {
                None => kept.extend_from_slice(raw),
                Some((rest, shown)) => {
                    kept.extend_from_slice(rest.as_bytes());
                    removed.push(shown);
                }
            }
        }
        if !removed.is_empty() {
            self.replace(&kept)?;
        }
        Ok(removed)
    }

    fn append(&self, mut text: Vec<u8>, name: &Name, key: &PublicKey) -> io::Result<()> {
        if text.last().is_some_and(|&last| last != b'\n') {
            text.push(b'\n');
        }
        let bare = PublicKey::new(key.key_data().clone(), "");
        let key = bare.to_openssh().map_err(io::Error::other)?;
        text.extend_from_slice(format!("{} {key}\n", name.own()).as_bytes());
        self.replace(&text)
    }

    /// The whole file; a missing one is empty.
    fn read(&self) -> io::Result<Vec<u8>> {
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    /// The right to change the file, until it is dropped. The lock is a file of its own, since the other one
    /// is replaced.
    fn lock(&self) -> io::Result<File> {
        let mut path = self.real_path().into_os_string();
        path.push(".lock");
        let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        lock.lock()?;
        Ok(lock)
    }

    /// Puts a new file (mode 0600) in place of the old one.
    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let path = self.real_path();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        File::open(folder)?.sync_all()
    }

    fn real_path(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }
}

#[cfg(test)]
mod tests;
