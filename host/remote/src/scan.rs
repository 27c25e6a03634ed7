//! The keys that a server shows to anybody.

use crate::algorithms;
use crate::dial::{READ_BUFFER, dial, resolve};
use crate::handshake::explain;
use hostler_model::{ErrorKind, Failure, Phase, Target};
use russh::client::{Handler, connect_stream};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A key that a server showed. Nobody has verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownKey {
    /// `ssh-ed25519` and so on.
    pub algorithm: String,
    /// As `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// The public key as text.
    pub text: String,
}

/// Asks a server for its host keys of all types, each on a connection of its own. `patience` is for each step.
/// Errors: as when connecting.
pub async fn scan(host: &str, port: u16, patience: Duration) -> Result<Vec<ShownKey>, Failure> {
    let addresses = resolve(host, port, patience).await?;
    let target = Target { host: host.to_owned(), port, ..Target::default() };
    let mut keys = Vec::new();
    for types in algorithms::host_key_types() {
        let wire = dial(&target, &addresses, READ_BUFFER, Instant::now() + patience).await?;
        let (greeting, shown) = (wire.greeting(), Arc::<OnceLock<PublicKey>>::default());
        let asking = connect_stream(algorithms::only(types), wire, Witness(shown.clone()));
        let asked = timeout(patience, asking).await.map_err(|_| {
            let message =
                format!("The server at port {port} of `{host}` did not show its key in time: try again later.");
            Failure::new(ErrorKind::Timeout, Phase::Connect, message)
        })?;
        match (shown.get(), asked) {
            (Some(key), _) => keys.push(ShownKey {
                algorithm: key.algorithm().to_string(),
                fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
                text: key.to_openssh().map_err(|error| unwritable().with_detail(error))?,
            }),
            // It has none of that type.
            (None, Ok(_) | Err(russh::Error::NoCommonAlgo { kind: russh::AlgorithmKind::Key, .. })) => {}
            (None, Err(error)) => {
                return Err(explain(&error, greeting.get().map(Vec::as_slice).unwrap_or_default(), &target));
            }
        }
    }
    Ok(keys)
}

fn unwritable() -> Failure {
    Failure::new(ErrorKind::Protocol, Phase::HostKey, "The server's key cannot be written as text: check the server.")
}

/// Sees the key and goes away.
struct Witness(Arc<OnceLock<PublicKey>>);

impl Handler for Witness {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let _first = self.0.set(shown.public_key());
        Ok(false)
    }
}
