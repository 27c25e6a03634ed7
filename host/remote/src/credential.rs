//! What is presented to a server to log in: passwords, and private keys read from text or file.

mod file;
mod key;

use crate::Authentication;
use crate::handshake::blocking;
use hostler_model::{ErrorKind, Failure, Phase, Secret};
use russh::keys::PrivateKey;
use std::path::PathBuf;
use std::sync::Arc;

/// One thing to try.
pub(crate) enum Credential {
    /// `password`, or `keyboard-interactive` where that is all there is.
    Password(Secret),
    /// `publickey`.
    Key(Arc<PrivateKey>),
}

/// Reads and decrypts all keys, before the server hears of us. Also gives warnings. The work is
/// done where it holds nobody up: decryption is slow on purpose.
pub(crate) async fn load(
    methods: Vec<Authentication>,
    roots: Arc<Vec<PathBuf>>,
) -> Result<(Vec<Credential>, Vec<String>), Failure> {
    let only_passwords = methods.iter().all(|method| matches!(method, Authentication::Password(_)));
    let work = move || {
        let mut warnings = Vec::new();
        let credentials = methods.into_iter().map(|method| load_one(method, &roots, &mut warnings)).collect();
        Result::<Vec<_>, _>::map(credentials, |credentials| (credentials, warnings))
    };
    if only_passwords { work() } else { blocking(work).await? }
}

fn load_one(method: Authentication, roots: &[PathBuf], warnings: &mut Vec<String>) -> Result<Credential, Failure> {
    let (text, passphrase) = match method {
        Authentication::Password(password) => return Ok(Credential::Password(password)),
        Authentication::Key { text, passphrase, .. } => (text, passphrase),
        Authentication::Agent | Authentication::DefaultKeys => {
            return Err(Failure::new(
                ErrorKind::Unsupported,
                Phase::Auth,
                "The agent and default keys are not built yet.",
            ));
        }
        Authentication::KeyFile { path, passphrase } => {
            let found = file::read(&path, roots)?;
            if found.open_to_others {
                warnings.push(format!(
                    "The key file `{path}` can be read by other users of the daemon's machine: run chmod 600 on it."
                ));
            }
            (found.text, passphrase)
        }
    };
    Ok(Credential::Key(Arc::new(key::decode(&text, passphrase.as_ref())?)))
}
