//! Host keys on record, in a file of the format of sshd(8), section `SSH_KNOWN_HOSTS FILE FORMAT`.
//!
//! Each line is read by itself, so that a bad one hides no other. A `@cert-authority` line vouches
//! for certificates, which we do not ask for, and never for a plain key.

mod pattern;

use pattern::matches;
use russh::keys::ssh_key::known_hosts::{Entry, Marker};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::NamedTempFile;

const SSH_PORT: u16 = 22;

/// The file and the right to change it.
pub(crate) struct KnownHosts {
    path: PathBuf,
    writing: Mutex<()>,
}

/// What the file says about one host.
pub(crate) struct Record {
    keys: Vec<Known>,
}

struct Known {
    line: usize,
    revoked: bool,
    key: PublicKey,
}

/// What to think of a key that a server presents.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is on record.
    Known,
    /// Nothing is on record for the host.
    Unknown,
    /// The host has other keys on record, one of them at this line with this fingerprint.
    Changed {
        /// Counted from 1.
        line: usize,
        /// Of the key on record, as `ssh-keygen -l` shows it.
        fingerprint: String,
    },
    /// It is revoked by this line.
    Revoked {
        /// Counted from 1.
        line: usize,
    },
}

impl KnownHosts {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, writing: Mutex::new(()) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is on record for a host, by the name that the user gave. Blocks.
    pub(crate) fn look_up(&self, host: &str, port: u16) -> io::Result<Record> {
        Ok(Record::parse(&String::from_utf8_lossy(&self.read()?), host, port))
    }

    /// Records a first key, unless somebody did in the meantime: the verdict is from before the
    /// change. Blocks.
    pub(crate) fn record(&self, host: &str, port: u16, key: &PublicKey) -> io::Result<Verdict> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = self.read()?;
        let verdict = Record::parse(&String::from_utf8_lossy(&text), host, port).judge(key);
        if verdict == Verdict::Unknown {
            if text.last().is_some_and(|&last| last != b'\n') {
                text.push(b'\n');
            }
            let bare = PublicKey::new(key.key_data().clone(), "");
            let key = bare.to_openssh().map_err(io::Error::other)?;
            text.extend_from_slice(format!("{} {key}\n", name(host, port)).as_bytes());
            self.replace(&text)?;
        }
        Ok(verdict)
    }

    /// The whole file; a missing one is empty.
    fn read(&self) -> io::Result<Vec<u8>> {
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    /// Puts a new file (mode 0600) in place of the old one, so that no reader ever sees half of it.
    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        fs::File::open(folder)?.sync_all()
    }
}

impl Record {
    fn parse(text: &str, host: &str, port: u16) -> Self {
        let name = name(host, port);
        let host = host.to_lowercase();
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields.first().is_none_or(|first| first.starts_with('#')) {
                continue;
            }
            let Ok(entry) = fields.join(" ").parse::<Entry>() else {
                tracing::warn!(line = line_number, "known_hosts: a line cannot be read and counts for nothing");
                continue;
            };
            let patterns = entry.host_patterns();
            let revoked = entry.marker() == Some(&Marker::Revoked);
            let applies = match entry.marker() {
                None => matches(patterns, &name),
                // A stolen key is no better at another port.
                Some(Marker::Revoked) => matches(patterns, &name) || matches(patterns, &host),
                Some(Marker::CertAuthority) => false,
            };
            if applies {
                keys.push(Known { line: line_number, revoked, key: entry.public_key().clone() });
            }
        }
        Self { keys }
    }

    /// Whether a key of that type is on record.
    pub(crate) fn has(&self, algorithm: &Algorithm) -> bool {
        self.valid().any(|known| same_type(&known.key.algorithm(), algorithm))
    }

    /// Compares a key with the record. A key of another type than those on record is a changed key:
    /// else anybody could pass by offering a type that was never recorded.
    pub(crate) fn judge(&self, key: &PublicKey) -> Verdict {
        let equal = |known: &&Known| known.key.key_data() == key.key_data();
        if let Some(known) = self.keys.iter().filter(|known| known.revoked).find(equal) {
            return Verdict::Revoked { line: known.line };
        }
        if self.valid().any(|known| equal(&known)) {
            return Verdict::Known;
        }
        let same_type = self.valid().find(|known| same_type(&known.key.algorithm(), &key.algorithm()));
        match same_type.or_else(|| self.valid().next()) {
            None => Verdict::Unknown,
            Some(known) => {
                Verdict::Changed { line: known.line, fingerprint: known.key.fingerprint(HashAlg::Sha256).to_string() }
            }
        }
    }

    fn valid(&self) -> impl Iterator<Item = &Known> {
        self.keys.iter().filter(|known| !known.revoked)
    }
}

/// RSA keys are one type, whatever hash they sign with.
fn same_type(a: &Algorithm, b: &Algorithm) -> bool {
    a == b || matches!((a, b), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

/// How the file calls a host.
fn name(host: &str, port: u16) -> String {
    let host = host.to_lowercase();
    if port == SSH_PORT { host } else { format!("[{host}]:{port}") }
}

#[cfg(test)]
mod tests;
