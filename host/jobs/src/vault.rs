//! What seals the secrets that must outlive a run of the daemon.

use crate::{Error, failures};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, KeyInit, Mac};
use hostler_model::Failure;
use sha2::Sha256;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// The least bytes that a key has; one of ours has exactly so many.
const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;

/// Seals and opens with AES-256-GCM (NIST SP 800-38D). Each use has a label, so that what was sealed for one cannot be
/// passed off as another's.
pub(crate) struct Vault {
    cipher: Aes256Gcm,
    hash: Hmac<Sha256>,
}

impl Vault {
    /// Takes the key from `file`, or else from `secrets.key` in `data_dir`, where it is made at the first start. Nobody
    /// else may use the folder meanwhile.
    pub(crate) fn unlock(data_dir: &Path, file: Option<&Path>) -> Result<Self, Error> {
        let own = data_dir.join("secrets.key");
        let path = file.unwrap_or(&own);
        let failed = |source| Error::Key { path: path.to_owned(), source };
        let key = match std::fs::read(path).map(Zeroizing::new) {
            Err(error) if error.kind() == ErrorKind::NotFound && file.is_none() => make(path),
            read => read,
        };
        let key = key.map_err(failed)?;
        if key.len() < KEY_LENGTH {
            return Err(failed(io::Error::new(ErrorKind::InvalidData, "it is shorter than 32 bytes")));
        }
        let derived = |purpose: &str| keyed(&key).chain_update(purpose).finalize().into_bytes();
        Ok(Self {
            cipher: Aes256Gcm::new(&derived("hostler: sealing")),
            hash: keyed(&derived("hostler: fingerprints")),
        })
    }

    /// Seals what the daemon keeps under this label and name.
    pub(crate) fn seal(&self, label: &str, name: &str, content: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(failures::store)?;
        let payload = Payload { msg: content, aad: &bound_to(label, name) };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).map_err(failures::store)?;
        Ok([&nonce, sealed.as_slice()].concat())
    }

    /// Opens what was sealed under this label and name. It fails where another key sealed it, or where it was changed.
    pub(crate) fn open(&self, label: &str, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or_else(failures::not_sealed_by_us)?;
        let payload = Payload { msg: sealed, aad: &bound_to(label, name) };
        let opened = self.cipher.decrypt(&Nonce::from(*nonce), payload);
        opened.map(Zeroizing::new).map_err(|_| failures::not_sealed_by_us())
    }

    /// A keyed hash: whoever reads it learns nothing of the content, not even by guessing.
    pub(crate) fn fingerprint(&self, content: &[u8]) -> [u8; 32] {
        self.hash.clone().chain_update(content).finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn bound_to(label: &str, name: &str) -> Vec<u8> {
    [label.as_bytes(), b"\0", name.as_bytes()].concat()
}

/// A new key. It is on disk, as a whole, before anything is sealed with it.
fn make(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(vec![0; KEY_LENGTH]);
    getrandom::fill(&mut key)?;
    let part = path.with_extension("key.part");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(&key)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(key)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    pub(crate) fn vault() -> Vault {
        let folder = tempfile::tempdir().expect("a folder");
        Vault::unlock(folder.path(), None).expect("a key")
    }

    #[test]
    fn what_is_sealed_is_opened_after_a_restart_and_only_for_its_name_and_label() {
        let folder = tempfile::tempdir().expect("a folder");
        let sealed = Vault::unlock(folder.path(), None).expect("a key").seal("job", "a", b"hunter2").expect("sealed");
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        let vault = Vault::unlock(folder.path(), None).expect("the same key");
        assert_eq!(vault.open("job", "a", &sealed).expect("opened").as_slice(), b"hunter2");
        for (label, name) in [("job", "b"), ("webhook", "a"), ("joba", "")] {
            assert!(vault.open(label, name, &sealed).is_err(), "{label} {name}");
        }
        let mut changed = sealed.clone();
        *changed.last_mut().expect("not empty") ^= 1;
        for wrong in [&changed[..], &sealed[..11], &[]] {
            assert!(vault.open("job", "a", wrong).is_err());
        }
    }

    #[test]
    fn the_same_content_is_sealed_differently_each_time_and_has_one_fingerprint_per_key() {
        let (one, other) = (vault(), vault());
        assert_ne!(one.seal("job", "a", b"x").expect("sealed"), one.seal("job", "a", b"x").expect("sealed"));
        assert_eq!(one.fingerprint(b"x"), one.fingerprint(b"x"));
        assert_ne!(one.fingerprint(b"x"), one.fingerprint(b"y"));
        assert_ne!(one.fingerprint(b"x"), other.fingerprint(b"x"));
    }

    #[test]
    fn the_key_is_for_the_owner_only_and_a_short_or_missing_one_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        Vault::unlock(folder.path(), None).expect("a key");
        let own = folder.path().join("secrets.key");
        assert_eq!(std::fs::metadata(&own).expect("it was made").permissions().mode() & 0o777, 0o600);
        let given = folder.path().join("given");
        let refused = |file| Vault::unlock(folder.path(), Some(file)).err().expect("refused").to_string();
        assert!(refused(given.as_path()).contains("given"));
        assert!(!given.exists(), "a key that was to be handed in was made up");
        std::fs::write(&given, "short").expect("written");
        assert!(refused(given.as_path()).contains("32 bytes"));
        std::fs::write(&own, "").expect("written");
        assert!(Vault::unlock(folder.path(), None).is_err());
    }
}
