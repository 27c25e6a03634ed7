//! What the operator lends: folders of key files, an agent, default keys.

use super::{Proof, certificate, file, key};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The names that `ssh-keygen` gives, in the order of `ssh`.
const NAMES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// What the operator lends to requests.
pub(crate) struct Lent {
    /// Folders below which a request may name key files.
    pub(crate) key_roots: Vec<PathBuf>,
    /// The agent's socket.
    pub(crate) agent: Option<PathBuf>,
    /// Key files, or folders that hold some of [`NAMES`].
    pub(crate) default_keys: Vec<PathBuf>,
}

impl Lent {
    /// The default keys that are usable. Adds a warning for each that is not. Blocks.
    pub(super) fn load(&self, warnings: &mut Vec<String>) -> Vec<Proof> {
        let mut proofs = Vec::new();
        for place in &self.default_keys {
            let files = if place.is_dir() {
                NAMES.iter().map(|name| place.join(name)).filter(|file| file.exists()).collect()
            } else {
                vec![place.clone()]
            };
            for path in files {
                if let Err(why) = add(&path, &mut proofs) {
                    tracing::warn!(path = %path.display(), why, "a default key is passed over");
                    // Where it lies is no business of the client.
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    warnings.push(format!("The default key `{name}` was passed over. {why}"));
                }
            }
        }
        proofs
    }
}

fn add(path: &Path, proofs: &mut Vec<Proof>) -> Result<(), String> {
    let found = file::open(path).map_err(|error| {
        tracing::warn!(%error, "a file cannot be read");
        "It cannot be read: an operator finds the reason in the log."
    })?;
    let key = Arc::new(key::decode(&found.text, None).map_err(|failure| failure.message)?);
    if let Some(Ok(certificate)) = found.certificate.map(|text| certificate::decode(&text, &key)) {
        proofs.push(Proof::Certificate(key.clone(), Box::new(certificate)));
    }
    proofs.push(Proof::Key(key));
    Ok(())
}
